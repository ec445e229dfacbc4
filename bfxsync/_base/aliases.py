"""Type aliases of wire values and arguments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, List, NewType, Type, Union

Symbol = str
"""A trading pair such as ``tBTCUSD`` or ``tDOGE:USD``, or a funding currency such as ``fUSD``."""

FundingSymbol = NewType("FundingSymbol", str)
"""
A symbol that type checkers know to be a funding currency.

For a symbol in a variable: ``subscribe_ticker(FundingSymbol(symbol))`` is a
``Subscription[FundingTicker]``.
"""

ChanId = int
"""The exchange's number of a channel; new on every connection."""

Mts = int
"""Milliseconds since 1970-01-01 UTC."""

Row = List[Any]
"""A positional list from the wire; the exchange may append fields at any time. `Any`, as checking
every field would dominate the cost: `models.rows` describes how rows are screened instead."""

Number = Union[float, Decimal]

AnyNumber = Union[str, int, float, Decimal]
"""An amount, price or rate passed as an argument; it is sent as plain decimal text."""

NumberType = Union[Type[float], Type[Decimal]]
"""The type of the models' number fields: `float` (default) or `decimal.Decimal`."""
