"""
Functions under the names of the module ``utils`` of ohenrik/bitfinex.

Client ids are dated here: they are ten-thousandths of a second since 1970, so their date, without
which an order cannot be cancelled by its client id, is in the id itself.
"""

from __future__ import annotations

import logging
import re
import time
from datetime import datetime, timedelta, timezone
from enum import Enum
from logging import getLogger  # of the program, not of bfxsync
from typing import Tuple

from bfxsync._base.atomic import AtomicValue
from bfxsync.checks.numbers import check_integer
from bfxsync.checks.options import check_bool
from bfxsync.errors import UsageError

__all__ = [
    "FUNDING_SYMBOL_MISSING",
    "OPERATION_CODE",
    "Operation",
    "TRADE_SYMBOL_MISSING",
    "cid_to_date",
    "create_cid",
    "get_bitfinex_logger",
    "get_nonce",
    "order_symbol",
]

TRADE_SYMBOL_MISSING = re.compile(r"^[a-zA-Z]{6}$")
"""A pair without its ``t``."""

FUNDING_SYMBOL_MISSING = re.compile(r"^[a-zA-Z]{3}$")
"""A currency without its ``f``."""

_PER_S = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Until the year 9999.
_DATED = range(253_402_300_800 * _PER_S)
_last_cid = AtomicValue(0)


class Operation(Enum):
    """What an operation does to an order."""

    NEW = 1
    UPDATE = 2
    CANCEL = 3
    MULTI_CANCEL = 4


OPERATION_CODE = {
    Operation.NEW: "on",
    Operation.UPDATE: "ou",
    Operation.CANCEL: "oc",
    Operation.MULTI_CANCEL: "oc_multi",
}


def create_cid() -> int:
    """
    Return a new client id: the time in ten-thousandths of a second since 1970, in UTC.

    All ids of a process are different. Those of two processes are equal if they are created in the
    same ten-thousandth; `bfxsync.Client` uses random ids instead.
    """

    def following(last: int) -> Tuple[int, int]:
        cid = max(last + 1, int(time.time() * _PER_S))
        return cid, cid

    return _last_cid.update(following)


def cid_to_date(cid: int) -> str:
    """Return the date of an id of `create_cid`, in UTC: ``"2018-10-01"``."""
    ticks = check_integer("cid", cid, _DATED)
    return (_EPOCH + timedelta(seconds=ticks // _PER_S)).strftime("%Y-%m-%d")


def get_nonce(multiplier: float) -> str:
    """Return the time in seconds, multiplied; `WssClient` draws its nonces elsewhere."""
    return str(float(time.time()) * multiplier)


def order_symbol(symbol: str, capital: bool = True) -> str:
    """
    Return a symbol with its prefix: ``"BTCUSD"`` → ``"tBTCUSD"``, ``"usd"`` → ``"fUSD"``.

    Six letters are a pair and three a currency; all others are returned unchanged. With
    ``capital=False`` letters stay as they are.
    """
    if not isinstance(symbol, str):
        raise UsageError(f"symbol must be text, not {symbol!r}")
    name = symbol.upper() if check_bool("capital", capital) else symbol
    if TRADE_SYMBOL_MISSING.match(symbol):
        return f"t{name}"
    if FUNDING_SYMBOL_MISSING.match(symbol):
        return f"f{name}"
    return symbol


def get_bitfinex_logger(name: str) -> logging.Logger:
    """Return a logger of the level INFO that writes to stderr."""
    logger = getLogger(name)
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
        )
        logger.addHandler(handler)
    return logger
