"""Checks of the options of an account's connection."""

from __future__ import annotations

import re
from typing import Collection, Tuple

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


def check_followed(filters: Collection[str], name: str, symbol: object) -> None:
    """
    Raise `UsageError` if the filters exclude what tells the fate of an input.

    `name` is that of its operation, `symbol` that of a new order or offer. Cancellations are never
    refused: REST tells what became of them.
    """
    if not filters:
        return
    kind = {"on": "trading", "ou": "trading", "fon": "funding"}.get(name)
    if kind is None:
        return
    for text in filters:
        if text == kind or (text.startswith(f"{kind}-") and symbol is None):
            return
        if text == f"{kind}-{symbol}":
            return
    named = kind if symbol is None else f"{kind} or {kind}-{symbol}"
    raise UsageError(
        f"filters of the client must include {named} for this input, or nothing tells what becomes "
        "of it; rest.auth needs no filter"
    )
