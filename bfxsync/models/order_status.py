"""
Parser of order status texts.

Strategy: the grammar is not documented, so no text is an error: unknown parts stay in `word` or in
`text`. Forms seen so far, in upper, lower and mixed case::

    status  = word [fills] [":" | ","] ["was" [":"] status] ["(note: " note ")"]
    fills   = ("@" | "at") price "(" amount ")" {"," price "(" amount ")"}
    word    = EXECUTED, PARTIALLY FILLED, INSUFFICIENT BALANCE (G1), RSN_DUST, …
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Optional, Tuple

import attrs

from bfxsync._base.aliases import Number, NumberType
from bfxsync._base.describe import elided_repr
from bfxsync._base.numbers import EXACT, decimal_of
from bfxsync.models.reference import documented

_NOTE = re.compile(r"\s*\(note:\s*([^()]*)\)\s*$", re.IGNORECASE)
# A status before this one: "EXECUTED @ 1.0(2.0): was PARTIALLY FILLED @ …", or after a comma.
_BEFORE = re.compile(r"\s*[:,]?\s*\bwas\b:?\s*|\s*,\s*(?=[a-z_]{2})", re.IGNORECASE)
_WORD = re.compile(
    r"[a-z_]+(?: (?!at\b)[a-z_]+)*(?: \([a-z]\d\))?", re.ASCII | re.IGNORECASE
)
# An alternative spelling.
_CANCELLED = re.compile(r"\bCANCELLED\b")
_FILL = re.compile(r"([^\s(),@]+)\s*\(([^()]+)\)")

_OPEN = frozenset(("ACTIVE", "PARTIALLY FILLED"))


@documented
@attrs.frozen
class Fill:
    """One execution listed in a status."""

    price: Number
    """In quote currency; for a funding offer the rate per day (0.0002 is 0.02 %)."""
    amount: Number
    """Positive for a buy, negative for a sell."""


@documented
@attrs.frozen
class OrderStatus:
    """
    A parsed order status.

    https://docs.bitfinex.com/docs/abbreviations-glossary
    """

    text: str
    """The whole text, as the exchange sent it."""
    word: str
    """
    Current state, always in capitals: ``ACTIVE``, ``EXECUTED``, ``PARTIALLY FILLED``,
    ``CANCELED``, ``POSTONLY CANCELED``, ``INSUFFICIENT BALANCE (G1)``, ``RSN_DUST``, …
    """
    fills: Tuple[Fill, ...] = attrs.field(default=(), repr=elided_repr)
    """All executions listed, those of the history included; newest first."""
    history: Tuple[OrderStatus, ...] = attrs.field(default=(), repr=elided_repr)
    """Previous states, newest first; each with its own fills only."""
    note: Optional[str] = None
    """Text after ``note:``."""

    @property
    def is_open(self) -> bool:
        """
        Whether the order can still be executed.

        An order in the history is always closed: there ``PARTIALLY FILLED`` means that the
        remainder was cancelled.
        """
        return self.word in _OPEN

    @property
    def is_executed(self) -> bool:
        """Whether the order was fully executed."""
        return self.word in ("EXECUTED", "FORCED EXECUTED")

    @classmethod
    def parse(cls, text: str, number: NumberType = float) -> OrderStatus:
        """Parse any text; `number` is the type of prices and amounts."""
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


def status_of(text: str | None, amount: float | None) -> OrderStatus:
    """Parse the status of a row, with the number type of its amount."""
    return _parsed(text or "", isinstance(amount, Decimal))


# Each state of an order is asked several times whether it is open, and most are only a word.
@lru_cache(maxsize=256)
def _parsed(text: str, is_decimal: bool) -> OrderStatus:
    return OrderStatus.parse(text, Decimal if is_decimal else float)


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
