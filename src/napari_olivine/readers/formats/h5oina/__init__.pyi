from .images import montage_fields as montage_fields
