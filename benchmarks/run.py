"""
Measure bfxsync beside a floor and other clients, and print the tables.

It makes the environments of all contestants, compares every update that each of them receives, and
then lets them take turns for several rounds. Tables show medians, with the fastest round beside
them, as machines have more than one speed; ratios are those of the same round. With --write the
tables go to docs/explanation/performance.rst.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from entries import Entry, Row, Size
from environments import FOLDER, ROOT, Environments, environment_of, machine
from processes import Arena, Failure, make_certificate
from report import markdown, page_parts, write_page
from rows import Rows
from tables import (
    COST_HEADER,
    Results,
    cost_rows,
    missing,
    target_header,
    target_rows,
)

FULL = Size(
    frames=100_000, paced_s=1.5, calls=300, orders=300, micro_frames=8_000, idle_s=20
)
QUICK = Size(
    frames=20_000, paced_s=1, calls=100, orders=100, micro_frames=2_000, idle_s=5
)

#: Of a complete run.
ROUNDS = 9

PAGE = ROOT / "docs" / "explanation" / "performance.rst"


class Table:
    """Measures rows, and keeps what failed."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self.results: Results = {}
        #: By row and entry.
        self.failures: Dict[Tuple[str, str], str] = {}
        self._peers: List[str] = []

    def measure(self, row: Row) -> None:
        """Check the entries, and measure them in turn."""
        entries = [each for each in row.entries if self._is_good(row, each)]
        found: Dict[str, List[Dict[str, float]]] = {each.label: [] for each in entries}
        self.results[row.name] = found
        for turn in range(min(self._rounds, row.most_rounds)):
            # Each round starts with another one, so that none is always first.
            start = turn % max(1, len(entries))
            ordered = [*entries[start:], *entries[:start]]
            ordered = [each for each in ordered if turn < each.most_rounds]
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
            self._note(row, entry, failure)
            return False
        return True

    def _run(self, row: Row, entry: Entry) -> Optional[Dict[str, float]]:
        try:
            return entry.measure(entry.contestant)
        except Failure as failure:
            self._note(row, entry, failure)
            return None

    def good(self) -> Results:
        """Return the results without what failed: a whole row, or another client's entry."""
        bad = {row for row, label in self.failures if label not in self._peers}
        return {
            row: {
                label: runs
                for label, runs in entries.items()
                if (row, label) not in self.failures
            }
            for row, entries in self.results.items()
            if row not in bad
        }

    def _note(self, row: Row, entry: Entry, failure: Failure) -> None:
        if "could not be installed" in str(failure):
            # Named beside the versions.
            return
        if entry.is_peer:
            self._peers.append(entry.label)
        key = row.name, entry.label
        if key not in self.failures:
            self.failures[key] = f"{entry.label} in row {row.name}: {failure}"
            print(f"FAILED {self.failures[key]}", file=sys.stderr, flush=True)


def chosen(entries: List[Entry], names: Optional[List[str]]) -> List[Entry]:
    """Return the entries of these contestants, or all."""
    return [
        each for each in entries if not names or each.label.partition("@")[0] in names
    ]


def parse(arguments: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="only these rows")
    parser.add_argument(
        "--contestants", nargs="+", metavar="NAME", help="only these, and --base"
    )
    parser.add_argument("--rounds", type=int, help=f"{ROUNDS} by default")
    parser.add_argument(
        "--frames", type=int, help=f"of a flood; {FULL.frames:,} by default"
    )
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
    parser.add_argument(
        "--from",
        dest="files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="measure nothing, and show the figures of these files of --json together",
    )
    parser.add_argument(
        "--write",
        nargs="?",
        type=Path,
        const=PAGE,
        metavar="PAGE",
        help="write the tables to docs/explanation/performance.rst; only of complete runs",
    )
    options = parser.parse_args(arguments)
    if options.resume and options.json is None:
        parser.error("--resume needs --json FILE")
    parts = "rows contestants rounds frames quick base json resume".split()
    used = [f"--{name}" for name in parts if getattr(options, name)]
    if options.files and used:
        parser.error(f"--from measures nothing, so {used[0]} has no meaning")
    used = [name for name in used if name not in ("--json", "--resume")]
    if options.write and used:
        parser.error(f"--write needs a complete run, without {used[0]}")
    if options.write:
        # Now, not after the run.
        try:
            page_parts(options.write)
        except (OSError, ValueError) as exc:
            parser.error(f"--write: {exc}")
    if options.rounds is None:
        options.rounds = 2 if options.quick else ROUNDS
    return options


