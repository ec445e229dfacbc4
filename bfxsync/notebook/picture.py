"""What is shown in a cell."""

from __future__ import annotations

from html import escape

import attrs

from bfxsync._base.describe import also_half_made
from bfxsync.notebook.drawing.svg import Svg, image
from bfxsync.notebook.drawing.tables import Table, table_html, table_text


@attrs.frozen(repr=False)
class Picture:
    """
    A picture for a page, and a text for where there are no pictures.

    The page may be one that is not trusted: it has images and plain tables, nothing inline.

    Attributes
    ----------
    html : str
    text : str
    """

    html: str
    text: str

    @classmethod
    def of_svg(cls, svg: Svg, text: str) -> Picture:
        """Return the picture of a drawing; `text` describes it."""
        return cls(image(svg, text), text)

    @classmethod
    def of_tables(cls, *tables: Table) -> Picture:
        """Return the picture of tables, below each other."""
        return cls(
            "".join(map(table_html, tables)), "\n\n".join(map(table_text, tables))
        )

    def with_caption(self, caption: str) -> Picture:
        """Return the same picture with a line below it."""
        shown = f'<div style="font-size:11px;opacity:0.75">{escape(caption)}</div>'
        return Picture(f"<div>{self.html}{shown}</div>", f"{self.text}\n{caption}")

    def _repr_html_(self) -> str:
        return self.html

    @also_half_made
    def __repr__(self) -> str:
        return self.text
