from .page_name import PAGE as PAGE
from .site import write_site as write_site
