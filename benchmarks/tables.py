"""
From the figures of one or several runs to the rows of tables.

Strategy: figures are compared within their round only, so each ratio is computed by round, and its
median over all rounds of all runs is shown.
"""

from __future__ import annotations

from statistics import median
from typing import Dict, List, NamedTuple, Optional, Sequence

from entries import Row
from targets import LIMITS, targets

#: The figures of each round, by row, entry and unit.
Results = Dict[str, Dict[str, List[Dict[str, float]]]]

COST_HEADER = ("row", "contestant", "unit", "median", "fastest", "× first")


class Shown(NamedTuple):
    """The median of all rounds, that of each run, and the figure of the fastest rounds."""

    middle: float
    middles: List[float]
    fastest: float

    @property
    def cells(self) -> List[str]:
        of_runs = ["  ".join(map(number, self.middles))] if self.middles[1:] else []
        return [number(self.middle), *of_runs, number(self.fastest)]


def target_header(runs: Sequence[Results]) -> List[str]:
    of_runs = ["median of each run"] if runs[1:] else []
    return ["what", "median", *of_runs, "fastest", "target"]


def target_rows(runs: Sequence[Results]) -> List[List[str]]:
    """Return the rows of the table of ratios."""
    found = []
    for each in targets():
        shown = ratio(runs, each.row, each.above, each.below, each.unit)
        if shown is not None:
            is_least = each.least is not None
            limit = each.least if is_least else each.most
            found.append([each.text, *shown.cells, bound(limit, is_least)])
    for name, text, unit, label, most in LIMITS:
        shown = ratio(runs, name, label, None, unit)
        if shown is not None:
            found.append([text, *shown.cells, bound(most, False)])
    return found + base_rows(runs)


def base_rows(runs: Sequence[Results]) -> List[List[str]]:
    """Return the ratios of this folder's bfxsync to that of another one."""
    found = []
    for row, entries in runs[0].items():
        for label in entries:
            base = f"{label}@base"
            for unit in (entries.get(base) or [{}])[0]:
                shown = ratio(runs, row, label, base, unit)
                if shown is not None:
                    text = f"{row}: {label}, {unit}, × base"
                    found.append([text, *shown.cells, "–"])
    return found


def cost_rows(runs: Sequence[Results], rows: Sequence[Row]) -> List[List[str]]:
    """Return the rows of the table of all figures."""
    found = []
    for row in rows:
        for entry in row.entries:
            label, first = entry.label, row.reference
            rounds = [
                each for run in runs for each in run.get(row.name, {}).get(label, [])
            ]
            for unit in (rounds or [{}])[0]:
                times = ratio(runs, row.name, label, first, unit)
                values = [each[unit] for each in rounds]
                line = [row.title, label, unit, number(median(values))]
                shown = "–" if times is None else number(times.middle)
                found.append([*line, number(min(values)), shown])
    return found


def ratio(
    runs: Sequence[Results], row: str, above: str, below: Optional[str], unit: str
) -> Optional[Shown]:
    """Return the ratio of two entries' figures, or without a second one the figure itself."""
    middles: List[float] = []
    quotients: List[float] = []
    all_above: List[float] = []
    all_below: List[float] = []
    for results in runs:
        upper = figures(results, row, above, unit)
        lower = [1.0] * len(upper)
        if below is not None:
            lower = figures(results, row, below, unit)
        if upper and lower:
            of_rounds = [a / b for a, b in zip(upper, lower)]
            middles.append(median(of_rounds))
            quotients += of_rounds
            all_above += upper
            all_below += lower
    if not middles:
        return None
    return Shown(median(quotients), middles, min(all_above) / min(all_below))


def figures(results: Results, row: str, label: str, unit: str) -> List[float]:
    return [each[unit] for each in results.get(row, {}).get(label, []) if unit in each]


def missing(results: Results, rows: Sequence[Row], rounds: int) -> List[str]:
    """Return what a complete run has and these results have not; other clients may fail."""
    found = []
    for row in rows:
        for entry in row.entries:
            wanted = min(rounds, row.most_rounds)
            count = len(results.get(row.name, {}).get(entry.label, []))
            if count < wanted and not entry.is_peer:
                found.append(f"{row.name}: {count} of {wanted} rounds of {entry.label}")
    return found


def bound(limit: Optional[float], is_least: bool) -> str:
    if limit is None:
        return "–"
    return f"{'≥' if is_least else '≤'} {limit:g}"


def number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
