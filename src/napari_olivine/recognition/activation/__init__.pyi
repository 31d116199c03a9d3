from .gradients import grad_cam as grad_cam
from .pointing import points_at as points_at
