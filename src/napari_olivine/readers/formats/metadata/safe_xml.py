"""XML from a file that nobody vouches for."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

MOST_CHARACTERS = 16 << 20
"""Longer texts are not read; an OME-XML of ten thousand planes has five million characters."""

MOST_MARKS = 500_000
"""Opening brackets; the same file has a tenth of it. Elements need far more memory than text."""


def parse(text: str) -> Element | None:
    """Return the root of an XML text, its names without their namespaces; `None` if it is none.

    A text that declares a document type is not read: entities could be blown up without end, or
    point to other files.
    """
    if len(text) > MOST_CHARACTERS or text.count("<") > MOST_MARKS:
        return None
    try:
        # An encoding that the text declares does not hold for a text that is decoded already.
        root: Element = fromstring(text[text.find("<") :].rstrip("\0 \r\n\t"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        return None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root
