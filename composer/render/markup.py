"""Elements of XML and HTML: text of others is cleaned as for a terminal, and escaped when it is written. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element, tostring

from composer.system.foreign_text import clean_line

__all__ = ["Element", "element", "html_text", "style", "xml_text"]


def element(tag: str, attributes: Mapping[str, object] | None = None, *children: Element | str) -> Element:
    """Return an element.

    Args:
        tag: Its name.
        attributes: Their values are text, or numbers.
        children: Elements, and text, in which nothing but printable characters is left.
    """
    made = Element(tag, {name: clean_line(str(value)) for name, value in (attributes or {}).items()})
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + clean_line(child)
        else:
            made.text = (made.text or "") + clean_line(child)
    return made


def style(css: str) -> Element:
    """Return a style element; ``css`` is composer's own, and is written as it is."""
    made = Element("style")
    made.text = css
    return made


def xml_text(root: Element) -> str:
    """Return an element and all in it as XML."""
    return tostring(root, encoding="unicode") + "\n"


def html_text(root: Element) -> str:
    """Return a document of HTML 5."""
    return f"<!DOCTYPE html>\n{tostring(root, encoding='unicode', method='html')}\n"
