"""The plugin starts fast: the Section dock loads no library before a section is there."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("pandas", "zarr", "pyarrow", "scipy", "skimage", "matplotlib", "cv2", "numba", "torch")


def test_section_dock_loads_no_heavy_library() -> None:
    code = (
        "import sys, napari_olivine.widgets.docks.section_dock\n"
        "from napari_olivine.section import Section\n"
        f"print(*[name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == []
