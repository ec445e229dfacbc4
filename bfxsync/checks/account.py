"""Checks of the options of an account's connection."""

from __future__ import annotations

import re
from typing import Tuple

from bfxsync._base.plain import plain_integer, plain_text
from bfxsync.checks.containers import check_list
from bfxsync.errors import UsageError

CANCEL_ORDERS = 4
"""Value of ``dms``: cancel all orders of the account when the connection ends."""

_FILTER = re.compile(
    r"(trading(-t[A-Z0-9:]+)?|funding(-f[A-Z0-9]+)?|algo|balance|notify"
    r"|wallet(-(exchange|margin|funding|trading|deposit)-[A-Z0-9]+)?)"
)


def check_filters(filters: object) -> Tuple[str, ...]:
    """Return the filters of an authentication; empty if there are none."""
    return () if filters is None else tuple(check_list("filters", filters, _filter))


def _filter(value: object) -> str:
    text = plain_text(value)
    if text is None or not _FILTER.fullmatch(text):
        raise UsageError(
            "a filter must be trading, trading-tBTCUSD, funding, funding-fUSD, wallet, "
            f"wallet-exchange-BTC, algo, balance or notify, not {value!r}"
        )
    return text


def check_dms(dms: object) -> bool:
    """Return whether all orders are to be cancelled when the connection ends."""
    if dms is None:
        return False
    # True is refused, as it would hide what it does to the orders of other programs.
    if plain_integer(dms) == CANCEL_ORDERS:
        return True
    raise UsageError(
        f"dms must be {CANCEL_ORDERS} (when the connection ends, cancel all orders of the account) "
        f"or None, not {dms!r}"
    )
