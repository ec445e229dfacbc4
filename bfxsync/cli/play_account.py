"""
Orders, positions and trades for the account of a local exchange that has just begun.

Without them the commands about the account would have nothing to show with ``--paper``.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from bfxsync import Client

_BUY_AT, _SELL_AT = 0.97, 1.05


def say_play_money(paper: bool) -> None:
    """Tell a person at a terminal that nothing of this is real, nor stays."""
    if paper and sys.stderr.isatty():
        text = "play money; this exchange ends with the command, that of bfxsync paper stays"
        click.secho(text, dim=True, err=True)


def furnish(bfx: Client) -> None:
    """Trade a little, open two positions, and leave orders open, if it is a client of `paper`."""
    if bfx.exchange is None:
        return
    rest = bfx.rest
    prices = rest.public.get_t_tickers(["tBTCUSD", "tETHUSD"])

    def near(symbol: str, ratio: float) -> int:
        return int(float(prices[symbol].last_price or 0) * ratio)

    limit, market = "EXCHANGE LIMIT", "EXCHANGE MARKET"
    orders: list[dict[str, Any]] = [
        {"type": market, "symbol": "tBTCUSD", "amount": "-0.1"},
        {"type": market, "symbol": "tETHUSD", "amount": "2"},
        {"type": "MARKET", "symbol": "tBTCUSD", "amount": "0.5"},
        {"type": "MARKET", "symbol": "tBTCF0:USTF0", "amount": "-0.2", "lev": 5},
        {
            "type": limit,
            "symbol": "tBTCUSD",
            "amount": "0.25",
            "price": near("tBTCUSD", _BUY_AT),
        },
        {
            "type": limit,
            "symbol": "tETHUSD",
            "amount": "-5",
            "price": near("tETHUSD", _SELL_AT),
            "post_only": True,
        },
        {
            "type": "STOP",
            "symbol": "tBTCUSD",
            "amount": "-0.5",
            "price": near("tBTCUSD", _BUY_AT),
        },
    ]
    done = rest.auth.submit_order_multi([("on", order) for order in orders])
    done.raise_for_status()
