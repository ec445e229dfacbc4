"""
The market maker as a strategy file, for backtests.

``bfxsync backtest market_maker/strategy.py --recording FILE --balance USD=10000 --balance BTC=1``
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict

from bfxsync import Client

from . import maker
from .quotes import Settings

client_options = maker.client_options(Settings())


def main(bfx: Client, **settings: Any) -> None:
    """Trade until interrupted, with settings such as ``edge=0.001``."""
    exact: Dict[str, Any] = {
        name: Decimal(str(value)) if isinstance(value, (int, float)) else value
        for name, value in settings.items()
    }
    maker.MarketMaker(bfx, Settings(**exact)).run()
