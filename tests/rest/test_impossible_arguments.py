"""What can never work is refused before anything is sent, by every public method."""

from __future__ import annotations

import inspect
import json
import re
from collections import OrderedDict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bfxsync.errors import UsageError
from bfxsync.rest.public import PublicEndpoints

REQUESTS = Path(__file__).parent.parent / "data" / "rest" / "requests.jsonl"

with open(REQUESTS, encoding="utf-8") as lines:
    POSSIBLE = {row["call"][0]: row["call"] for row in map(json.loads, lines)}


class SilentTransport:
    """Answers with nothing and counts what was asked."""

    identity = None

    def __init__(self) -> None:
        self.request_count = 0

    def request(self, method: str, path: str, **options: Any) -> Any:
        self.request_count += 1
        return []


def refuse(method: str, arguments: Any, options: Any) -> str:
    """Return what the error says."""
    transport: Any = SilentTransport()
    with pytest.raises(UsageError) as caught:
        getattr(PublicEndpoints(transport), method)(*arguments, **options)
    assert transport.request_count == 0
    return str(caught.value)


DATES: list[dict[str, Any]] = [
    {"start": "2024-01-01"},
    {"start": 1.5e9},
    {"start": 0.0},
    {"start": float("nan")},
    {"start": float("inf")},
    {"start": True},
    {"start": -1},
    {"start": 1_700_000_000},
    {"end": 1_700_000_000_000_000},
    {"end": datetime(2024, 1, 1)},
    {"start": 1_700_000_000_001, "end": 1_700_000_000_000},
]

SORTS: list[dict[str, Any]] = [{"sort": bad} for bad in (0, 2, "1", True, 1.0)]


def limits(maximum: int) -> list[dict[str, Any]]:
    return [{"limit": bad} for bad in (0, -1, maximum + 1, "5", 5.0, True)]


PAGED: dict[str, tuple[list[Any], int, bool]] = {
    "get_tickers_history": (["ALL"], 250, True),
    "get_t_trades": (["tBTCUSD"], 10_000, True),
    "get_f_trades": (["fUSD"], 10_000, True),
    "get_stats_hist": (["vwap:1d:tBTCUSD"], 10_000, True),
    "get_stats_last": (["vwap:1d:tBTCUSD"], 10_000, True),
    "get_candles_hist": (["tBTCUSD"], 10_000, True),
    "get_candles_last": (["tBTCUSD"], 10_000, True),
    "get_seed_candles": (["tBTCUSD"], 10_000, True),
    "get_derivatives_status_history": (["tBTCF0:USTF0"], 5_000, True),
    "get_open_interest_history": (["tBTCF0:USTF0"], 5_000, True),
    "get_liquidations": ([], 500, True),
    "get_leaderboards_hist": (["vol:3h:tBTCUSD"], 10_000, True),
    "get_leaderboards_last": (["vol:3h:tBTCUSD"], 10_000, True),
    "get_funding_stats": (["fUSD"], 250, False),
}

NO_PAIRS = [
    "BTC-USD",
    "fUSD",
    "",
    "tBTC/USD",
    "tBTCUSD/../x",
    "t",
    None,
    5,
    ["tBTCUSD"],
]
NO_FUNDING = ["USD", "tBTCUSD", "", "f", "fUSD?", None, 5]

NO_AMOUNTS: list[object] = [
    "",
    "one",
    "0",
    0,
    0.0,
    None,
    True,
    float("nan"),
    float("inf"),
    "1e99",
    [],
]

