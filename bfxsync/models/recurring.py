"""Recurring orders: the same amount is bought or sold again and again. They come as objects."""

from __future__ import annotations

import attrs

from bfxsync._base.aliases import NumberType, Symbol
from bfxsync.models.objects import ObjectLayout, switch
from bfxsync.models.rows import Kind


@attrs.define
class RecurringAlgoOrder:
    """
    An order that the exchange makes again and again.

    The exchange has no page about them: what is known is how they are asked for, and so it is
    read here. A field is None where the answer does not have it.

    Attributes
    ----------
    algo_order_id : str or None
    alias : str or None
        Its name.
    symbol : str or None
        The pair.
    currency : str or None
        The pair's currency that the amount is of.
    action : str or None
        ``buy`` or ``sell``.
    amount : float or None
        Of each order.
    recurrence : str or None
        ``daily``, ``weekly`` or ``monthly``.
    started_at, ended_at : str or None
        When it begins and ends; as it is sent.
    endless : bool or None
        True: it does not end by itself.
    status : str or None

    References
    ----------
    https://github.com/bitfinexcom/bfx-api-node-rest
    """

    algo_order_id: str | None
    alias: str | None
    symbol: Symbol | None
    currency: str | None
    action: str | None
    amount: float | None
    recurrence: str | None
    started_at: str | None
    ended_at: str | None
    endless: bool | None
    status: str | None

    @classmethod
    def from_object(
        cls, fields: object, number: NumberType = float
    ) -> RecurringAlgoOrder:
        """Build from an object in which there is at least one of the fields."""
        return cls(*_RECURRING_ALGO_ORDER.read_some(fields, number))


_RECURRING_ALGO_ORDER = ObjectLayout(
    "RecurringAlgoOrder",
    ("algo_order_id", "algoOrderId", Kind.OPTIONAL_TEXT),
    ("alias", "alias", Kind.OPTIONAL_TEXT),
    ("symbol", "_symbol", Kind.OPTIONAL_TEXT),
    ("currency", "currency", Kind.OPTIONAL_TEXT),
    ("action", "action", Kind.OPTIONAL_TEXT),
    ("amount", "amount", Kind.OPTIONAL_NUMBER),
    ("recurrence", "recurrence", Kind.OPTIONAL_TEXT),
    ("started_at", "startedAt", Kind.OPTIONAL_TEXT),
    ("ended_at", "endedAt", Kind.OPTIONAL_TEXT),
    ("endless", "endless", switch),
    ("status", "status", Kind.OPTIONAL_TEXT),
)
