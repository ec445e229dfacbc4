"""
Measure the round trip of an order on the local exchange: from the call to its result.

Contestants take turns, each in a process of its own, against one exchange in another process. Every
order is a limit order far from the market, and is cancelled before the next one. A run fails if an
order is missing on the exchange, is there twice, or is still open.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from typing import Dict, List, Optional, Sequence

from environments import FOLDER, ROOT, Environments, machine
from order_contestants import CONTESTANTS, WARM_UP
from processes import HERE, Arena, Failure, ServerProcess, result_of
from report import simple

#: What is printed of each contestant.
UNITS = {"p50_us": "p50 µs", "p99_us": "p99 µs", "cpu_us": "CPU µs"}

FLOOR = "floor-orders"

ROUNDS = 5


def serve() -> None:
    """Run an exchange; for each line of the input, say how many orders were closed since."""
    from bfxsync.paper import PaperExchange

    with PaperExchange(rate=0.001) as exchange:
        seen = 0  # the journal's number
        print(json.dumps({"ws": exchange.url, "rest": exchange.rest_url}), flush=True)
        for _ in sys.stdin:
            entries = exchange.journal.find(kind="event", name="oc")
            closed = [entry for entry in entries if entry.number > seen]
            ids = {id for entry in closed for id in entry.order_ids}
            found = {"orders": len(ids), "open": len(exchange.account.orders)}
            seen = closed[-1].number if closed else seen
            print(json.dumps(found), flush=True)


def start_exchange(arena: Arena) -> ServerProcess:
    """Start the exchange, by this Python, which has the extra paper."""
    command = [sys.executable, str(HERE / "orders.py"), "--serve"]
    return ServerProcess(command, arena.python("bfxsync")[1])


def run(
    arena: Arena, exchange: ServerProcess, name: str, count: int
) -> Dict[str, float]:
    """Run one contestant; return its figures."""
    python, variables = arena.python(name)
    command = [python, str(HERE / "order_contestants.py"), name.partition("@")[0]]
    command += ["--ws", exchange.address["ws"], "--rest", exchange.address["rest"]]
    command += ["--orders", str(count)]
    result = result_of(name, command, variables)
    expected = count + WARM_UP
    counts = exchange.counts()
    if counts != {"orders": expected, "open": 0} or result.pop("good") != expected:
        raise Failure(f"{name}: not every one of {expected} orders: {counts}")
    return result


def parse(arguments: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("--orders", type=int, default=500, help="500 by default")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"{ROUNDS} by default"
    )
    parser.add_argument(
        "--contestants", nargs="+", default=list(CONTESTANTS), choices=list(CONTESTANTS)
    )
    parser.add_argument(
        "--environments",
        type=Path,
        metavar="DIR",
        default=FOLDER,
        help="where virtual environments are made and kept; build/benchmarks by default",
    )
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Print the medians of some rounds, and their ratios to the floor."""
    options = parse(arguments)
    if options.serve:
        serve()
        return 0
    environments = Environments(options.environments)
    arena = Arena(environments, Path("unused"), {"": ROOT})
    found: Dict[str, List[Dict[str, float]]] = {n: [] for n in options.contestants}
    exchange = start_exchange(arena)
    try:
        for turn in range(options.rounds):
            start = turn % len(found)
            for name in [*found][start:] + [*found][:start]:
                found[name].append(run(arena, exchange, name, options.orders))
    finally:
        exchange.close()
    print("\n".join(f"- {line}" for line in [machine(), *environments.versions()]))
    print(f"- {options.rounds} rounds of {options.orders:,} orders\n")
    print(simple(["contestant", *UNITS.values(), "× floor"], rows(found)))
    return 0


def rows(found: Dict[str, List[Dict[str, float]]]) -> List[List[str]]:
    """Return a line for each contestant; the ratio is that of the p50 of the same round."""
    lines = []
    for name, runs in found.items():
        cells = [f"{median(each[unit] for each in runs):,.0f}" for unit in UNITS]
        pairs = zip(runs, found.get(FLOOR, []))
        times = [one["p50_us"] / floor["p50_us"] for one, floor in pairs]
        lines.append([name, *cells, f"{median(times):.2f}" if times else "–"])
    return lines


if __name__ == "__main__":
    sys.exit(main())
