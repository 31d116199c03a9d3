"""One probability and one segmentation for each phase that a network has learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.inference.models import classes_of, known_phases
from napari_olivine.job import Job
from napari_olivine.networks import ModelPhase
from napari_olivine.section import Product, Section
from tests.helpers.sections import make_section
from tests.inference.test_step import PLAIN, put_model, use
from tests.networks.test_networks import a_card

PHASES = [
    ModelPhase(name=name, code=code, colour=f"#00000{code}")
    for code, name in enumerate(["unclassified", "olivine", "plagioclase", "glass/groundmass"])
]
FACTORS = (0.2, 1.0, -1.0, 0.5)
"""The logit of each phase over the normalised grey."""

EVERY = slice(0, None), slice(0, None)


class FourPhases(torch.nn.Module):
    """A network of phases whose answer is known; it gives olivine alone unless it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: int | None = 1
        self.windows = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.windows += 1
        logits = torch.cat([images * factor for factor in FACTORS], 1)
        if self.kept is None:
            return logits
        return torch.logit(logits.softmax(1)[:, self.kept : self.kept + 1])


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> FourPhases:
    network = FourPhases()
    use(monkeypatch, network)
    return network


@pytest.fixture
def section(tmp_path: Path) -> Section:
    image = np.random.default_rng(0).integers(1, 250, (150, 130)).astype(np.uint8)
    return make_section(tmp_path / "section", {"BSE": image})


def run(section: Section, phases: str, **other: object) -> Product:
    folder = section.path.parent / "m"
    if not folder.exists():
        put_model(folder, normalisation=PLAIN, phases=PHASES)
    values = {"window_px": 96, "overlap_px": 32, "threshold": 0.3, "engine": "float32"}
    return segment(
        section, SegmentSettings(model=str(folder), phases=phases, **(values | other)), Job()
    )


def read(section: Section, product: str, name: str) -> NDArray[np.uint8]:
    return section.raster(product, name).read(*EVERY)


def images_of(section: Section, product: str) -> set[str]:
    return {one.name for one in section.require(product).path.iterdir() if one.is_dir()}


def softmax_of(section: Section) -> NDArray[np.float64]:
    grey = (read(section, "images", "BSE").astype(float) - 110) / 15
    logits = np.exp(np.stack([grey * factor for factor in FACTORS]))
    return logits / logits.sum(0)


def test_each_phase_has_its_softmax_and_its_threshold(
    section: Section, network: FourPhases
) -> None:
    product = run(section, "all")
    names = {"olivine", "plagioclase", "glass%2Fgroundmass"}
    assert images_of(section, "probability") == images_of(section, "segmentation") == names
    expected = softmax_of(section)
    notes = section.require("probability").notes
    assert notes["classes"] == ["olivine", "plagioclase", "glass/groundmass"]
    for place, phase, least in ((1, "olivine", 0.3), (2, "plagioclase", 0.5)):
        stored = read(section, "probability", phase)
        assert np.abs(stored - 255 * expected[place]).max() <= 1.5
        mask = read(section, "segmentation", phase)
        np.testing.assert_array_equal(mask, stored >= least * 255)
        counts = notes["histogram"] if phase == "olivine" else notes["histograms"][phase]
        assert counts == np.bincount(stored.ravel(), minlength=256).tolist()
    percent = product.notes["other_percent"]
    assert set(percent) == {"plagioclase", "glass/groundmass"}
    mask = read(section, "segmentation", "plagioclase")
    assert percent["plagioclase"] == pytest.approx(100 * mask.mean(), abs=1e-3)
    others = [read(section, "segmentation", name) for name in sorted(names - {"olivine"})]
    assert np.add(*others).max() == 1, "from 0.5 on no pixel belongs to two of them"


def test_by_default_there_is_olivine_alone_as_before(section: Section, network: FourPhases) -> None:
    run(section, "")
    assert images_of(section, "probability") == images_of(section, "segmentation") == {"olivine"}
    alone = read(section, "probability", "olivine")
    assert "phases" not in section.require("probability").recipe.settings
    assert section.require("segmentation").recipe.settings == {"threshold": 0.3}
    run(section, "plagioclase")
    assert np.abs(read(section, "probability", "olivine").astype(int) - alone).max() <= 1


def test_another_threshold_runs_no_network_and_takes_no_phase_away(
    section: Section, network: FourPhases
) -> None:
    run(section, "plagioclase")
    assert images_of(section, "probability") == {"olivine", "plagioclase"}
    made, windows = section.require("probability").created, network.windows
    run(section, "", threshold=0.4)
    run(section, "plagioclase", phase_threshold=0.7)
    assert (section.require("probability").created, network.windows) == (made, windows)
    stored = read(section, "probability", "plagioclase")
    mask = read(section, "segmentation", "plagioclase")
    np.testing.assert_array_equal(mask, stored >= 0.7 * 255)
    network.kept = 1  # as a network that was loaded anew
    run(section, "", augment="flips")  # another probability: what is asked for counts
    assert images_of(section, "probability") == {"olivine"}


def test_a_phase_that_the_model_has_not_learned() -> None:
    folder = Path("models/light")
    card = a_card(phases=PHASES)
    assert known_phases(card) == ("olivine", "plagioclase", "glass/groundmass")
    assert classes_of(card, folder, "") == ("olivine",)
    assert classes_of(card, folder, " glass/groundmass") == ("olivine", "glass/groundmass")
    with pytest.raises(
        InputError, match=r"has not learned garnet, but olivine, plagioclase"
    ) as one:
        classes_of(card, folder, "plagioclase,garnet")
    assert "plagioclase, glass/groundmass or to all" in one.value.remedy
    with pytest.raises(InputError, match=r"has not learned plagioclase, but olivine\.") as other:
        classes_of(a_card(), folder, "plagioclase")
    assert "{step:train}" in other.value.remedy


def test_a_second_model_gives_the_phases_that_it_knows(
    section: Section, network: FourPhases, tmp_path: Path
) -> None:
    other = put_model(tmp_path / "other", normalisation=PLAIN, phases=PHASES[:3])
    network.kept = None
    run(section, "all", compare=str(other))
    assert images_of(section, "compare/other") == {"olivine", "plagioclase"}
    with pytest.raises(InputError, match="different classes") as caught:
        segment(
            section, SegmentSettings(model=f"{section.path.parent / 'm'},{other}", phases="all")
        )
    assert "{setting:phases}" in caught.value.remedy
