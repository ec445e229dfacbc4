"""Tables, in Markdown and reStructuredText."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence, Tuple


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def simple(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a simple table in reStructuredText; no first cell may be empty."""
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    rule = "  ".join("=" * width for width in widths)
    lines: List[str] = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in [header, *rows]
    ]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


#: Where the written part of the page begins.
MARK = ".. What follows is written by benchmarks/run.py.\n"

Section = Tuple[Sequence[str], Sequence[Sequence[str]]]


def page_parts(path: Path) -> Tuple[str, str]:
    """Return what stands above the written part of a page, and that; ValueError without a mark."""
    head, mark, tail = path.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        raise ValueError(f"{path} has no line {MARK.strip()!r}")
    return head, tail


def write_page(
    path: Path, about: Sequence[str], ratios: Section, costs: Section
) -> None:
    """Replace the tables of the page on performance."""
    head, _ = page_parts(path)
    lines = "\n".join(f"- {line}" for line in about)
    path.write_text(
        f"{head}{MARK}\n{lines}\n\n{simple(*ratios)}\n\n{simple(*costs)}\n",
        encoding="utf-8",
    )
