"""``python -m napari_olivine`` is the command line."""

import sys

from napari_olivine.cli import main

sys.exit(main())
