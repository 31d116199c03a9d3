"""The napari side: one dock a step, and the open section that they share.

Nothing here imports torch: long steps run in a child process, see
:mod:`napari_olivine.widgets.jobs.child_process`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
