"""Recurring orders, which buy or sell the same amount at intervals; sent as objects."""

from __future__ import annotations

from bfxsync._base.aliases import Symbol
from bfxsync.models.model import ObjectModel, key, model


@model
class RecurringAlgoOrder(ObjectModel):
    """
    An order that the exchange repeats at intervals.

    The exchange has no page about them: the fields are those of the requests. A field is None
    where the response does not have it; a response without any of them is unreadable.

    https://github.com/bitfinexcom/bfx-api-node-rest
    """

    algo_order_id: str | None = key("algoOrderId")
    alias: str | None = key("alias")
    """Name of the order."""
    symbol: Symbol | None = key("_symbol")
    """The pair."""
    currency: str | None = key("currency")
    """Currency of the amount, one of the pair."""
    action: str | None = key("action")
    """``buy`` or ``sell``."""
    amount: float | None = key("amount")
    """Amount of each order."""
    recurrence: str | None = key("recurrence")
    """``daily``, ``weekly`` or ``monthly``."""
    started_at: str | None = key("startedAt")
    """As sent."""
    ended_at: str | None = key("endedAt")
    """As sent."""
    endless: bool | None = key("endless")
    """True: without an end date."""
    status: str | None = key("status")

    _needs_any = True
