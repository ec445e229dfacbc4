"""Rows of the exchange, made of models: the fields in the order of the wire."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Callable, Dict, List

from bfxsync import BookUpdate, Candle, RawBookUpdate
from bfxsync.models import FundingBookUpdate, FundingRawBookUpdate

_FIELDS: Dict[type, Callable[[Any], Any]] = {
    BookUpdate: attrgetter("price", "count", "amount"),
    RawBookUpdate: attrgetter("order_id", "price", "amount"),
    FundingBookUpdate: attrgetter("rate", "period", "count", "amount"),
    FundingRawBookUpdate: attrgetter("offer_id", "period", "rate", "amount"),
    Candle: attrgetter("mts", "open", "close", "high", "low", "volume"),
}


def row_of(update: Any) -> List[Any]:
    """Return the row of a level, an order of a book or a candle; that of a `RawRow` as it is."""
    fields = _FIELDS.get(type(update))
    return list(update) if fields is None else list(fields(update))
