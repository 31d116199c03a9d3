"""Several sections in one training: what is learned of each, what fits, and what is told."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from napari_olivine.cli import main
from napari_olivine.errors import Cancelled, InputError, SectionError
from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.networks import ModelPhase, load_model, read_card
from napari_olivine.section import Section, SectionRecord, create_raster, lock_of
from napari_olivine.settings import Settings
from napari_olivine.training import TrainSettings, train
from napari_olivine.training.other_sections import open_others
from napari_olivine.training.phases import MaskPhases, join_phases
from napari_olivine.training.plan import plan_sections
from napari_olivine.training.samples import Samples
from napari_olivine.training.section_samples import SectionSamples
from napari_olivine.training.what_is_shown import show_phases
from napari_olivine.training.windows import FIRST_PHASE
from tests.training.test_phases_target import NORM, SIDE, TINY, make_phases, put_phases
from tests.training.test_training import stop_at, use_small_network

pytestmark = pytest.mark.slow

OTHER_NAMES = {0: "unclassified", 1: "olivine", 2: "Glass", 3: "spinel"}
"""Another rule book: glass has another code, spinel is new, orthopyroxene is not told."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Section:
    use_small_network(monkeypatch)
    return make_phases(tmp_path / "home")[0]


@pytest.fixture
def other(tmp_path: Path) -> Section:
    section, codes = make_phases(tmp_path / "other")
    swapped = np.array([0, 1, 3, 2], np.uint8)  # what was orthopyroxene is spinel
    put_phases(section, np.where(codes == 255, 255, swapped[np.minimum(codes, 3)]), OTHER_NAMES)
    return section


def with_others(*others: Section, **changes: object) -> TrainSettings:
    return TrainSettings(**(TINY | changes), others=tuple(one.path for one in others))


# ---------------------------------------------------------------- phases of several rule books


def phases_of(names: dict[int, str]) -> MaskPhases:
    phases = [ModelPhase(name=name, code=code, colour="#000000") for code, name in names.items()]
    return MaskPhases(phases, None, list(names))  # type: ignore[arg-type]


def test_phases_are_joined_by_name_whatever_their_codes() -> None:
    first, second = join_phases(
        [phases_of({0: "unclassified", 1: "olivine", 2: "augite"}), phases_of(OTHER_NAMES)]
    )
    assert [phase.name for phase in first.phases] == [
        "unclassified", "olivine", "augite", "Glass", "spinel"
    ]  # fmt: skip
    assert [phase.code for phase in first.phases] == [0, 1, 2, 3, 4]
    assert list(first.codes) == [None, 1, 2, None, None]
    assert list(second.codes) == [None, 1, None, 2, 3]
    assert second.phases == first.phases


def test_with_one_rule_book_nothing_changes() -> None:
    for one in join_phases([phases_of(OTHER_NAMES), phases_of(OTHER_NAMES)]):
        assert list(one.codes) == [0, 1, 2, 3]
        assert [phase.code for phase in one.phases] == [0, 1, 2, 3]


def test_what_a_rule_book_does_not_tell_is_no_label(home: Section, other: Section) -> None:
    learned = plan_sections([home, other], with_others(other), Job())
    labels = []
    for one in learned:
        samples = Samples(
            *(one.section, one.plan.train_windows, NORM, "olivine", Job()), phases=one.phases
        )
        labels.append(samples.read(0, 0, 0, SIDE)[1])
    names = [phase.name for phase in learned[0].plan.phases]
    assert names == ["unclassified", "olivine", "orthopyroxene", "glass", "spinel"]
    codes = make_phases(home.path.parent / "again")[1][:, :SIDE]
    opx, glass, spinel = (FIRST_PHASE + names.index(n) for n in names[2:])
    for found, expected in zip(labels, ((1, opx, glass), (1, spinel, glass)), strict=True):
        for code, label in zip((1, 2, 3), expected, strict=True):
            assert (found[codes == code] == label).all()
        assert (found[codes == 0] == 0).all()  # no olivine, and maybe a phase that is not told


# ---------------------------------------------------------------- crops


