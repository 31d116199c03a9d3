"""Settings of segmentation, without torch."""

from __future__ import annotations

from typing import Literal

from napari_olivine.settings import Settings, setting


class SegmentSettings(Settings):
    """Which model goes over the section, and how."""

    model: str = setting(
        "",
        "Model",
        "Name of a model of this section, or a model folder of another one; the newest model of "
        "this section if empty. Of several with commas between, the mean is taken.",
    )
    phases: str = setting(
        "",
        "Phases",
        "Phases whose probability is kept beside that of olivine: names with commas between, or "
        "all; none if empty. The network must have learned them (target 'phases' of "
        "{step:train}).",
    )
    compare: str = setting(
        "",
        "Compare with",
        "Another model whose probability is made from the same reading of the image and kept "
        "beside the first.",
    )
    window_px: int | None = setting(
        None,
        "Window",
        "Side of the windows that the network sees, larger than the training crops (paper 3.6.3); "
        "automatic: 1024 px and the overlap, less where the memory is small.",
        unit="px",
        ge=64,
        multiple_of=32,
    )
    overlap_px: int = setting(
        256,
        "Overlap",
        "Of neighbouring windows (ours; Leichter et al. 2022: large).",
        unit="px",
        ge=0,
    )
    blend: Literal["halo", "cosine", "mean"] = setting(
        "halo",
        "Blending",
        "What becomes of overlapping windows. halo: of each its middle is kept, half an overlap "
        "away from its edges, where context is missing (ours). cosine: weights that fall towards "
        "the edges (ours). mean: equal weights, as in Leichter et al. 2022.",
    )
    augment: Literal["none", "flips", "all"] = setting(
        "none",
        "Averaged over",
        "Mean over a window and its mirror images (flips, 4 times the work), or over turned ones "
        "as well (all, 8 times).",
    )
    threshold: float | None = setting(
        None,
        "Threshold",
        "Probability from which a pixel is olivine. Automatic: the best on the model's validation "
        "session where its outlines are taken from BSE; else 0.1 as published (Leichter et al. "
        "2022), unless another is clearly better there, as after a short training.",
        gt=0,
        lt=1,
    )
    phase_threshold: float = setting(
        0.5,
        "Threshold of other phases",
        "Probability from which a pixel is a phase other than olivine. From 0.5 on a phase is more "
        "likely than all others together, so that no pixel belongs to two of them (ours).",
        gt=0,
        lt=1,
    )
    evidence: Literal["joint", "bse"] = setting(
        "joint",
        "Evidence",
        "joint: where element maps lie, their counts and the network decide together, and what you "
        "corrected in the mask counts as you said (ours). bse: the network alone, as in Leichter "
        "et al. 2022. Without element maps the two are the same.",
    )
    engine: Literal["auto", "float32", "bfloat16", "openvino", "cuda", "mps"] = setting(
        "auto",
        "Engine",
        "What computes; automatic: the fastest one here that agrees with float32.",
    )
    batch: int | None = setting(
        None,
        "Windows at once",
        "Windows that go through the network together; automatic: 1 on a processor, 4 on a "
        "graphics card.",
        ge=1,
    )
    scheduler: str = setting(
        "",
        "Scheduler",
        "Address of a dask scheduler, e.g. tcp://host:8786, or its scheduler file: its workers "
        "segment the section; this process if empty.",
    )
    live: bool = setting(
        False,
        "Live",
        "Begin where somebody looks and wait for their views on the standard input (what the "
        "Segment dock does).",
    )
