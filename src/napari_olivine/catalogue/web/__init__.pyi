from .site import PAGE as PAGE, write_site as write_site