def test_each_section_and_each_phase_is_met_equally_often(home: Section, other: Section) -> None:
    learned = plan_sections([home, other], with_others(other), Job())
    parts = []
    for one, pieces in zip(learned, show_phases(learned, Job()), strict=True):
        samples = Samples(
            *(one.section, one.plan.train_windows, NORM, "olivine", Job()), phases=one.phases
        )
        samples.balance(pieces)
        parts.append(samples)
    met: Counter[tuple[int, int]] = Counter()
    for place, part in enumerate(parts):
        read = part.read

        def count(*where: int, _read=read, _place=place):  # type: ignore[no-untyped-def]
            grey, label = _read(*where)
            met[_place, label.item()] += 1
            return grey, label

        part.read = count  # type: ignore[method-assign]
    both, random = SectionSamples(parts), np.random.default_rng(0)
    for _ in range(600):
        both.crop(random, 1, foreground=0.4)
    opx, glass, spinel = FIRST_PHASE + 2, FIRST_PHASE + 3, FIRST_PHASE + 4
    assert all(85 < met[place, 1] < 155 for place in (0, 1))  # olivine: 240, half in each
    assert 85 < met[0, opx] < 155  # of three other phases a third of 360 each
    assert 85 < met[1, spinel] < 155
    assert all(35 < met[place, glass] < 85 for place in (0, 1))
    assert sum(met.values()) == 600


def test_a_mask_without_phases_gives_olivine_and_what_is_none(
    home: Section, tmp_path: Path
) -> None:
    from tests.helpers.grains import put_mask

    plain, codes = make_phases(tmp_path / "plain")
    put_mask(plain, (codes == 1).astype(np.uint8))
    events: list[dict] = []
    product = train(home, with_others(plain), Job(listen=events.append))
    assert any("of test (" in e["message"] and "only what is" in e["message"] for e in said(events))
    card = read_card(product.path)
    assert len(card.phases) == 4
    assert card.sections[1].modes == {}


def said(events: list[dict]) -> list[dict]:
    return [event for event in events if "message" in event]


# ---------------------------------------------------------------- the step


def test_the_card_says_what_was_learned_where(home: Section, other: Section) -> None:
    events: list[dict] = []
    product = train(home, with_others(other), Job(listen=events.append))
    card = read_card(product.path)
    assert [one.folder for one in card.sections] == [str(home.path), str(other.path)]
    assert card.sections[0].name != card.sections[1].name
    assert card.sections[1].modes["spinel"] == pytest.approx(12.87, abs=0.01)
    assert "orthopyroxene" not in card.sections[1].modes
    assert set(card.sections[1].scores) == set(card.scores)
    scores = [one.scores["overall_accuracy_0.1"] for one in card.sections]
    assert card.scores["overall_accuracy_0.1"] == pytest.approx(sum(scores) / 2, abs=0.02)
    told = [event["message"] for event in said(events)]
    assert any("against the mask of the validation sessions of 2 sections" in t for t in told)
    assert len([t for t in told if t.endswith(", the worst")]) == 1
    assert any(t.startswith("  glass: 10 pieces") for t in told)
    assert any(t.startswith("  spinel: 1 piece,") for t in told)
    history = pd.read_csv(product.path / "history.csv")
    assert len([name for name in history if name.startswith("val_iou of ")]) == 2
    assert train(home, with_others(other), Job()).created == product.created  # up to date


def test_a_model_serves_in_both_sections(home: Section, other: Section) -> None:
    product = train(home, with_others(other), Job())
    how = {"overlap_px": 32, "window_px": 128, "evidence": "bse"}
    segment(home, SegmentSettings(model="light", **how), Job())
    before = {one.name: one.fingerprint for one in other.products()}
    segment(other, SegmentSettings(model=str(product.path), **how), Job())
    assert other.state("segmentation") == "fresh"
    assert before.items() <= {one.name: one.fingerprint for one in other.products()}.items()


def test_a_stopped_training_ends_where_an_unbroken_one_does(home: Section, other: Section) -> None:
    settings = with_others(other, epochs=2, steps=2, batch=2)
    with pytest.raises(Cancelled):
        train(home, settings, stop_at(3))
    resumed = train(home, settings, Job(seed=3))
    one = load_model(resumed.path)[0].state_dict()
    whole = train(home, settings, Job(seed=3, force=True))
    two = load_model(whole.path)[0].state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_another_mask_elsewhere_makes_the_model_out_of_date(home: Section, other: Section) -> None:
    product = train(home, with_others(other), Job())
    assert home.state(product.name) == "fresh"
    mask = other.raster("mask", "phases").read(slice(0, SIDE), slice(0, 2 * SIDE))
    (other.path / "mask").rename(other.path.parent / "mask-of-before")
    assert home.state(product.name) == "stale"
    put_phases(other, mask, OTHER_NAMES | {3: "chromite"})
    assert home.state(product.name) == "fresh"  # a mask of the same recipe is the same
    table = other.annotation("sessions").assign(role=["train", "none"])
    other.annotate("sessions", table)
    assert home.state(product.name) == "stale"
    other.path.rename(other.path.with_name("moved"))
    assert home.state(product.name) == "stale"
    assert home.serves(product.name)
    with pytest.raises(
        SectionError, match="cannot learn from the section .*other. .*not a section"
    ):
        train(home, with_others(other), Job())


