"""XML from a file that nobody vouches for."""

from __future__ import annotations

from xml.etree import ElementTree

MOST_CHARACTERS = 16 << 20
"""Longer texts are not read; an OME-XML of ten thousand planes has five million characters."""

MOST_MARKS = 500_000
"""Opening brackets; the same file has a tenth of it. Elements need far more memory than text."""


def parse(text: str) -> ElementTree.Element | None:
    """Return the root of an XML text, its names without their namespaces; `None` if it is none.

    A text that declares a document type is not read: entities could be blown up without end, or
    point to other files.
    """
    if len(text) > MOST_CHARACTERS or text.count("<") > MOST_MARKS:
        return None
    if "<!" in text.replace("<!--", "").replace("<![CDATA[", ""):
        return None
    begin = text.find("<")
    if begin < 0:
        return None
    try:
        # An encoding that the text declares no longer holds: it is decoded already.
        root = ElementTree.fromstring(text[begin:].rstrip("\0 \r\n\t").encode("utf-8", "replace"))
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError):
        return None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root
