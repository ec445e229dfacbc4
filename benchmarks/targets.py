"""The targets: ratios of figures of the same round, and limits of figures."""

from __future__ import annotations

from typing import List, NamedTuple, Optional

FLOOR, OURS, OFFICIAL = "floor-callback", "bfxsync", "bitfinex-api-py"

#: The units of figures.
CPU, P50, CPU_MS, MS, RSS = "CPU µs", "p50 µs", "CPU ms", "ms", "MB"

#: Of blocks of one frame.
TICKER, MIXED = f"{CPU}, ticker", f"{CPU}, 25 mixed"


class Target(NamedTuple):
    """A ratio of two entries' figures, and its limit."""

    row: str
    text: str
    unit: str
    above: str
    below: str
    most: Optional[float] = None
    least: Optional[float] = None


def targets() -> List[Target]:
    """Return all targets, in the order of the rows."""
    found = []
    floods = {"ticker": (1.5, 11), "trades": (1.7, 9), "book": (1.5, 11)}
    floods.update({"mixed": (2.0, 10), "tls": (1.4, 10)})
    for name, (most, least) in floods.items():
        found.append(Target(name, f"{name}, × floor", CPU, OURS, FLOOR, most))
        text = f"{name}, × less than {OFFICIAL}"
        found.append(Target(name, text, CPU, OFFICIAL, OURS, least=least))
    return [
        *found,
        Target("account", "account, × floor", CPU, OURS, FLOOR),
        Target("account", f"account, × less than {OFFICIAL}", CPU, OFFICIAL, OURS),
        Target("checksums", "book with checksums, × floor", CPU, OURS, FLOOR, 2.2),
        Target("checksum", "one checksum, × from scratch", CPU, OURS, "from scratch"),
        Target("paced", "1,000/s, p50, × floor", P50, OURS, FLOOR, 1.5),
        Target("paced", "1,000/s, CPU, × floor", CPU, OURS, FLOOR, 1.5),
        Target("paced", "dispatch_threads=0, p50", P50, f"{OURS}-0", FLOOR, 1.15),
        Target("paced", "dispatch_threads=0, CPU", CPU, f"{OURS}-0", FLOOR, 1.2),
        Target("one-frame", "a block of one frame, × floor", TICKER, OURS, FLOOR),
        Target("one-frame", "the same, 25 mixed channels", MIXED, OURS, FLOOR),
        Target(
            "latest-1", "latest, 1 ticker, × floor", CPU, f"{OURS}-latest", FLOOR, 0.5
        ),
        Target("latest-25", "latest, 25 tickers", CPU, f"{OURS}-latest", FLOOR, 1.2),
        Target("json", "stdlib json, × floor", CPU, f"{OURS}-json", FLOOR, 2.6),
        Target(
            "json", "stdlib json, × floor with it", CPU, f"{OURS}-json", f"{FLOOR}-json"
        ),
        Target("json", "Decimal, × floor", CPU, f"{OURS}-decimal", FLOOR, 4),
        Target(
            "json",
            "Decimal, × floor with it",
            CPU,
            f"{OURS}-decimal",
            f"{FLOOR}-decimal",
        ),
        Target("gc", "collector tuned, × not", CPU, f"{OURS}-gc", OURS, 1),
        Target("many", "250 / 25 tickers", CPU, "250 tickers", "25 tickers", 1.1),
        Target(
            "import", "import, × its dependencies", CPU_MS, OURS, "dependencies", 1.5
        ),
        Target("import", "with Client()", CPU_MS, f"{OURS}.Client()", "dependencies"),
        Target(
            "rest-ticker", "REST GET, × requests", CPU, OURS, "requests.Session", 1.25
        ),
        Target(
            "rest-wallets", "REST POST, × requests", CPU, OURS, "requests.Session", 1.25
        ),
        Target("orders", f"order, p50, × {OFFICIAL}", P50, OURS, OFFICIAL, 1.3),
        Target("orders", f"order, CPU, × {OFFICIAL}", CPU, OURS, OFFICIAL, 1.6),
        Target(
            "orders",
            f"order by REST, CPU, × {OFFICIAL}",
            CPU,
            f"{OURS}-rest",
            f"{OFFICIAL}-rest",
        ),
    ]


#: Targets of a figure itself: row, text, unit, entry and the most.
LIMITS = [
    ("connect", "connect to first update, ms", "first ms", OURS, 4.0),
    ("connect-tls", "the same over TLS, ms", "first ms", OURS, 12.0),
    ("trips", "round trips to first update", "round trips", OURS, 3.0),
    ("trips-tls", "the same over TLS 1.3", "round trips", OURS, 4.0),
    ("idle", "idle, CPU % of a core", "CPU %", OURS, 0.5),
]