def test_corrections_and_region_of_another_section_count(home: Section, other: Section) -> None:
    from napari_olivine.masks.corrections import MaskCorrections
    from tests.masks.corrections.test_corrections import stroke

    before = train(home, with_others(other), Job())
    MaskCorrections(other).add([stroke("other", ((60, 60), (70, 70)), 8)])
    put_phases(other, other.raster("mask", "phases").read(*whole(other)), OTHER_NAMES)
    after = train(home, with_others(other), Job())
    assert after.notes["corrected_tiles"] == 1
    assert after.fingerprint != before.fingerprint
    half = 64 * other.pixel_size_um
    rows = {
        "region": "rock", "use": "keep", "ring": 0,
        "x_um": [-9.0, half, half, -9.0], "y_um": [-9.0, -9.0, 1e6, 1e6],
    }  # fmt: skip
    other.annotate("regions", pd.DataFrame(rows))
    with pytest.raises(InputError, match=r"other has nothing of session 2, .*role 'val'"):
        train(home, with_others(other), Job())


def whole(section: Section) -> tuple[slice, slice]:
    return slice(0, section.shape[0]), slice(0, section.shape[1])


def test_the_command_takes_the_sections_one_after_the_other(
    home: Section, other: Section, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    assert main(["train", str(home.path), str(other.path), *options]) == 0
    made = home.require("models/light").recipe
    assert made.settings["others"] == [str(other.path)]
    assert main(["train", str(home.path), str(other.path), str(other.path), *options]) == 1
    assert "other is given twice. Name each section once in --others" in capsys.readouterr().err


# ---------------------------------------------------------------- what does not fit


def test_a_section_is_given_once(home: Section, other: Section, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(other.path)
    twice = TrainSettings(others=(other.path, tmp_path / "link"))
    with pytest.raises(InputError, match="is given twice"):
        open_others(home, twice, Job())
    with pytest.raises(InputError, match="is the one that is trained in"):
        open_others(home, with_others(home), Job())
    events: list[dict] = []
    open_others(home, with_others(other), Job(listen=events.append))
    assert "imported from the same files" in events[0]["message"]


def test_what_is_no_section_or_lacks_a_mask_is_named(home: Section, other: Section) -> None:
    nothing = home.path.parent / "nothing"
    with pytest.raises(SectionError, match=r"nothing. .*no section.json.*leave it out of"):
        open_others(home, TrainSettings(others=(nothing,)), Job())
    with (
        lock_of(other.path, "mask"),
        pytest.raises(SectionError, match="being made by another.*Wait"),
    ):
        open_others(home, with_others(other), Job())
    shutil.rmtree(other.path / "mask")
    with pytest.raises(SectionError, match=r"other has no 'mask' yet.*step 'mask' there"):
        open_others(home, with_others(other), Job())


def test_a_section_without_train_session_is_named(home: Section, other: Section) -> None:
    roles = other.annotation("sessions").assign(role=["none", "val"])
    other.annotate("sessions", roles)
    with pytest.raises(InputError, match=r"No session of .*other has the role 'train'"):
        plan_sections([home, other], with_others(other), Job())
    other.annotate("sessions", roles.assign(role=["train", "none"]))
    events: list[dict] = []
    plan_sections([home, other], with_others(other), Job(listen=events.append))
    assert "other has the role 'val': the last fifth" in said(events)[0]["message"]


@pytest.mark.parametrize(
    ("kind", "pixel_um", "match"),
    [
        ("uint16", 1.5, r"BSE image is of type uint16, that of .*home of type uint8"),
        ("uint8", 1.7, r"pixels are 1.7 um, those of .*home 1.5 um"),
        ("uint8", 1.55, ""),
    ],
)
def test_pixels_and_greys_must_be_alike(
    home: Section, tmp_path: Path, kind: str, pixel_um: float, match: str
) -> None:
    record = SectionRecord(name="b", pixel_size_um=pixel_um, shape=(64, 64), signals=["BSE"])
    section = Section.create(tmp_path / "b", record)
    for name, image in (("images", "BSE"), ("mask", "olivine")):
        recipe = section.recipe(name, Settings(), [], extra={"source": "made by a test"})
        with section.draft(name, recipe, Job()) as draft:
            out = create_raster(draft.path / image, (64, 64), kind, pixel_um, reduction="mean")
            out.write(0, 0, np.ones((64, 64), kind))
            out.build_pyramid(Job())
    if not match:
        assert open_others(home, with_others(section), Job())[0].path == section.path
        return
    with pytest.raises(InputError, match=match):
        open_others(home, with_others(section), Job())
