"""The balance of a whole account."""

from __future__ import annotations

from bfxsync.models.model import RestModel, at, model


@model
class BalanceInfo(RestModel):
    """
    Total balance of an account over all wallets.

    https://docs.bitfinex.com/reference/ws-auth-balance
    """

    aum: float = at(0)
    """Total assets under management."""
    aum_net: float = at(1)
    """Net assets."""
