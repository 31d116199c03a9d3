"""Import torchvision safely; every module that uses it, or a library on top of it, comes here.

torchvision brings compiled operators (``nms`` and others, for object detection). When its wheel
was built for another kind of torch, e.g. the CUDA wheel beside a torch for the CPU, they cannot be
loaded, and ``import torchvision`` then dies with "operator torchvision::nms does not exist",
although networks and image transforms need none of them. In that case, and only then, this module
declares those operators without a body, so that the import goes through; calling one of them
still fails.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from functools import cache
from pathlib import Path
from types import ModuleType

import torch

from napari_olivine.errors import InputError


def torchvision() -> ModuleType:
    """Import torchvision, with its compiled operators declared if they cannot be loaded."""
    declare_missing_operators()
    return importlib.import_module("torchvision")


def smp() -> ModuleType:
    """Import segmentation-models-pytorch, which imports torchvision."""
    declare_missing_operators()
    return importlib.import_module("segmentation_models_pytorch")


@cache
def declare_missing_operators() -> tuple[str, ...]:
    """Declare torchvision's compiled operators where they cannot be loaded.

    Returns
    -------
    tuple of str
        Names of the operators that were declared, empty in a sound installation.

    Raises
    ------
    InputError
        If torchvision is not installed.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("torchvision is not installed.", remedy="Run 'pip install torchvision'.")
    folder = Path(spec.submodule_search_locations[0])
    if _loads(folder):
        return ()
    source = (folder / "_meta_registrations.py").read_text(encoding="utf-8")
    names = tuple(dict.fromkeys(re.findall(r'register_fake\("torchvision::(\w+)"', source)))
    for name in names:
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        library.define(  # type: ignore[no-untyped-call]
            f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        )
        _LIBRARIES.append(library)
    return names


_LIBRARIES: list[torch.library.Library] = []  # operators live as long as their library object


def _loads(folder: Path) -> bool:
    for file in [*folder.glob("_C*.so"), *folder.glob("_C*.pyd"), *folder.glob("_C*.dylib")]:
        try:
            torch.ops.load_library(str(file))  # type: ignore[no-untyped-call]
        except OSError:
            continue
        return True
    return False
