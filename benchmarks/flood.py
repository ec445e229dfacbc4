"""
Measure the CPU time of a frame from the socket to the user's callback, or its latency.

The contestants take turns for several rounds, each in a process of its own, with the load server in
another; the tables show medians. See README.rst in this folder.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from contestants import CONTESTANTS
from processes import Failure, Job, make_certificate, run_rounds
from traffic import FLOODS

OFFICIAL = "bitfinex-api-py"

#: Required ratio of the official client's CPU time per frame to that of the contestant.
TARGETS = {"bfxsync": 5.0, "bfxsync-json": 3.0}

#: The module that each contestant imports, and the requirement to install.
NEEDS = {
    "floor": ("orjson", "orjson"),
    "floor-callback": ("orjson", "orjson"),
    "floor-callback-json": ("json", ""),
    "bfxsync": ("bfxsync", "bfxsync[speed]"),
    "bfxsync-json": ("bfxsync", "bfxsync"),
    OFFICIAL: ("bfxapi", "bitfinex-api-py==4.0.0"),
    "bfxsync-0": ("bfxsync", "bfxsync[speed]"),
    "bfxsync-record": ("bfxsync", "bfxsync[speed]"),
    "bfxsync-2": ("bfxsync", "bfxsync[speed]"),
    "bfxsync-2-blocked": ("bfxsync", "bfxsync[speed]"),
}

#: Other numbers of dispatch threads, for `latency`; the last one with a second callback that blocks
#: one of them.
THREADS = ("bfxsync-0", "bfxsync-2", "bfxsync-2-blocked")


def machine() -> str:
    """Return the machine and the versions in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    versions = []
    if importlib.util.find_spec("bfxsync") is not None:
        # From the module, which may be on the path without being installed.
        versions.append(f"bfxsync {importlib.import_module('bfxsync').__version__}")
    for package in ("websocket-client", "requests", "orjson", OFFICIAL, "websockets"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    python = f"{platform.python_implementation()} {platform.python_version()}"
    cores = f"{os.cpu_count()} cores ({model})"
    return ", ".join([python, platform.system(), cores, *versions])


def ratio(results: Dict[str, Dict[str, Any]], above: str, below: str) -> str:
    """Return the ratio of two contestants' CPU times; ``"-"`` if one did not run."""
    if above not in results or below not in results:
        return "-"
    value = results[above]["us_per_frame"] / results[below]["us_per_frame"]
    return f"{value:.2f}"


def cost_rows(flood: str, results: Dict[str, Dict[str, Any]]) -> List[List[str]]:
    rows = []
    for name, result in results.items():
        less, target = ratio(results, OFFICIAL, name), TARGETS.get(name)
        verdict = ""
        if target is not None and less != "-":
            verdict = f"{'met' if is_met(results, name) else 'MISSED'} (>= {target:g})"
        rows.append(
            [
                flood,
                name,
                f"{result['us_per_frame']:.3f}",
                ratio(results, name, "floor-callback"),
                less,
                f"{result['frames_per_s']:,.0f}",
                verdict,
            ]
        )
    return rows


def latency_rows(flood: str, results: Dict[str, Dict[str, Any]]) -> List[List[str]]:
    return [
        [
            flood,
            name,
            f"{result['p50_us']:.0f}",
            f"{result['p99_us']:.0f}",
            f"{result['us_per_frame']:.1f}",
        ]
        for name, result in results.items()
    ]


def is_met(results: Dict[str, Dict[str, Any]], name: str) -> bool:
    """Tell whether a contestant meets its target."""
    limit = results[OFFICIAL]["us_per_frame"] / TARGETS[name]
    return bool(results[name]["us_per_frame"] <= limit)


COST_HEADER = [
    "flood",
    "contestant",
    "us/frame",
    "x floor-callback",
    "x less than official",
    "frames/s",
    "target",
]
LATENCY_HEADER = ["flood", "contestant", "p50 us", "p99 us", "CPU us/frame"]


def table(header: List[str], rows: List[List[str]]) -> str:
    """Format a simple table in reStructuredText."""
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    rule = "  ".join("=" * width for width in widths)
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in [header, *rows]
    ]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


def parse(arguments: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument(
        "mode",
        nargs="?",
        choices=["flood", "latency"],
        default="flood",
        help="CPU time per frame at full speed (default), or delays at a steady rate",
    )
    parser.add_argument("--frames", type=int, default=200_000, help="in each flood")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--floods", nargs="+", choices=list(FLOODS))
    parser.add_argument("--contestants", nargs="+", choices=list(CONTESTANTS))
    parser.add_argument("--rate", type=float, default=1000, help="latency: frames/s")
    parser.add_argument("--seconds", type=float, default=3, help="latency: duration")
    parser.add_argument(
        "--timeout", type=float, default=120, help="of a run, in seconds"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument(
        "--check", action="store_true", help="fail when a target is missed"
    )
    options = parser.parse_args(arguments)
    options.floods = options.floods or list(FLOODS)
    if not options.contestants:
        options.contestants = [
            name
            for name in CONTESTANTS
            if name not in ("bfxsync-record", *THREADS)
            or (options.mode == "latency" and name in THREADS)
        ]
    if options.mode == "latency":
        options.floods = ["ticker"]
    for name in options.contestants:
        module, package = NEEDS[name]
        if importlib.util.find_spec(module) is None:
            parser.error(f'{name} needs: pip install "{package}"')
    if "tls" in options.floods and shutil.which("openssl") is None:
        parser.error("the tls flood needs the openssl command for its certificate")
    return options


def main() -> int:
    options = parse()
    is_latency = options.mode == "latency"
    results: Dict[str, Dict[str, Dict[str, Any]]] = {}
    rows: List[List[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        certificate = None
        if "tls" in options.floods:
            certificate = make_certificate(Path(folder))
        for flood in options.floods:
            frames = options.frames
            if is_latency:
                frames = int(options.rate * options.seconds)
            rate = options.rate if is_latency else None
            job = Job(flood, frames, rate, options.timeout)
            try:
                results[flood] = run_rounds(
                    job, options.contestants, options.rounds, certificate
                )
            except Failure as failure:
                print(f"FAILED: {failure}", file=sys.stderr)
                return 1
            rows += (latency_rows if is_latency else cost_rows)(flood, results[flood])
            print(f"{flood} done", file=sys.stderr, flush=True)
    print(machine())
    print(f"command: python {' '.join([Path(sys.argv[0]).name, *sys.argv[1:]])}")
    print(f"medians of {options.rounds} rounds of {frames:,} frames\n")
    print(table(LATENCY_HEADER if is_latency else COST_HEADER, rows))
    if options.json is not None:
        figures = {"machine": machine(), "frames": frames, "results": results}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    is_missed = not is_latency and any(
        not is_met(result, name)
        for result in results.values()
        for name in TARGETS
        if name in result and OFFICIAL in result
    )
    return 1 if options.check and is_missed else 0


if __name__ == "__main__":
    sys.exit(main())
