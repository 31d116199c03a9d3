"""When a run need not be made again: the fingerprints of what it depends on."""

from __future__ import annotations

from napari_olivine.comparison.plan import Run
from napari_olivine.comparison.record import FORMAT
from napari_olivine.comparison.reference import Reference
from napari_olivine.comparison.settings import CompareSettings
from napari_olivine.inference import fingerprint_of_model
from napari_olivine.section import Section, fingerprint_of_bytes
from napari_olivine.training import training_recipe


def fingerprints(
    section: Section, run: Run, reference: Reference, settings: CompareSettings
) -> tuple[str, str]:
    """Return what a run was trained from, and by what it is scored.

    Parameters
    ----------
    section, run, reference, settings
        Of the comparison.

    Returns
    -------
    trained_from, scored_by : str
        The same as those of a record: it need not be made again.
    """
    if run.given is not None:
        trained = fingerprint_of_model(run.given.folder)
    else:
        assert run.training is not None
        trained = training_recipe(section, run.training, run.seed).fingerprint
    how = (FORMAT, reference.fingerprint(), settings.engine, settings.found_iou)
    return trained, fingerprint_of_bytes(repr(how).encode())
