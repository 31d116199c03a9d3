"""Texts of a catalogue: the methods paragraph, and the README that describes each file."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from napari_olivine.catalogue.recognised import recognised_text
from napari_olivine.crystals import CLUSTER_SOLIDITY, KIND, OLIVINE, product_of_phase
from napari_olivine.inference import fingerprint_of_model
from napari_olivine.networks import ModelCard, read_card
from napari_olivine.regions import copied_region, studied_mm2
from napari_olivine.registry import SEGMENTATIONS
from napari_olivine.section import LABELS, Product, Section

WIDTH = 92


PIXELS = {
    "joint": "segmentation by BSE and element maps",
    "segmentation": "segmentation",
    "mask": "reference mask",
    "outline": "outline by grey",
    "drawn": "outline drawn by hand",
}
"""What the crystals were made from, in words."""


LEARNED = {
    "mixture": "Gaussian mixtures of what the rules were sure of",
    "forest": "a random forest that had learned what the rules were sure of",
}
"""What gave pixels that no rule took to minerals."""

CRACKS = {"background": "other than olivine", "ignore": "not labelled"}
"""What open cracks of the mask count as, in words."""


def pixels_in_words(section: Section, phase: str) -> str:
    """Say what the crystals were made from.

    Parameters
    ----------
    section
        Section with ``crystals``.
    phase
        Product that they were made from.
    """
    product = section.product(phase) if phase in PIXELS else None
    source = product.notes.get("source", phase) if product is not None else phase
    return PIXELS.get(source, PIXELS["mask"])


def methods_text(section: Section, source: str, phase: str = OLIVINE) -> str:
    """Write the methods paragraph from the records of the section's products.

    Parameters
    ----------
    section
        Section with crystals of the phase.
    source
        Product that the crystals were made from.
    phase
        Mineral of the crystals.

    Returns
    -------
    str
        The paragraph, and the record of each product.
    """
    product = section.require(product_of_phase(phase))
    of_olivine = phase == OLIVINE
    sentences = [
        _images(section), _fields(section), _region(section, product),
        _mask(section) if of_olivine else _rule(section, source, phase),
        *_network(section, source, phase), *(_calibration(section) if of_olivine else ()),
        *_crystals(section, product, source, phase), _software(product),
    ]  # fmt: skip
    paragraph = textwrap.fill(" ".join(sentence for sentence in sentences if sentence), WIDTH)
    records = "\n".join(_record(product) for product in section.products())
    return f"METHODS\n\n{paragraph}\n\nRECORDS\n\n{records}"


def readme_text(files: dict[str, str], phase: str = OLIVINE) -> str:
    """Describe each file of a catalogue."""
    of = "" if phase == OLIVINE else f" of {phase}"
    lines = [f"Catalogue of crystals{of}, written by napari-olivine.", ""]
    longest = max(len(name) for name in files)
    for name, words in files.items():
        hanging = " " * (longest + 2)
        lines.append(
            textwrap.fill(
                words, WIDTH, initial_indent=name.ljust(longest + 2), subsequent_indent=hanging
            )
        )
    words = f"{COORDINATES} {MG}" if phase == OLIVINE else COORDINATES
    lines += ["", *textwrap.wrap(words, WIDTH)]
    return "\n".join(lines) + "\n"


COORDINATES = (
    "Coordinates x (to the right) and y (down) are in micrometres from the centre of the top left "
    "pixel of the section; rows and columns are pixels counted from 0, bbox_row1 and bbox_col1 "
    "are not included."
)

MG = "mg# is the molar fraction Mg / (Mg + Fe), between 0 and 1."


def _images(section: Section) -> str:
    record = section.record
    rows, columns = section.shape
    words = (
        f"The section {record.name} was imaged with {', '.join(record.signals)} "
        f"({columns} x {rows} pixels of {record.pixel_size_um:g} um"
    )
    if record.accelerating_voltage_kv:
        words += f", {record.accelerating_voltage_kv:g} kV"
    sessions = section.measured_sessions() if section.fingerprint("annotations/sessions") else []
    if len(sessions) > 1:
        words += f", {len(sessions)} analytical sessions"
    return words + ")."


def _fields(section: Section) -> str:
    """Describe maps of parts of the section."""
    fields = section.fields()
    if fields is None:
        return ""
    table = fields.table
    signals = dict.fromkeys(name for names in table["signals"] for name in names.split(","))
    areas = f"{len(table)} areas" if len(table) > 1 else "one area"
    words = f"{', '.join(signals)} were mapped on {areas} of the section"
    explained = table["explained"].dropna()
    if len(explained):
        low, high = explained.min(), explained.max()
        share = f"{low:.0%}" if round(low, 2) == round(high, 2) else f"{low:.0%} to {high:.0%}"
        words += (
            " and laid on the BSE image by shift, turn and stretch where a linear combination of "
            f"the maps explains its grey best ({share} of the variance)"
        )
    return words + "."


def _region(section: Section, product: Product) -> str:
    """Tell what was studied of the section, where it is not all of it."""
    region = copied_region(section, product.path)
    if region is None:
        return ""
    studied, imaged = studied_mm2(section, region)
    away = product.notes["outside_region"]
    return (
        f"A region of {studied:.4g} mm2 of {imaged:.4g} mm2 was studied; {away} crystals that lie "
        "outside it, or with their larger part, are left out."
    )


def _mask(section: Section) -> str:
    product = section.product("mask")
    if product is None:
        return ""
    if label := product.notes.get(LABELS):
        return (
            "Reference masks were imported as labels of single images; the class "
            f"{label!r} stands in the place of olivine."
        )
    rule = product.notes.get("rule", product.recipe.settings.get("rule", ""))
    words = f"Reference masks of olivine were made from the element maps by the rule {rule}"
    if spots := product.notes.get("reference"):
        words += f", with limits relative to olivine that was picked at {_places(len(spots))}"
    if by_hand := product.notes.get("corrections"):
        words += f"; {by_hand['corrected_px']} pixels were corrected by hand"
    if alteration := product.notes.get("alteration"):
        seen = f"darker in BSE than olivine (altered olivine: by {alteration['contrast']:.0f} grey)"
        if alteration.get("by_counts"):
            seen = "not brighter in BSE than olivine (altered olivine, by the counts alone)"
        words += f". Veins that are {seen} and richer in Si relative to Mg and Fe were left out"
        words += " of them"
    if by_resemblance := product.notes.get("unclassified"):
        words += f". Pixels that no rule took were assigned by {LEARNED[by_resemblance['method']]}"
    if (cracks := product.recipe.settings.get("cracks", "olivine")) != "olivine":
        words += f". Open cracks that BSE shows count as {CRACKS[cracks]}"
    return words + "."


def _rule(section: Section, source: str, phase: str) -> str:
    """Tell the rule of a phase other than olivine, where it made the crystals."""
    product = section.product("mask")
    if source != "mask" or product is None:
        return ""
    rule = product.notes.get("rules", {}).get(phase, "")
    book = product.recipe.settings.get("book", "")
    return (
        f"Which pixels are {phase} was told from the element maps by the rule book "
        f"{Path(book).name}{f' ({rule})' if rule else ''}."
    )


def _places(count: int) -> str:
    return "one place" if count == 1 else f"{count} places"


def _network(section: Section, source: str, phase: str) -> list[str]:
    probability = section.product("probability")
    if source not in SEGMENTATIONS or probability is None:
        return []
    sentences = []
    made = probability.recipe.settings
    sentences += _trained(section, probability, phase)
    window = made.get("window_px")
    if window:
        sentences.append(
            f"Its probability of {phase} was computed in windows of {window} pixels with an "
            f"overlap of {made.get('overlap_px')} pixels, weighted where they overlap "
            f"({made.get('blend')})."
        )
    compared = section.product("out_of_distribution")
    if compared is not None and compared.notes["measured_cells"]:
        sentences.append(
            f"By grey and texture, {compared.notes['unlike_percent']:.0f} % of the section was "
            "unlike the images that the network learned from (Mahalanobis distance beyond that of "
            "90 % of its validation session)."
        )
    segmentation = section.product("segmentation")
    setting = "threshold" if phase == OLIVINE else "phase_threshold"
    threshold = segmentation.recipe.settings.get(setting) if segmentation else None
    if threshold is not None:
        sentences.append(f"Pixels with a probability of at least {threshold:g} are {phase}.")
    joint = section.product("joint")
    if source == "joint" and joint is not None:
        sentences.append(_joint(joint))
    return sentences


def _trained(section: Section, probability: Product, phase: str) -> list[str]:
    """Tell which network made a probability, and what it learned from."""
    inputs = probability.recipe.inputs
    name = next((i for i in inputs if i.startswith("models/")), "")
    outside = "" if name else next(iter(probability.recipe.settings.get("models", ())), "")
    folder = Path(outside) if outside else section.path / name
    if not outside and (not name or section.product(name) is None):
        return []
    if outside and _fingerprint(folder) != inputs.get("source/model 0"):
        return [
            f"The neural network was that of the folder {outside}, which has changed since or is "
            "no longer there."
        ]
    card = read_card(folder)
    title = card.title.split(" (")[0].split(";")[0]
    others = [p.name for p in card.phases if p.code and p.name != phase]
    told = f" to tell {phase} from other phases ({', '.join(others)})" if others else ""
    return [
        f"A neural network ({title}, starting from {card.weights_from}) was trained{told} on "
        f"{card.signal} images of {_learned(card, elsewhere=bool(outside))}; the weights of epoch "
        f"{card.best_epoch} were kept."
    ]


def _fingerprint(folder: Path) -> str:
    """Fingerprint of a model outside the section, empty if it is not there."""
    try:
        return fingerprint_of_model(folder)
    except OSError:
        return ""


def _learned(card: ModelCard, *, elsewhere: bool) -> str:
    """Tell what a network was trained and validated on."""
    if len(card.sections) < 2:
        return (
            (f"the section {card.section}, " if elsewhere else "")
            + f"session {_names(card.training_sessions)} and validated on session "
            f"{_names(card.validation_sessions)}"
        )
    parts = [
        f"{one.name} (session {_names(one.training_sessions)}, validated on session "
        f"{_names(one.validation_sessions)})"
        for one in card.sections
    ]
    return f"{len(parts)} sections: {', '.join(parts)}"


def _joint(product: Product) -> str:
    """Tell how network and element maps were joined."""
    notes = product.notes
    where = f"Where element maps lie ({notes['covered_percent']:.3g} % of the section)"
    if sessions := notes["calibrated_on"]:
        plural = "s" if len(sessions) > 1 else ""
        calibrated = f" after calibration on session{plural} {_names(sessions)}"
    else:
        calibrated = " after calibration on the mask"
    return (
        f"{where}, the log odds of the network{calibrated} (slope {notes['slope']:.3g}, offset "
        f"{notes['offset']:.3g}) and those of the X-ray counts were added, and pixels with a sum "
        "of at least 0 are olivine; what was corrected in the mask by hand was kept."
    )


def _calibration(section: Section) -> list[str]:
    product = section.product("calibration")
    if product is None:
        return []
    settings, scores = product.recipe.settings, product.notes
    law = "a straight line" if settings.get("degree") == 1 else "a parabola"
    words = f"BSE grey was calibrated against mg# of microprobe profiles by {law}"
    terms = settings.get("session_terms")
    words += f" with {terms} of each session" if terms not in (None, "pooled") else ""
    sentences = [words + _agreement(scores.get("calibrate")) + "."]
    if (source := scores.get("phase_from")) in PIXELS:
        sentences.append(f"The pixels of the mineral were those of the {PIXELS[source]}.")
    if settings.get("level_grey"):
        sentences.append("The grey was levelled between tiles and sessions before.")
    if left_out := scores.get("left_out"):
        analyses = "analysis was" if left_out == 1 else "analyses were"
        sentences.append(f"{left_out} {analyses} left out by hand.")
    test = _agreement(scores.get("test"))
    if test:
        sentences.append(f"Profiles that took no part were predicted as well{test}.")
    return sentences


def _agreement(scores: dict[str, Any] | None) -> str:
    if not scores or scores.get("rmse") is None:
        return ""
    r2 = "" if scores.get("r2") is None else f", R2 {scores['r2']:.4f}"
    return f" ({scores['points']} points, RMSE {scores['rmse']:.4f}{r2})"


def _instances(made: dict[str, Any], counts: dict[str, Any], phase: str) -> list[str]:
    """Describe how regions were split and merged."""
    sentence = []
    if made["part_touching"]:
        sentence.append(f"touching crystals were parted by {counts['cuts']} cuts")
    if made["bridge_um"]:
        sentence.append(f"{counts['gaps']} cracks of up to {made['bridge_um']:g} um were bridged")
    words = " and ".join(sentence)
    evidence = "outline, grey and mg#" if phase == OLIVINE else "outline and grey"
    return [f"{words[0].upper()}{words[1:]}, by {evidence}."] if sentence else []


def _crystals(section: Section, product: Product, source: str, phase: str) -> list[str]:
    made, counts = product.recipe.settings, product.notes
    pixels = pixels_in_words(section, source)
    neighbours = "8" if made["join_diagonals"] else "4"
    crystals = "Crystals" if phase == OLIVINE else f"Crystals of {phase}"
    origin = (
        f"{crystals} are those of the label image {Path(str(made['labels'])).name}"
        if source == "labels"
        else f"{crystals} are the connected regions of the {pixels} ({neighbours} neighbours) of "
        f"at least {made['min_area_um2']:g} um2"
    )
    sentences = [
        f"{origin}: {counts['microlites']} microlites (under "
        f"{made['microphenocryst_from_um2']:g} um2), {counts['microphenocrysts']} "
        f"microphenocrysts and {counts['phenocrysts']} phenocrysts (from "
        f"{made['phenocryst_from_um2']:g} um2).",
        *(_instances(made, counts, phase) if source != "labels" else ()),
    ]
    if percent := counts.get("clusters_percent"):
        sentences.append(
            f"{percent:g} % of their area lies in crystals that fill less than "
            f"{CLUSTER_SOLIDITY:.0%} of their convex hull, which are probably clusters."
        )
    if phase != OLIVINE:
        return sentences
    return [*sentences, *_review(section), *recognised_text(section), *_zoning(product)]


def _zoning(product: Product) -> list[str]:
    """Describe core and rim of olivine, and the zoning classes."""
    made, counts = product.recipe.settings, product.notes
    sentences = [
        "In each the core lies further from the outer outline than half of the largest distance, "
        f"the rim from there to {made['border_px']} pixels from the outline; holes are no outline.",
    ]
    if made["zoning"] == "paper":
        rule = (
            f"normally zoned below a ratio of core to rim grey of {made['r_low']:g}, reversed "
            f"above {made['r_high']:g}"
        )
    else:
        rule = (
            "zoned if the medians of mg# in core and rim differ by at least "
            f"{made['zoning_threshold']:g}"
        )
    sentences.append(
        f"Phenocrysts are {rule}: {counts['phenocrysts_normal']} normal, "
        f"{counts['phenocrysts_reversed']} reversed, {counts['phenocrysts_none']} without zoning."
    )
    return sentences


def _review(section: Section) -> list[str]:
    table = section.table("crystals", "crystals")
    if "reviewer" not in table or not (table["reviewer"] != "").any():
        return []
    looked = table[table["reviewer"] != ""]
    counts = {
        "accepted": int((looked["verdict"] == "accepted").sum()),
        "rejected and left out": int((looked["verdict"] == "rejected").sum()),
        "corrected in outline": int(looked["corrected"].sum()),
        "given another zoning class": int((looked["reviewed_class"] != "").sum()),
        "given a kind": int((looked["kind"] != "").sum()) if KIND in looked else 0,
    }
    outcome = ", ".join(f"{count} {result}" for result, count in counts.items() if count)
    people = " and ".join(sorted(looked["reviewer"].unique()))
    return [f"{len(looked)} of them were looked at by {people}{': ' + outcome if outcome else ''}."]


def _software(product: Product) -> str:
    versions = product.software
    others = ", ".join(f"{k} {v}" for k, v in versions.items() if k != "napari-olivine")
    return f"All steps ran in napari-olivine {versions.get('napari-olivine', '')} ({others})."


def _record(product: Product) -> str:
    settings = ", ".join(f"{key} = {value}" for key, value in product.recipe.settings.items())
    inputs = ", ".join(product.recipe.inputs) or "files"
    seed = "" if product.recipe.seed is None else f", seed {product.recipe.seed}"
    head = (
        f"{product.name} ({product.fingerprint}): step {product.recipe.step}{seed}, "
        f"{product.finished}, {product.seconds:g} s, from {inputs}"
    )
    body = textwrap.fill(settings, WIDTH, initial_indent="    ", subsequent_indent="    ")
    return f"{textwrap.fill(head, WIDTH, subsequent_indent='    ')}\n{body}\n"


def _names(sessions: list[str]) -> str:
    return " and ".join(sessions) if sessions else "none"
