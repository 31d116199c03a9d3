"""What was recognised, or why nothing was, in words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from napari_olivine.readers.base import LISTED, Acquisition
from napari_olivine.readers.discover import Contents, SignalGroups, pattern_of
from napari_olivine.readers.formats import FORMATS

ARCHIVES = {".zip", ".7z", ".rar", ".tar", ".gz", ".tgz"}


def describe_acquisition(acquisition: Acquisition) -> str:
    """Describe an acquisition in a line, without what is not known."""
    parts = [
        acquisition.instrument,
        acquisition.detector,
        f"{acquisition.accelerating_voltage_kv:g} kV"
        if acquisition.accelerating_voltage_kv
        else "",
        f"{acquisition.probe_current_na:g} nA" if acquisition.probe_current_na else "",
        f"{acquisition.dwell_time_us:g} µs a pixel" if acquisition.dwell_time_us else "",
        f"{acquisition.taken:%Y-%m-%d %H:%M}" if acquisition.taken else "",
    ]
    return ", ".join(part for part in parts if part)


def nothing_there(path: Path, contents: Contents, grouped: SignalGroups) -> str:
    """Say why nothing in a folder can be imported, and what could be.

    Parameters
    ----------
    path
        The folder.
    contents, grouped
        What was found there.

    Returns
    -------
    str
        Sentences.
    """
    if grouped.refused:
        listed = "\n  ".join(grouped.refused[:LISTED])
        return f"{path} holds no image that can be used:\n  {listed}"
    there = ", ".join(
        f"{count} {suffix or 'without a suffix'}"
        for suffix, count in contents.others.most_common(6)
    )
    advice = ""
    if there:
        advice = f" It holds other files: {there}."
    if ARCHIVES & set(contents.others):
        advice += " Unpack the archive first."
    return (
        f"{path} holds nothing that can be imported.{advice} Known are "
        f"{', '.join(one.name for one in FORMATS)}, and a section.json that describes a mosaic."
        + "".join(f"\n  {remark}" for remark in grouped.remarks[:3])
    )


def in_few_words(folder: Path, remarks: Iterable[str]) -> list[str]:
    """Keep one of the remarks that differ only in numbers or in a file, and count the others.

    Parameters
    ----------
    folder
        Where the files lie.
    remarks
        Sentences.
    """
    file = re.compile(
        rf"{re.escape(str(folder))}\S*[/\\].*?\.\w+(?!\w)"
        r"|^[^:]*?\.\w{1,7}(?= (?:is|and|does)\b)|\S+\.[A-Za-z]\w{0,6}(?!\w)"
    )
    alike: dict[str, dict[str, None]] = defaultdict(dict)
    for remark in remarks:
        alike[pattern_of(file.sub("", remark))][remark] = None
    return [
        first if not more else f"{first} (and {len(more)} more like this)"
        for first, *more in alike.values()
    ]
