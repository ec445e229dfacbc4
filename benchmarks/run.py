"""
Measure bfxsync beside a floor and other clients, and print the tables.

It makes the environments of all contestants, compares every update that each of them receives, and
then lets them take turns for several rounds. Tables show medians, with the fastest round beside
them, as machines have more than one speed; ratios are those of the same round. A complete run
writes docs/performance.rst.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Dict, List, Optional, Sequence, Tuple

from environments import FOLDER, ROOT, Environments, environment_of, machine
from processes import Arena, Failure, make_certificate
from report import markdown, write_page
from rows import Entry, Row, Rows, Size
from targets import LIMITS, targets

FULL = Size(frames=200_000, paced_s=3, calls=1_000, micro_frames=8_000, idle_s=60)
QUICK = Size(frames=20_000, paced_s=1, calls=100, micro_frames=2_000, idle_s=5)

#: The figures of each round, by row, entry and unit.
Results = Dict[str, Dict[str, List[Dict[str, float]]]]


class Table:
    """Measures rows, and keeps what failed."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self.results: Results = {}
        self.failures: List[str] = []

    def measure(self, row: Row) -> None:
        """Check the entries, and measure them in turn."""
        print(f"{row.name} …", file=sys.stderr, flush=True)
        entries = [each for each in row.entries if self._is_good(row, each)]
        found: Dict[str, List[Dict[str, float]]] = {each.label: [] for each in entries}
        self.results[row.name] = found
        for turn in range(min(self._rounds, row.most_rounds)):
            # Each round starts with another one, so that none is always first.
            start = turn % max(1, len(entries))
            ordered = (*entries[start:], *entries[:start])
            with ThreadPoolExecutor(len(ordered) if row.is_together else 1) as pool:
                runs = [pool.submit(self._run, row, each) for each in ordered]
            for entry, run in zip(ordered, runs):
                figures = run.result()
                if figures is not None:
                    found[entry.label].append(figures)

    def _is_good(self, row: Row, entry: Entry) -> bool:
        try:
            if entry.check is not None:
                entry.check(entry.contestant)
        except Failure as failure:
            self._note(row, failure)
            return False
        return True

    def _run(self, row: Row, entry: Entry) -> Optional[Dict[str, float]]:
        try:
            return entry.measure(entry.contestant)
        except Failure as failure:
            self._note(row, failure)
            return None

    def good(self) -> Results:
        """Return the results of rows in which nothing failed."""
        failed = {text.partition(":")[0] for text in self.failures}
        return {row: runs for row, runs in self.results.items() if row not in failed}

    def _note(self, row: Row, failure: Failure) -> None:
        if "could not be installed" in str(failure):
            # Named beside the versions.
            return
        text = f"{row.name}: {failure}"
        if text not in self.failures:
            self.failures.append(text)
            print(f"FAILED {text}", file=sys.stderr, flush=True)


def chosen(entries: List[Entry], names: Optional[List[str]]) -> List[Entry]:
    """Return the entries of these contestants, or all."""
    return [
        each for each in entries if not names or each.label.partition("@")[0] in names
    ]


def figures(results: Results, row: str, label: str, unit: str) -> List[float]:
    return [each[unit] for each in results.get(row, {}).get(label, []) if unit in each]


def ratios(
    above: Sequence[float], below: Sequence[float]
) -> Optional[Tuple[float, float]]:
    """Return the median of the ratios of each round, and the ratio of the fastest ones."""
    if not above or not below:
        return None
    return median(a / b for a, b in zip(above, below)), min(above) / min(below)


def target_rows(results: Results) -> List[List[str]]:
    """Return the rows of the table of ratios."""
    found = []
    for each in targets():
        shown = ratios(
            figures(results, each.row, each.above, each.unit),
            figures(results, each.row, each.below, each.unit),
        )
        if shown is not None:
            is_least = each.least is not None
            limit = each.least if is_least else each.most
            found.append([each.text, *map(number, shown), bound(limit, is_least)])
    for name, text, unit, label, most in LIMITS:
        values = figures(results, name, label, unit)
        if values:
            shown = median(values), min(values)
            found.append([text, *map(number, shown), bound(most, False)])
    return found + base_rows(results)


def base_rows(results: Results) -> List[List[str]]:
    """Return the ratios of this folder's bfxsync to that of another one."""
    found = []
    for row, entries in results.items():
        for label in entries:
            runs = entries.get(f"{label}@base", [])
            for unit in runs[0] if runs else ():
                shown = ratios(
                    figures(results, row, label, unit),
                    figures(results, row, f"{label}@base", unit),
                )
                if shown is not None:
                    text = f"{row}: {label}, {unit}, × base"
                    found.append([text, *map(number, shown), "–"])
    return found


