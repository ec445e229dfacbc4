"""The configuration endpoint: values defined by the markets, and samples of all others."""

from __future__ import annotations

from typing import Dict

from bfxsync.paper.engine.order import legs
from bfxsync.paper.engine.order_requests import DERIVATIVE_SIZES, SIZES
from bfxsync.paper.engine.units import Row
from bfxsync.paper.markets.market import is_derivative
from bfxsync.paper.server.rest.query import Query

_LABELS = {
    "BTC": "Bitcoin",
    "BTCF0": "Bitcoin (deriv)",
    "ETH": "Ethereum",
    "ETHF0": "Ethereum (deriv)",
    "EUR": "Euro",
    "LTC": "Litecoin",
    "TESTBTC": "Test Bitcoin",
    "TESTUSD": "Test US Dollar",
    "USD": "US Dollar",
    "UST": "Tether USDt",
    "USTF0": "Tether USDt (deriv)",
}
NETWORKS = {"BTC": "BITCOIN", "ETH": "ETHEREUM", "LTC": "LITECOIN", "UST": "TETHERUSE"}
FEES: Dict[str, float] = {
    "BTC": 0.0004,
    "ETH": 0.00135,
    "LTC": 0.001,
    "UST": 5,
    "USD": 0,
}
# Currency codes that are spelled differently elsewhere.
_SPELLINGS = {"UST": "USDt", "USTF0": "USDt0", "DOG": "MDOGE", "IOT": "IOTA"}
_DERIVATIVES_FUNDING = {
    "correction_clamp_min": 0.0025,
    "correction_clamp_insurance": 0.0015,
    "correction_slope": 0.2,
}


def conf(query: Query) -> list[object]:
    """Return one item per key, an empty list for unknown keys."""
    items = _items(list(query.market_data.markets))
    return [items.get(key, []) for key in query.text("keys").split(",")]


def _items(symbols: list[str]) -> dict[str, object]:
    futures = sorted(symbol[1:] for symbol in symbols if is_derivative(symbol))
    funded = {symbol[1:] for symbol in symbols if symbol.startswith("f")}
    pairs = sorted({symbol[1:] for symbol in symbols} - funded - {*futures})
    traded = {leg for pair in pairs + futures for leg in legs(pair)}
    # Derivatives are settled in the currency itself.
    currencies = sorted(funded | traded | {code.replace("F0", "") for code in traded})
    spot = [code for code in currencies if not code.endswith("F0")]
    on_chain = [code for code in spot if code in NETWORKS]
    none: Row = [None]
    return {
        "pub:list:pair:exchange": pairs,
        "pub:list:pair:margin": pairs,
        "pub:list:pair:futures": futures,
        "pub:list:pair:securities": [],
        "pub:list:currency": currencies,
        "pub:list:currency:margin": sorted(funded),
        "pub:list:currency:paper": [c for c in currencies if c.startswith("TEST")],
        "pub:list:competitions": [],
        "pub:map:currency:sym": [
            [code, _SPELLINGS[code]] for code in currencies if code in _SPELLINGS
        ],
        "pub:map:currency:label": [
            [code, _LABELS.get(code, code)] for code in currencies
        ],
        "pub:map:currency:unit": [],
        "pub:map:currency:undl": [
            [code, code[:-2]] for code in currencies if code not in spot
        ],
        "pub:map:currency:pool": [["UST", "ETH"]] if "UST" in currencies else [],
        "pub:map:currency:explorer": [[code, _explorers(code)] for code in on_chain],
        "pub:map:currency:tx:fee": [
            [code, [0, FEES[code]]] for code in spot if code in FEES
        ],
        "pub:map:tx:method": [
            *([NETWORKS[code], [code]] for code in on_chain),
            ["WIRE", ["USD"]],
        ],
        "pub:info:pair": [
            [pair, [*none * 3, *SIZES, *none * 3, 0.2, 0.1, *none * 2]]
            for pair in pairs
        ],
        "pub:info:pair:futures": [
            [pair, [*none * 3, *DERIVATIVE_SIZES, *none * 3, 0.01, 0.005]]
            for pair in futures
        ],
        "pub:info:tx:status": [
            [NETWORKS[code], 1, 1, *none * 4, 0, 0, *none * 2, 3] for code in on_chain
        ],
        "pub:fees": {"deriv_perp": _DERIVATIVES_FUNDING},
        "pub:spec:margin": {
            "conf": {"base_haircut": 0.3, "BTC_haircut": 0.1, "ETH_haircut": 0.15},
            "initial": {"base": 0.3, "base_cap": 1, **dict.fromkeys(pairs, 0.2)},
            "minimum": {"base": 0.15, **dict.fromkeys(pairs, 0.1)},
        },
    }


def _explorers(code: str) -> list[str]:
    base = f"https://explorer.example/{code.lower()}"
    return [base, f"{base}/address/VAL", f"{base}/tx/VAL"]
