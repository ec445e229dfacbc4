"""Type aliases for what goes over the wire and what users pass."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, List, NewType, Type, Union

Symbol = str
"""A trading pair such as ``tBTCUSD`` or ``tDOGE:USD``, or a funding currency such as ``fUSD``."""

FundingSymbol = NewType("FundingSymbol", str)
"""
A symbol that type checkers know to be a funding currency.

Of a symbol in a variable they know nothing: ``subscribe_ticker(FundingSymbol(symbol))`` gives a
``Subscription[FundingTicker]``.
"""

ChanId = int
"""The exchange's number of a channel; new on every connection."""

Mts = int
"""Milliseconds since 1970-01-01 UTC."""

Row = List[Any]
"""One positional list of the wire; it may grow at its end at any time. `Any`, as a check of every
field would cost more than all the rest: `models.rows` says how rows are screened instead."""

Number = Union[float, Decimal]

AnyNumber = Union[str, int, float, Decimal]
"""What users may pass for an amount, a price or a rate: it leaves as a plain decimal text."""

NumberType = Union[Type[float], Type[Decimal]]
"""What the number fields of the models are: `float` (default) or `decimal.Decimal`."""