def bound(limit: Optional[float], is_least: bool) -> str:
    if limit is None:
        return "–"
    return f"{'≥' if is_least else '≤'} {limit:g}"


def cost_rows(results: Results, rows: Sequence[Row]) -> List[List[str]]:
    """Return the rows of the table of all figures."""
    found = []
    for row in rows:
        for label, runs in results.get(row.name, {}).items():
            for unit in runs[0] if runs else ():
                values = figures(results, row.name, label, unit)
                shown = ratios(values, figures(results, row.name, row.reference, unit))
                times = "–" if shown is None else number(shown[0])
                line = [row.title, label, unit, number(median(values))]
                found.append([*line, number(min(values)), times])
    return found


def number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


TARGET_HEADER = ("what", "median", "fastest", "target")
COST_HEADER = ("row", "contestant", "unit", "median", "fastest", "× first")


def parse(arguments: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="only these rows")
    parser.add_argument(
        "--contestants", nargs="+", metavar="NAME", help="only these, and --base"
    )
    parser.add_argument("--rounds", type=int, help="9 by default")
    parser.add_argument("--frames", type=int, help="of a flood; 200,000 by default")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write all figures, after each row"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the rows that the file of --json does not have",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="short runs, 2 rounds, of bfxsync, the floor and the official client",
    )
    parser.add_argument(
        "--base", type=Path, metavar="DIR", help="also measure bfxsync of this folder"
    )
    parser.add_argument(
        "--environments",
        type=Path,
        metavar="DIR",
        default=FOLDER,
        help="where virtual environments are made and kept; build/benchmarks by default",
    )
    options = parser.parse_args(arguments)
    if options.rounds is None:
        options.rounds = 2 if options.quick else 9
    if options.resume and options.json is None:
        parser.error("--resume needs --json FILE")
    parts = options.contestants or options.quick or options.base
    options.is_complete = not parts and options.rounds >= 9
    return options


def main() -> int:
    options = parse()
    size = QUICK if options.quick else FULL
    if options.frames:
        size = size._replace(frames=options.frames)
    environments = Environments(options.environments)
    trees = {"": ROOT, **({"base": options.base.resolve()} if options.base else {})}
    table = Table(options.rounds)
    if options.resume and options.json.exists():
        table.results = json.loads(options.json.read_text())
    with tempfile.TemporaryDirectory() as folder:
        arena = Arena(environments, make_certificate(Path(folder)), trees)
        maker = Rows(arena, size, has_base="base" in trees, is_quick=options.quick)
        rows = maker.all()
        names = [row.name for row in rows]
        unknown = set(options.rows or ()) - set(names)
        if unknown:
            raise SystemExit(
                f"no such row: {', '.join(unknown)}; there are {', '.join(names)}"
            )
        wanted = [
            row._replace(entries=chosen(row.entries, options.contestants))
            for row in rows
            if row.name in (options.rows or names) and row.name not in table.results
        ]
        try:
            for row in wanted:
                table.measure(row)
                if options.json is not None:
                    options.json.write_text(json.dumps(table.good(), indent=1) + "\n")
                # The next row has other floods, and memory is finite.
                arena.close()
        finally:
            maker.close()
            arena.close()
    for row in rows:
        for entry in row.entries:
            if table.results.get(row.name, {}).get(entry.label):
                # Also of a row that was measured before.
                environments.python(environment_of(entry.contestant.partition("@")[0]))
    about = [machine(), *environments.versions()]
    about.append(f"command: python benchmarks/{' '.join(['run.py', *sys.argv[1:]])}")
    about.append(f"{options.rounds} rounds, floods of {size.frames:,} updates")
    about += [f"not measured: {why}" for why in environments.failures.values()]
    shown = target_rows(table.results)
    costs = cost_rows(table.results, rows)
    print("\n".join(f"- {line}" for line in about))
    print(f"\n{markdown(TARGET_HEADER, shown)}")
    print(f"\n{markdown(COST_HEADER, costs)}")
    if options.is_complete and set(names) == set(table.good()):
        page = ROOT / "docs" / "performance.rst"
        write_page(page, about, (TARGET_HEADER, shown), (COST_HEADER, costs))
        print(f"\nwrote {page}", file=sys.stderr)
    return 1 if table.failures else 0


if __name__ == "__main__":
    if not hasattr(os, "fork"):
        sys.exit("the benchmarks need getrusage, which Windows does not have")
    sys.exit(main())
