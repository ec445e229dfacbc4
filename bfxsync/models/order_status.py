"""
The text of an order's status, taken apart.

Strategy: the grammar is not documented, so nothing is an error: what is not understood stays in
`word` or in `text`. What has been seen, in capitals, in small letters and in both::

    status  = word [fills] [":" | ","] ["was" [":"] status] ["(note: " note ")"]
    fills   = ("@" | "at") price "(" amount ")" {"," price "(" amount ")"}
    word    = EXECUTED, PARTIALLY FILLED, INSUFFICIENT BALANCE (G1), RSN_DUST, …
"""

from __future__ import annotations

import re
from decimal import InvalidOperation
from typing import Optional, Tuple

import attrs

from bfxsync._base.aliases import Number, NumberType
from bfxsync._base.describe import few
from bfxsync._base.numbers import EXACT, decimal_of

_NOTE = re.compile(r"\s*\(note:\s*([^()]*)\)\s*$", re.IGNORECASE)
# A status before this one: "EXECUTED @ 1.0(2.0): was PARTIALLY FILLED @ …", or after a comma.
_BEFORE = re.compile(r"\s*[:,]?\s*\bwas\b:?\s*|\s*,\s*(?=[a-z_]{2})", re.IGNORECASE)
_WORD = re.compile(
    r"[a-z_]+(?: (?!at\b)[a-z_]+)*(?: \([a-z]\d\))?", re.ASCII | re.IGNORECASE
)
# Spelled otherwise at some time.
_CANCELLED = re.compile(r"\bCANCELLED\b")
_FILL = re.compile(r"([^\s(),@]+)\s*\(([^()]+)\)")

_OPEN = frozenset(("ACTIVE", "PARTIALLY FILLED"))


@attrs.frozen
class Fill:
    """
    One execution that a status names.

    Attributes
    ----------
    price : float
        In quote currency; of a funding offer the rate per day (0.0002 is 0.02 %).
    amount : float
        Positive for a buy, negative for a sale.
    """

    price: Number
    amount: Number


@attrs.frozen
class OrderStatus:
    """
    What an order's status says.

    Attributes
    ----------
    text : str
        All of it, as the exchange sent it.
    word : str
        What it begins with, in capitals however it was sent: ``ACTIVE``, ``EXECUTED``,
        ``PARTIALLY FILLED``, ``CANCELED``, ``POSTONLY CANCELED``,
        ``INSUFFICIENT BALANCE (G1)``, ``RSN_DUST``, …
    fills : tuple of Fill
        Every execution that is named, also in what it was before; the newest first.
    history : tuple of OrderStatus
        What it was before, the newest first; each with its own fills only.
    note : str or None
        What stands behind ``note:``.

    References
    ----------
    https://docs.bitfinex.com/docs/abbreviations-glossary
    """

    text: str
    word: str
    fills: Tuple[Fill, ...] = attrs.field(default=(), repr=few)
    history: Tuple[OrderStatus, ...] = attrs.field(default=(), repr=few)
    note: Optional[str] = None

    @property
    def is_open(self) -> bool:
        """
        True if it can still be executed.

        An order of the history is closed whatever it says: ``PARTIALLY FILLED`` there means that
        the rest was cancelled.
        """
        return self.word in _OPEN

    @property
    def is_executed(self) -> bool:
        """True if all of it was executed."""
        return self.word in ("EXECUTED", "FORCED EXECUTED")

    @classmethod
    def parse(cls, text: str, number: NumberType = float) -> OrderStatus:
        """Take any text apart; `number` is the type of prices and amounts."""
        rest, note = text, None
        found = _NOTE.search(text)
        if found is not None:
            rest, note = text[: found.start()], found.group(1).strip()
        parts = [part.strip() for part in _BEFORE.split(rest)]
        history = tuple(
            cls(part, _word(part), _fills(part, number)) for part in parts[1:]
        )
        fills = _fills(parts[0], number)
        for before in history:
            fills += before.fills
        return cls(text, _word(parts[0]), fills, history, note)


def _word(part: str) -> str:
    found = _WORD.match(part)
    word = found.group() if found is not None else part
    return _CANCELLED.sub("CANCELED", word.upper())


def _fills(part: str, number: NumberType) -> Tuple[Fill, ...]:
    fills = []
    for price, amount in _FILL.findall(part):
        try:
            # A funding offer's rate: "at 0.0368% (57.9)".
            is_percent = price.endswith("%")
            parsed = decimal_of(price[:-1] if is_percent else price)
            size = decimal_of(amount)
        except InvalidOperation:
            continue  # "BALANCE (G1)"
        if parsed.is_finite() and size.is_finite():
            parsed = EXACT.scaleb(parsed, -2) if is_percent else parsed
            fills.append(Fill(number(parsed), number(size)))
    return tuple(fills)
