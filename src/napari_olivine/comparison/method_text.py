"""What a comparison says of its own method."""

from __future__ import annotations

from napari_olivine.comparison.settings import CompareSettings


def budget_text(settings: CompareSettings) -> str:
    """Say under which budget networks were trained."""
    if not settings.networks:
        return "Models that were there already, whatever their budget was."
    if settings.max_steps is not None:
        budget = f"{settings.max_steps} steps of {settings.batch} crops"
    else:
        budget = f"{settings.max_minutes:g} minutes of processor time"
    models = " Models that were there already had their own budget." if settings.models else ""
    return f"Each network was trained for {budget}.{models}"


def method_items(settings: CompareSettings) -> list[str]:
    """Say how it was trained and counted, a sentence or two each.

    Parameters
    ----------
    settings
        Of the comparison.

    Returns
    -------
    list of str
        Items of a list.
    """
    items = []
    if settings.networks:
        what = "every phase of the mask" if settings.target == "phases" else "olivine or not"
        items.append(
            f"Every network learned the same target ({what}) from the sessions with the role "
            f"train, {settings.batch} crops a step. Loss, optimiser and learning rate are those of "
            "the network's own recipe unless they were given for all. Nothing but the budget ended "
            "a training; the weights of the lowest cross-entropy on the val sessions were kept."
        )
        if settings.max_steps is None:
            items.append(
                "Processor time is that of all cores together, spent on steps, on validations "
                "and on looking for errors to learn from; reading the section is not counted. On a "
                "graphics card it is time of the clock. The last validation comes on top. A core "
                "that shares its hardware with another busy one takes more processor time for the "
                "same step: only a budget of steps does not depend on the machine at all."
            )
        else:
            items.append(
                "Equal steps are not equal work: a step of a large network, or with larger crops, "
                "takes longer. See the times. Steps are rounded up to whole validations."
            )
        items.append(
            "A random forest is grown at once on a fixed number of pixels, so that no budget "
            "applies to it; its time is told."
        )
    items += [
        "Sessions were segmented as the command segment does it: windows of 1024 px with an "
        "overlap of 256 px, or less in small sections or memory.",
        "Pixels count where the reference says what they are, within the region of study and the "
        "tiles. Where sessions overlap, the last one has the pixel.",
        "IoU = TP / (TP + FP + FN) and OA = right / all come from one confusion matrix a session "
        "or role, never from a mean over tiles. Olivine is taken from a threshold of its "
        "probability; the best one is that of the highest IoU on the val sessions, and is applied "
        "unchanged to the test sessions.",
        "Boundary IoU: IoU of the pixels within 2 px of an outline, on its inner side (Cheng et "
        "al. 2021, doi 10.1109/CVPR46437.2021.01508).",
        f"A crystal counts as found if one connected region has an IoU above "
        f"{settings.found_iou:g} with it. Crystals are the connected regions of the mask, or those "
        "of the truth.",
        "ECE = sum of n/N |share of olivine - mean probability| over 15 bins of the probability of "
        "olivine (Guo et al. 2017, arXiv 1706.04599, equation 3). Most pixels are surely no "
        "olivine, so that small values are the rule: look at the diagram too.",
        "Soft IoU = (sum p t + 1) / (sum p + sum t - sum p t + 1), over all pixels.",
        "Memory is the largest resident set of the run's own process up to the end of the training "
        "and of the whole run, libraries included; on a graphics card, what tensors held there. "
        "Times of the clock depend on what else the machine did.",
    ]
    return items
