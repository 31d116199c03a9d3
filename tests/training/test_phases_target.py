"""A network that learns all phases of the mask: labels, loss, crops, card, and what it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.masks.corrections import CORRECTIONS_INPUT
from napari_olivine.networks import (
    LevelledGrey,
    ModelCard,
    ModelPhase,
    Normalisation,
    follow_grey,
    load_model,
    normalise,
    read_card,
)
from napari_olivine.section import Section, create_raster
from napari_olivine.settings import Settings
from napari_olivine.training import TrainSettings, train
from napari_olivine.training.losses import SegmentationScores, bce_dice_loss, phase_loss
from napari_olivine.training.phases import MaskPhases, phases_of_mask
from napari_olivine.training.pieces import Pieces, pieces_of
from napari_olivine.training.plan import TrainingSection, plan_sections
from napari_olivine.training.samples import Samples
from napari_olivine.training.shown_windows import choose_windows
from napari_olivine.training.what_is_shown import HEAVIEST, show_phases, weights_of
from napari_olivine.training.windows import BY_HAND, FIRST_PHASE, IGNORE
from tests.helpers.grains import put_mask
from tests.helpers.sections import make_section
from tests.training.test_training import use_small_network

pytestmark = pytest.mark.slow

SIDE = 128
NORM = Normalisation(align="none", median=110, spread=15, mean=(110.0,), std=(15.0,))
NAMES = {0: "unclassified", 1: "olivine", 2: "orthopyroxene", 3: "glass"}
TINY = {"epochs": 1, "steps": 2, "batch": 2, "crop_px": 64, "weights": "none"}
GLASS = FIRST_PHASE + 3
"""Label of the last of the phases."""


def put_phases(
    section: Section, codes: NDArray[np.uint8], names: Mapping[int, str] = NAMES
) -> None:
    """Store a mask with phases as the mask step would."""
    measured = codes != IGNORE
    images = {"phases": codes, "olivine": np.where(measured, codes == 1, IGNORE).astype(np.uint8)}
    inputs = ["images", CORRECTIONS_INPUT]
    recipe = section.recipe("mask", Settings(), inputs, extra={"source": "made by a test"})
    with section.draft("mask", recipe, Job(force=True)) as draft:
        for name, image in images.items():
            out = create_raster(draft.path / name, image.shape, "uint8", 1.5, reduction="mode")
            out.write(0, 0, image)
            out.build_pyramid(Job())
        draft.notes["modes"] = [
            {"code": code, "name": name, "colour": "#112233", "error": None}
            | {"percent": 100 * float((codes == code).sum() / measured.sum())}
            for code, name in names.items()
        ]


def make_phases(folder: Path) -> tuple[Section, NDArray[np.uint8]]:
    """Make olivine, one crystal of orthopyroxene, and many of glass; alike in train and val."""
    codes = np.zeros((SIDE, 2 * SIDE), np.uint8)
    for first in (0, SIDE):
        codes[10:50, first + 10 : first + 50] = 1
        codes[70:100, first + 20 : first + 90] = 2
        for row in range(10, 60, 12):
            codes[row : row + 6, first + 70 : first + 76] = 3
        codes[120:, first : first + 8] = IGNORE
    noise = np.random.default_rng(0).normal(0, 3, codes.shape)
    grey = np.choose(np.minimum(codes, 3), [100, 140, 130, 90]) + noise
    section = make_section(folder, {"BSE": grey.astype(np.uint8)})
    sessions = pd.DataFrame({
        "session": ["1", "2"], "row0": 0, "row1": SIDE, "col0": [0, SIDE],
        "col1": [SIDE, 2 * SIDE], "role": ["train", "val"],
    })  # fmt: skip
    section.annotate("sessions", sessions)
    put_phases(section, codes)
    return section, codes


@pytest.fixture
def section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Section:
    use_small_network(monkeypatch)
    return make_phases(tmp_path / "s")[0]


def phases_in(section: Section) -> MaskPhases:
    found = phases_of_mask(section)
    assert found is not None
    return found


def plan_of(section: Section, settings: TrainSettings, job: Job | None = None) -> TrainingSection:
    (planned,) = plan_sections([section], settings, job or Job())
    return planned


# ---------------------------------------------------------------- labels and crops


def test_the_labels_are_the_phases_and_olivine_stays_1(section: Section) -> None:
    phases = phases_in(section)
    assert [phase.name for phase in phases.phases] == list(NAMES.values())
    samples = Samples(
        *(section, [s.window for s in section.sessions()[:1]], NORM, "olivine", Job()),
        phases=phases,
    )
    _, label = samples.read(0, 0, 0, SIDE)
    codes = section.raster("mask", "phases").read(slice(0, SIDE), slice(0, SIDE))
    for code, expected in ((0, FIRST_PHASE), (1, 1), (2, FIRST_PHASE + 2), (3, GLASS), (255, 255)):
        assert (label[codes == code] == expected).all()
    assert samples.others == [(4, "unclassified"), (6, "orthopyroxene"), (7, "glass")]


def test_a_band_without_label_has_none_among_phases(section: Section) -> None:
    mask = np.array([[1, IGNORE, 0, 0]], np.uint8)
    section.raster("mask", "phases").write(0, 0, np.array([[1, 1, 1, 99]], np.uint8))
    found = phases_in(section).label(mask, slice(0, 1), slice(0, 4))
    assert found.tolist() == [[1, IGNORE, 0, 0]]  # codes of no phase only say: no olivine


def test_crops_meet_a_rare_phase_as_often_as_a_common_one(section: Section) -> None:
    phases, windows = phases_in(section), [s.window for s in section.sessions()[:1]]
    pieces = pieces_of(phases.image, list(NAMES), windows, None, Job())
    assert {code: one.count for code, one in pieces.items()} == {0: 1, 1: 1, 2: 1, 3: 5}
    assert pieces[2].pixels == 30 * 70
    samples = Samples(section, windows, NORM, "olivine", Job(), phases=phases)
    samples.balance(pieces)
    random, seen = np.random.default_rng(0), {1: 0, 4: 0, 6: 0, 7: 0}
    for _ in range(300):
        label = samples.crop(random, 1, foreground=0.4)[1].item()
        seen[label] += 1
    assert 90 < seen[1] < 150
    assert all(35 < seen[label] < 85 for label in (4, 6, 7))


def test_small_pieces_are_drawn_more_often_than_by_their_area() -> None:
    image = np.zeros((64, 64), np.uint8)
    image[:40, :40], image[50:60, 50:60], image[62, 0] = 5, 5, 5
    raster = _Image(image)
    found = pieces_of(raster, [5, 6], [(slice(0, 64), slice(0, 64))], None, Job())  # type: ignore[arg-type]
    assert found[5].count == 2  # a single pixel is a speck
    assert found[6].count == found[6].pixels == 0
    random = np.random.default_rng(0)
    rows = np.array([found[5].draw(random)[0] for _ in range(2000)])
    assert 0.15 < ((rows >= 50) & (rows < 62)).mean() < 0.25  # 10 of 40 + 10 + 1 by the roots


class _Image:
    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.levels = [pixels]

    def read(self, rows: slice, columns: slice, level: int) -> NDArray[np.uint8]:
        return self.levels[level][rows, columns]


def test_weights_are_moderate() -> None:
    pixels = {0: 100, 1: 10_000, 2: 1, 3: 0}
    none = np.zeros((0, 3), np.int64), np.zeros(0)
    pieces = {code: Pieces(1, count, *none) for code, count in pixels.items()}
    phases = [ModelPhase(name=name, code=code, colour="#000000") for code, name in NAMES.items()]
    weights = weights_of(phases, [pieces])
    assert weights == [HEAVIEST, pytest.approx((3367 / 10_000) ** 0.5, rel=1e-3), HEAVIEST, 1.0]
    assert weights_of([], []) == []


# ---------------------------------------------------------------- loss and scores


def test_the_loss_is_the_formula() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 3, 1, 6)
    # by the mask: olivine, other, a phase; by a person: other, olivine; nothing
    labels = torch.tensor([[[1, 0, FIRST_PHASE + 2, BY_HAND, BY_HAND + 1, IGNORE]]]).byte()
    weights = torch.tensor([1.0, 0.5, 2.0])
    p = logits.softmax(1)[0, :, 0].numpy()
    terms = -np.log([p[1, 0], 1 - p[1, 1], p[2, 2], 1 - p[1, 3], p[1, 4]])
    factors = np.array([0.5, 1, 2, 10, 10])
    found = phase_loss(logits, labels, 1, weights, 0.0, by_hand=10.0)
    assert float(found) == pytest.approx((terms * factors).sum() / factors.sum(), rel=1e-5)
    both = phase_loss(logits, labels, 1, weights, 1.0, by_hand=10.0) - found
    counts, truth = np.array([1, 1, 1, 10, 10]), np.array([1, 0, 0, 0, 1])
    q = p[1, :5]
    dice = 1 - (2 * (q * counts * truth).sum() + 1) / ((q * counts).sum() + 11 + 1)
    assert float(both) == pytest.approx(dice, rel=1e-4)


def test_of_two_phases_it_is_the_binary_loss() -> None:
    torch.manual_seed(1)
    logits = torch.randn(2, 2, 4, 4, requires_grad=True)
    phases = torch.randint(0, 2, (2, 4, 4), dtype=torch.uint8)
    phases[0, 0] = IGNORE
    named = torch.where(phases == 0, FIRST_PHASE, phases)
    difference = logits[:, 1:] - logits[:, :1]
    binary = bce_dice_loss(difference, phases, 1.0)
    for labels in (phases, named):
        loss = phase_loss(logits, labels, 1, torch.ones(2), 1.0)
        assert loss.item() == pytest.approx(binary.item(), rel=1e-5)
    loss.backward()
    assert logits.grad is not None
    assert (logits.grad[0, :, 0] == 0).all()


def test_other_by_hand_prefers_no_phase_among_the_others() -> None:
    logits = torch.tensor([0.5, 2.0, -1.0, -1.0]).reshape(1, 4, 1, 1).requires_grad_()
    labels = torch.full((1, 1, 1), BY_HAND, dtype=torch.uint8)
    phase_loss(logits, labels, 1, torch.ones(4), 0.0, 10.0).backward()
    assert logits.grad is not None
    first, olivine, third, fourth = logits.grad.ravel().tolist()
    assert olivine > 0  # becomes less
    assert first < third == fourth < 0  # the others keep their shares


def test_scores_tell_what_is_taken_of_each_phase() -> None:
    scores = SegmentationScores()
    labels = torch.tensor([1, GLASS, GLASS, GLASS, GLASS, 6, IGNORE], dtype=torch.uint8)
    p = torch.tensor([0.9, 0.05, 0.2, 0.8, 0.01, 0.3, 0.9])
    scores.add(torch.logit(p), labels)
    assert scores.taken(GLASS, 0.1) == 0.5
    assert scores.taken(6, 0.5) == 0
    assert scores.taken(5, 0.1) is None
    assert scores.iou(0.5) == 0.5


# ---------------------------------------------------------------- the step


def test_training_tells_and_keeps_the_phases(section: Section) -> None:
    events: list[dict] = []
    product = train(section, TrainSettings(**TINY, target="phases"), Job(listen=events.append))
    said = [event["message"] for event in events if "message" in event]
    assert "  glass: 5 pieces, 0.000405 mm2; validation 5 pieces, 0.000405 mm2" in said
    shown = next(event["rows"] for event in events if event["event"] == "shown")
    assert [row["name"] for row in shown] == list(NAMES.values())
    assert shown[2]["pieces"] == [1, 1]
    assert shown[2]["mm2"] == pytest.approx([30 * 70 * 2.25e-6] * 2)
    few = next(text for text in said if "hardly show" in text)
    assert "olivine (1), orthopyroxene (1), which the section has" in few
    assert "glass" not in few
    assert any(text.startswith("Taken for olivine there at threshold 0.1:") for text in said)
    card = read_card(product.path)
    assert [phase.name for phase in card.phases] == list(NAMES.values())
    assert card.classes == ["olivine"]
    assert set(card.taken) == {"unclassified", "orthopyroxene", "glass"}
    history = pd.read_csv(product.path / "history.csv")
    assert history["taken_glass"].iloc[0] == pytest.approx(card.taken["glass"], abs=1e-4)
    assert list(card.iou_of_phases) == ["olivine", "unclassified", "orthopyroxene", "glass"]
    (epoch,) = (event for event in events if event["event"] == "epoch")
    for name, iou in card.iou_of_phases.items():
        assert epoch[f"iou_{name}"] == pytest.approx(iou, abs=1e-4)
        assert history[f"iou_{name}"].iloc[0] == pytest.approx(iou, abs=1e-4)

    network, _ = load_model(product.path)
    image = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        logit = network(image)
        network.kept = None
        every = network(image).softmax(1)
    assert every.shape[1] == 4
    assert logit.shape[1] == 1
    torch.testing.assert_close(logit.sigmoid(), every[:, 1:2])
    network.kept = None
    windows_are_what_the_network_finds(section, network, card, product.path / "windows.npz")

    whole = json.loads(card.model_dump_json()) | {"classes": list(NAMES.values())}
    (product.path / "card.json").write_text(json.dumps(whole))
    assert load_model(product.path)[0].kept is None  # one probability a class, if a card says so
    (product.path / "card.json").write_text(json.dumps(whole | {"classes": ["quartz"]}))
    with pytest.raises(InputError, match="gives quartz, which is not one of its phases"):
        load_model(product.path)
    (product.path / "card.json").write_text(card.model_dump_json())
    segment(section, SegmentSettings(model="light", overlap_px=32, window_px=128), Job())
    probability = section.require("probability")
    assert [one.name for one in probability.path.iterdir() if one.is_dir()] == ["olivine"]


def windows_are_what_the_network_finds(
    section: Section, network: torch.nn.Module, card: ModelCard, file: Path
) -> None:
    """One window: the session for validation is smaller than two."""
    shown = np.load(file)
    assert shown["places"].tolist() == [[0, SIDE]]
    rows, columns = slice(0, SIDE), slice(SIDE, 2 * SIDE)
    mask = section.raster("mask", "olivine").read(rows, columns)
    np.testing.assert_array_equal(shown["mask"][0], mask)
    grey = LevelledGrey(section, card.normalisation, Job()).read(0, SIDE, SIDE, SIDE)
    with torch.inference_mode():
        every = network(torch.from_numpy(normalise(grey, card.normalisation)[None])).softmax(1)[0]
    assert card.outlines_from == "bse"
    olivine = follow_grey(every[1:2].numpy(), normalise(grey, card.normalisation)[0])[0]
    np.testing.assert_allclose(shown["probability"][0], olivine * 255, atol=3)
    same = shown["phases"][0] == every.argmax(0).numpy()
    assert same.mean() > 0.95, "but where bfloat16 cannot tell two phases apart"
    assert shown["colours"].tolist() == [[0x11, 0x22, 0x33]] * 4


def test_windows_show_olivine_and_what_looks_like_it(tmp_path: Path) -> None:
    """Of 12 squares one has most olivine and another most pixels as bright as that."""
    mask, grey = np.zeros((768, 1024), np.uint8), np.full((768, 1024), 90, np.uint8)
    for row, column, value, olivine in (
        *((300, 300, 140, True), (10, 800, 141, False)),  # most of each
        *((600, 20, 140, True), (560, 800, 139, False)),
        (20, 20, 250, False),  # as large, but far brighter
    ):
        side = 140 if row < 500 else 80
        noise = np.random.default_rng(row).integers(-4, 5, (side, side))
        grey[row : row + side, column : column + side] = value + noise
        mask[row : row + side, column : column + side] = olivine
    section = make_section(tmp_path / "s", {"BSE": grey})
    put_mask(section, mask)
    norm = NORM.model_copy(update={"align": "none"})
    whole = [(slice(0, 768), slice(0, 1024))]
    places, crops = choose_windows(Samples(section, whole, norm, "olivine", Job()))
    assert places == [(256, 256), (0, 768), (512, 0), (512, 768)]
    assert all(one.shape == (256, 256) for one, _ in crops)


def test_a_binary_network_tells_too_what_it_takes(section: Section) -> None:
    product = train(section, TrainSettings(**TINY, target="olivine"), Job())
    card = read_card(product.path)
    assert card.phases == []
    assert set(card.taken) == {"unclassified", "orthopyroxene", "glass"}
    old = json.loads(card.model_dump_json())
    for key in ("phases", "taken"):
        del old[key]
    (product.path / "card.json").write_text(json.dumps(old))
    network, opened = load_model(product.path)  # of an earlier version
    assert network.kept is None
    assert opened.phases == []


def test_the_default_is_that_of_the_network_and_another_training(section: Section) -> None:
    light, paper = TrainSettings(**TINY), TrainSettings(network="deeplabv3_resnet50")
    assert plan_of(section, light).plan.phases
    assert plan_of(section, paper).plan.phases == ()
    by_default = train(section, light, Job())
    assert "target" not in by_default.recipe.settings
    assert by_default.recipe.inputs["source/target"] == "phases"
    asked = train(section, TrainSettings(**TINY, target="olivine"), Job())
    assert asked.recipe.settings["target"] == "olivine"
    assert asked.created > by_default.created


def test_without_phases_the_target_is_olivine_and_that_is_said(section: Section) -> None:
    from tests.helpers.grains import put_mask

    put_mask(section, (np.indices(section.shape).sum(0) % 50 < 20).astype(np.uint8))
    events: list[dict] = []
    settings, job = TrainSettings(target="phases"), Job(listen=events.append)
    assert plan_of(section, settings, job).plan.phases == ()
    assert "olivine or not" in events[-1]["message"]
    product = train(section, TrainSettings(**TINY), Job())
    assert "source/target" not in product.recipe.inputs  # as the networks of before


def test_a_model_of_other_phases_gives_its_features_only(section: Section) -> None:
    first = train(section, TrainSettings(**TINY, target="phases"), Job())
    again = TINY | {"weights": str(first.path), "target": "phases"}
    second = train(section, TrainSettings(**again, name="second"), Job())
    assert "new: nothing" in read_card(second.path).weights_from
    values = json.loads((first.path / "card.json").read_text())
    values["phases"][2]["name"] = "biotite"
    (first.path / "card.json").write_text(json.dumps(values))
    third = train(section, TrainSettings(**again, name="third"), Job())
    assert "new: segmentation_head.0" in read_card(third.path).weights_from


def test_what_is_shown_counts_within_the_region_of_study(section: Section) -> None:
    half = 64 * section.pixel_size_um
    x, y = [-9.0, half, half, -9.0], [-9.0, -9.0, 1e6, 1e6]
    rows = {"region": "rock", "use": "keep", "ring": 0, "x_um": x, "y_um": y}
    table = section.annotation("sessions").assign(role=["train", "none"])
    section.annotate("sessions", table)
    section.annotate("regions", pd.DataFrame(rows))
    planned = plan_of(section, TrainSettings(target="phases"))
    (pieces,) = show_phases([planned], Job())
    assert (pieces[1].count, pieces[3].count) == (1, 0)  # the glass lies to the right
