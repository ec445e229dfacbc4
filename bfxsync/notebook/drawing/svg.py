"""
SVG elements, and the ``<img>`` that shows an SVG on a page.

Strategy: an ``<img>`` also comes through in notebooks that are not trusted, which lose inline SVG.
Neither colours nor fonts of the page reach into it, so everything is drawn without background, in
colours that are readable on white and on black.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Iterable, NamedTuple

GREY = "#808488"
UP = "#16a085"
DOWN = "#d64541"

FONT_SIZE = 11
_CHARACTER_WIDTH, _BOLD_WIDTH = 6.2, 7.6


class Svg(NamedTuple):
    """
    A drawing.

    Attributes
    ----------
    width, height : int
        In pixels.
    body : str
        The elements.
    """

    width: int
    height: int
    body: str

    @property
    def document(self) -> str:
        """The whole SVG document."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" '
            f'height="{self.height}" viewBox="0 0 {self.width} {self.height}" '
            f'font-family="sans-serif" font-size="{FONT_SIZE}" fill="{GREY}" '
            f'color="{GREY}" style="font-variant-numeric:tabular-nums">{self.body}</svg>'
        )


def image(svg: Svg, alt: str) -> str:
    """Return the ``<img>`` that shows a drawing; `alt` is its description."""
    data = b64encode(svg.document.encode()).decode()
    return (
        f'<img alt="{escape(alt)}" width="{svg.width}" height="{svg.height}" '
        'decoding="sync" style="max-width:100%;height:auto" '
        f'src="data:image/svg+xml;base64,{data}">'
    )


def text(
    x: float,
    y: float,
    content: str,
    *,
    anchor: str = "start",
    fill: str = "",
    weight: str = "",
) -> str:
    """Return a line of text; `y` is its baseline, `anchor` is ``start``, ``middle`` or ``end``."""
    more = "" if anchor == "start" else f' text-anchor="{anchor}"'
    more += f' fill="{fill}"' if fill else ""
    more += f' font-weight="{weight}"' if weight else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(content, quote=False)}</text>'


def text_width(content: str, is_bold: bool = False) -> float:
    """Return the approximate width of a line of text in pixels."""
    return len(content) * (_BOLD_WIDTH if is_bold else _CHARACTER_WIDTH)


def rect(
    x: float,
    y: float,
    width: float,
    height: float,
    fill: str,
    *,
    opacity: float = 1.0,
    radius: float = 0.0,
) -> str:
    """Return a filled rectangle."""
    more = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
    more += f' rx="{radius:g}"' if radius else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{fill}"{more}/>'
    )


def line(
    x1: float, y1: float, x2: float, y2: float, stroke: str = GREY, more: str = ""
) -> str:
    """Return a line; `more` has further attributes."""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{stroke}"{more and " " + more}/>'
    )


def path(
    commands: Iterable[str],
    *,
    fill: str = "none",
    stroke: str = "none",
    opacity: float = 1.0,
) -> str:
    """Return a path; nothing without commands. The opacity is that of the filling."""
    joined = "".join(commands)
    if not joined:
        return ""
    more = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
    return f'<path d="{joined}" fill="{fill}" stroke="{stroke}"{more}/>'
