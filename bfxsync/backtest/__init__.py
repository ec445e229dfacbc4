"""
Backtests: a strategy over a recording, in the time of the recording, on the local exchange.

>>> from bfxsync.backtest import backtest
>>> result = backtest("strategy.py", "day.jsonl.gz")  # doctest: +SKIP
>>> result.equity.df()  # doctest: +SKIP

``docs/howto/backtests.rst`` has how a strategy is written, and what a result can tell.
"""

from bfxsync.backtest.equity import EquityPoint
from bfxsync.backtest.result import Backtest, BacktestFailed
from bfxsync.backtest.run import backtest

__all__ = ["Backtest", "BacktestFailed", "EquityPoint", "backtest"]
