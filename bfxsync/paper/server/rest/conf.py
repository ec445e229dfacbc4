"""The configuration endpoint: what the markets define, and samples of the rest."""

from __future__ import annotations

from typing import Callable, Mapping, Sequence

from bfxsync.paper.engine.order import legs
from bfxsync.paper.markets.market import Market
from bfxsync.paper.server.rest.query import Query

Markets = Sequence[Market]

_LABELS = {
    "BTC": "Bitcoin",
    "BTCF0": "Bitcoin (deriv)",
    "ETH": "Ethereum",
    "ETHF0": "Ethereum (deriv)",
    "LTC": "Litecoin",
    "USD": "US Dollar",
    "UST": "Tether USDt",
    "USTF0": "Tether USDt (deriv)",
}
NETWORKS = {"BTC": "BITCOIN", "ETH": "ETHEREUM", "LTC": "LITECOIN", "UST": "TETHERUSE"}
FEES = {"BTC": 0.0004, "ETH": 0.00135, "LTC": 0.001, "UST": 5, "USD": 0}


def conf(query: Query) -> list[object]:
    """Return one item per key, an empty list for unknown keys."""
    markets = list(query.market_data.markets.values())
    return [
        _ITEMS[key](markets) if key in _ITEMS else []
        for key in query.text("keys").split(",")
    ]


def _pairs(markets: Markets) -> list[str]:
    return sorted(
        m.symbol[1:] for m in markets if not (m.is_funding or m.is_derivative)
    )


def _futures(markets: Markets) -> list[str]:
    return sorted(market.symbol[1:] for market in markets if market.is_derivative)


def _currencies(markets: Markets) -> list[str]:
    funded = {market.symbol[1:] for market in markets if market.is_funding}
    traded = {leg for pair in _pairs(markets) + _futures(markets) for leg in legs(pair)}
    # Derivatives are settled in the currency itself.
    return sorted(funded | traded | {code[:-2] for code in traded if _is_deriv(code)})


def _is_deriv(code: str) -> bool:
    return code.endswith("F0")


def _spot(markets: Markets) -> list[str]:
    return [code for code in _currencies(markets) if not _is_deriv(code)]


def _names(markets: Markets) -> list[list[str]]:
    """Codes with a different spelling elsewhere."""
    spelled = {"UST": "USDt", "USTF0": "USDt0", "DOG": "MDOGE", "IOT": "IOTA"}
    return [[code, spelled[code]] for code in _currencies(markets) if code in spelled]


def _labels(markets: Markets) -> list[list[str]]:
    return [[code, _LABELS.get(code, code)] for code in _currencies(markets)]


def _underlyings(markets: Markets) -> list[list[str]]:
    return [[code, code[:-2]] for code in _currencies(markets) if _is_deriv(code)]


def _pools(markets: Markets) -> list[list[str]]:
    return [["UST", "ETH"]] if "UST" in _currencies(markets) else []


def _explorers(markets: Markets) -> list[object]:
    def urls(code: str) -> list[str]:
        base = f"https://explorer.example/{code.lower()}"
        return [base, f"{base}/address/VAL", f"{base}/tx/VAL"]

    return [[code, urls(code)] for code in _spot(markets) if code in NETWORKS]


def _fees(markets: Markets) -> list[object]:
    return [[code, [0, FEES[code]]] for code in _spot(markets) if code in FEES]


def _methods(markets: Markets) -> list[object]:
    found: list[object] = [
        [NETWORKS[code], [code]] for code in _spot(markets) if code in NETWORKS
    ]
    return [*found, ["WIRE", ["USD"]]]


def _transfers(markets: Markets) -> list[object]:
    codes = [code for code in _spot(markets) if code in NETWORKS]
    empty: list[object] = [None]
    return [[NETWORKS[code], 1, 1, *empty * 4, 0, 0, *empty * 2, 3] for code in codes]


def _pair_info(markets: Markets) -> list[object]:
    none: list[object] = [None]
    return [
        [pair, [*none * 3, "0.00004", "2000.0", *none * 3, 0.2, 0.1, *none * 2]]
        for pair in _pairs(markets)
    ]


def _futures_info(markets: Markets) -> list[object]:
    none: list[object] = [None]
    return [
        [pair, [*none * 3, "0.00006", "100.0", *none * 3, 0.01, 0.005]]
        for pair in _futures(markets)
    ]


def _funding_of_derivatives(markets: Markets) -> Mapping[str, object]:
    return {
        "deriv_perp": {
            "correction_clamp_min": 0.0025,
            "correction_clamp_insurance": 0.0015,
            "correction_slope": 0.2,
        }
    }


def _margins(markets: Markets) -> Mapping[str, object]:
    pairs = _pairs(markets)
    return {
        "conf": {"base_haircut": 0.3, "BTC_haircut": 0.1, "ETH_haircut": 0.15},
        "initial": {"base": 0.3, "base_cap": 1, **{pair: 0.2 for pair in pairs}},
        "minimum": {"base": 0.15, **{pair: 0.1 for pair in pairs}},
    }


def _nothing(markets: Markets) -> list[object]:
    return []


_ITEMS: dict[str, Callable[[Markets], object]] = {
    "pub:list:pair:exchange": _pairs,
    "pub:list:pair:margin": _pairs,
    "pub:list:pair:futures": _futures,
    "pub:list:pair:securities": _nothing,
    "pub:list:currency": _currencies,
    "pub:list:currency:margin": _spot,
    "pub:list:competitions": _nothing,
    "pub:map:currency:sym": _names,
    "pub:map:currency:label": _labels,
    "pub:map:currency:unit": _nothing,
    "pub:map:currency:undl": _underlyings,
    "pub:map:currency:pool": _pools,
    "pub:map:currency:explorer": _explorers,
    "pub:map:currency:tx:fee": _fees,
    "pub:map:tx:method": _methods,
    "pub:info:pair": _pair_info,
    "pub:info:pair:futures": _futures_info,
    "pub:info:tx:status": _transfers,
    "pub:fees": _funding_of_derivatives,
    "pub:spec:margin": _margins,
}