IMPOSSIBLE: list[tuple[str, list[Any], dict[str, Any]]] = [
    *(
        (method, arguments, bad)
        for method, (arguments, maximum, sorts) in PAGED.items()
        for bad in [*DATES, *limits(maximum), *(SORTS if sorts else [])]
    ),
    *(
        (method, [bad], {})
        for method in (
            "get_t_ticker",
            "get_t_trades",
            "get_t_book",
            "get_t_raw_book",
            "get_candles_hist",
            "get_candles_last",
            "get_derivatives_status_history",
            "get_open_interest",
            "get_open_interest_history",
        )
        for bad in NO_PAIRS
    ),
    *(
        (method, [bad], {})
        for method in (
            "get_f_ticker",
            "get_f_trades",
            "get_f_book",
            "get_f_raw_book",
            "get_funding_stats",
        )
        for bad in NO_FUNDING
    ),
    *(
        (method, [bad], {})
        for method in (
            "get_tickers",
            "get_t_tickers",
            "get_f_tickers",
            "get_tickers_history",
            "get_derivatives_status",
        )
        for bad in (
            [],
            "tBTCUSD",
            b"ALL",
            "all",
            ["BTC-USD"],
            [None],
            5,
            None,
            ["tX1", "ALL"],
        )
    ),
    ("get_t_tickers", [["tBTCUSD", "fUSD"]], {}),
    ("get_f_tickers", [["tBTCUSD", "fUSD"]], {}),
    ("get_tickers_history", [["fUSD"]], {}),
    ("get_derivatives_status", [["fUSD"]], {}),
    *(
        (method, [symbol, bad], {})
        for method, symbol in [("get_t_book", "tBTCUSD"), ("get_f_book", "fUSD")]
        for bad in ("R0", "P5", "p0", "", None, 0)
    ),
    *(
        (method, [symbol], {"len": bad})
        for method, symbol in [
            ("get_t_book", "tBTCUSD"),
            ("get_f_book", "fUSD"),
            ("get_t_raw_book", "tBTCUSD"),
            ("get_f_raw_book", "fUSD"),
        ]
        for bad in (0, 2, 250, -1, "all", 25.0, True)
    ),
    *(
        (method, ["tBTCUSD", bad], {})
        for method in ("get_candles_hist", "get_candles_last", "get_seed_candles")
        for bad in ("1w", "2h", "4h", "1d", "", None, 60)
    ),
    *(
        ("get_candles_hist", [bad], {})
        for bad in (
            "fUSD",
            "fUSD:30",
            "fUSD:p1",
            "fUSD:p121",
            "fUSD:p0",
            "fUSD:a30",
            "fUSD:a30:p2",
            "fUSD:a30:p1:p30",
            "fUSD:a30:p30:p2",
            "fUSD:a0:p2:p30",
            "fUSD:p30:p30:p30",
            "tBTCUSD:p30",
        )
    ),
    *(
        (method, [bad], {})
        for method in ("get_stats_hist", "get_stats_last")
        for bad in (
            "pos.size",
            "pos.size:1m:tBTCUSD",
            "pos.size:1m:tBTCUSD:up",
            "pos.size:1m:fUSD:long",
            "pos.size:1h:tBTCUSD:long",
            "funding.size:1m:tBTCUSD",
            "funding.size:1m:fUSD:tBTCUSD",
            "credits.size:1m:fUSD:tBTCUSD",
            "credits.size.sym:1m:fUSD",
            "credits.size.sym:1m:fUSD:fUSD",
            "vol.1d:30m:tBTCUSD",
            "vol.1d:1m:BFX",
            "vol.2d:30m:BFX",
            "vwap:1d:fUSD",
            "vwap:1d:tBTCUSD:long",
            "",
            None,
            5,
        )
    ),
    *(
        (method, [bad], {})
        for method in ("get_leaderboards_hist", "get_leaderboards_last")
        for bad in (
            "vol",
            "vol:3h",
            "vol:1h:tBTCUSD",
            "plr:3h:tGLOBAL:USD",
            "plu_diff:3h:tGLOBAL:USD",
            "pl:1w:tGLOBAL:USD",
            "vol:3h:fUSD",
            "vol:3h:BTC-USD",
            None,
        )
    ),
    *(("get_trading_market_average_price", ["tBTCUSD", bad], {}) for bad in NO_AMOUNTS),
    *(
        ("get_trading_market_average_price", ["tBTCUSD", 1], {"price_limit": bad})
        for bad in (0, -1, "x", float("nan"), True)
    ),
    ("get_trading_market_average_price", ["fUSD", 1], {}),
    *(
        ("get_funding_market_average_price", ["fUSD", 100, bad], {})
        for bad in (0, 1, 121, "30", 30.0, None, True)
    ),
    *(
        ("get_funding_market_average_price", ["fUSD", 100, 30], {"rate_limit": bad})
        for bad in (0, -0.1, "x")
    ),
    ("get_funding_market_average_price", ["fUSD", 0, 30], {}),
    ("get_funding_market_average_price", ["tBTCUSD", 1, 30], {}),
    *(("get_fx_rate", ["BTC", bad], {}) for bad in ("fUSD", "usd", "", None, "U/D")),
    *(("get_fx_rate", [bad, "USD"], {}) for bad in ("tBTC", "B", 5)),
    *(
        ("conf", [bad], {})
        for bad in (
            "",
            "pub",
            "pub:",
            "list:pair",
            "pub:a,pub:b",
            "pub:a/b",
            None,
            ["pub:a"],
        )
    ),
    *(
        ("conf_many", [bad], {})
        for bad in ([], "pub:a", ["pub:a", "x"], [None], None, 5)
    ),
    *(
        ("get_pulse_profile_details", [bad], {})
        for bad in ("", ".", "..", "a/b", "a b", "a?b", "ä", None, 5)
    ),
    *(("get_pulse_message_history", [], bad) for bad in limits(100)),
    ("get_pulse_message_history", [], {"end": datetime(2024, 1, 1)}),
    ("get_posts_hist", [], {"limit": 0}),
    ("get_posts_hist", [], {"end": 1_700_000_000}),
    *(("get_posts_hist", [], {"type": bad}) for bad in (-1, "1", 1.0, True)),
]


@pytest.mark.parametrize(
    "method, arguments, options",
    IMPOSSIBLE,
    ids=[f"{method}({args}, {options})" for method, args, options in IMPOSSIBLE],
)
def test_impossible_argument_raises_before_anything_is_sent(
    method: str, arguments: list[Any], options: dict[str, Any]
) -> None:
    text = refuse(method, arguments, options)
    if len(options) == 1:
        (name,) = options
        assert re.search(rf"\b{name}\b", text)


@pytest.mark.parametrize("method", POSSIBLE)
def test_no_argument_goes_out_unchecked_and_its_error_names_it(method: str) -> None:
    _, arguments, options = POSSIBLE[method]
    signature = inspect.signature(getattr(PublicEndpoints, method))
    possible = signature.bind(None, *arguments, **options).arguments
    for name in list(signature.parameters)[1:]:
        bound = inspect.BoundArguments(
            signature, OrderedDict({**possible, name: object()})
        )
        text = refuse(method, bound.args[1:], bound.kwargs)
        # A symbol is called that, whatever the name of its parameter.
        assert re.search(rf"\b{name}\b|^symbol must", text)
