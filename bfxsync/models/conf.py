"""Rows of the exchange's configuration, as ``rest.public.conf`` returns them."""

from __future__ import annotations

from bfxsync.models.model import RestModel, Switch, at, model


@model
class PairInfo(RestModel):
    """
    Order size limits and margins of a pair: ``pub:info:pair`` or ``pub:info:pair:futures``.

    The row is ``[pair, values]``. The exchange sends the sizes as text.

    https://docs.bitfinex.com/reference/rest-public-conf
    """

    pair: str = at(0)
    """Without prefix: ``BTCUSD``, ``BTCF0:USTF0``."""
    min_order_size: float = at(1, 3)
    """In base currency."""
    max_order_size: float = at(1, 4)
    """In base currency."""
    initial_margin: float | None = at(1, 8)
    """
    Ratio of the position that must be available at opening: 0.3 means 30 %; None for a pair
    without margin trading.
    """
    min_margin: float | None = at(1, 9)
    """Ratio that must remain available; None for a pair without margin trading."""


@model
class TxStatus(RestModel):
    """
    Status of a transfer method: a row of ``pub:info:tx:status``.

    https://docs.bitfinex.com/reference/rest-public-conf
    """

    method: str = at(0)
    """In capitals: ``BITCOIN``."""
    dep_status: Switch = at(1)
    """Deposits: 1: active; 0: maintenance."""
    wd_status: Switch = at(2)
    """Withdrawals: 1: active; 0: maintenance."""
    payment_id_dep: Switch = at(7)
    """1: deposits use a payment id."""
    payment_id_wd: Switch = at(8)
    """1: withdrawals use a payment id."""
    deposit_confirmations_required: int | None = at(11)
    """None if the exchange does not send it."""