def measure(
    options: argparse.Namespace, size: Size
) -> Tuple[List[str], Results, List[Row], List[str]]:
    """Run the benchmarks; return what was measured, with the rows and essential failures."""
    environments = Environments(options.environments)
    trees = {"": ROOT, **({"base": options.base.resolve()} if options.base else {})}
    table = Table(options.rounds)
    if options.resume and options.json.exists():
        table.results = json.loads(options.json.read_text())["results"]
    started = time.monotonic()
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
        rows = [
            row._replace(entries=chosen(row.entries, options.contestants))
            for row in rows
            if row.name in (options.rows or names)
        ]
        try:
            for row in rows:
                if row.name in table.results:
                    continue
                print(f"{row.name} …", end=" ", file=sys.stderr, flush=True)
                row_started = time.monotonic()
                table.measure(row)
                row_s = time.monotonic() - row_started
                print(f"{row_s:.0f} s", file=sys.stderr, flush=True)
                if options.json is not None:
                    about = describe(options, size, environments, table, rows)
                    save(options.json, about, table.good())
                # The next row has other floods, and memory is finite.
                arena.close()
        finally:
            maker.close()
            arena.close()
    minutes = (time.monotonic() - started) / 60
    print(f"{minutes:.1f} minutes", file=sys.stderr)
    about = describe(options, size, environments, table, rows)
    results = table.good()
    failures = [text for (row, _), text in table.failures.items() if row not in results]
    return about, results, rows, failures


def describe(
    options: argparse.Namespace,
    size: Size,
    environments: Environments,
    table: Table,
    rows: Sequence[Row],
) -> List[str]:
    """Return the lines above the tables."""
    for row in rows:
        for entry in row.entries:
            if table.results.get(row.name, {}).get(entry.label):
                # Also of a row that was measured before.
                environments.python(environment_of(entry.contestant.partition("@")[0]))
    used = [
        f"--{name} {' '.join(map(str, value)) if type(value) is list else value}"
        for name in ("rows", "contestants", "frames", "base")
        if (value := getattr(options, name))
    ]
    arguments = " ".join(["run.py", *(["--quick"] if options.quick else []), *used])
    return [
        machine(),
        *environments.versions(),
        f"command: python benchmarks/{arguments}",
        f"{options.rounds} rounds, floods of {size.frames:,} updates",
        *(f"not measured: {why}" for why in environments.failures.values()),
        *(f"not measured: {why}" for why in table.failures.values()),
    ]


def save(path: Path, about: List[str], results: Results) -> None:
    """Write the figures, so that an interrupted run leaves the former ones."""
    text = json.dumps({"about": about, "results": results}, indent=1)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(text + "\n", encoding="utf-8")
    os.replace(unfinished, path)


def read(files: Sequence[Path]) -> Tuple[List[str], List[Results]]:
    """Return what files of --json say; lines that all have, such as versions, once."""
    kept: List[Dict[str, Any]] = [json.loads(each.read_text()) for each in files]
    lines = dict.fromkeys(line for each in kept for line in each["about"])
    runs = "1 run" if len(kept) == 1 else f"{len(kept)} runs"
    return [runs, *lines], [each["results"] for each in kept]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    options = parse(arguments)
    size = QUICK if options.quick else FULL
    if options.frames:
        size = size._replace(frames=options.frames)
    failures: List[str] = []
    if options.files:
        about, runs = read(options.files)
        rows = Rows(None, size, has_base=False, is_quick=False).all()
    else:
        about, results, rows, failures = measure(options, size)
        runs = [results]
    ratios = target_header(runs), target_rows(runs)
    costs = COST_HEADER, cost_rows(runs, rows)
    print("\n".join(f"- {line}" for line in about))
    print(f"\n{markdown(*ratios)}")
    print(f"\n{markdown(*costs)}")
    if options.write:
        gaps = [gap for run in runs for gap in missing(run, rows, options.rounds)]
        if gaps:
            print(f"\n{options.write} is unchanged:", *gaps, sep="\n", file=sys.stderr)
            return 1
        write_page(options.write, about, ratios, costs)
        print(f"\nwrote {options.write}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    if not hasattr(os, "fork"):
        sys.exit("the benchmarks need getrusage, which Windows does not have")
    sys.exit(main())
