"""Collateral of positions in derivatives."""

from __future__ import annotations

from bfxsync.models.model import RestModel, Switch, at, model


@model
class DerivativePositionCollateral(RestModel):
    """
    Result of setting the collateral of a position.

    https://docs.bitfinex.com/reference/rest-auth-deriv-pos-collateral-set
    """

    status: Switch = at(0)
    """1: it was set."""


@model
class DerivativePositionCollateralLimits(RestModel):
    """
    Limits for the collateral of a position, in its currency, such as ``USTF0``.

    https://docs.bitfinex.com/reference/rest-auth-calc-deriv-collateral-limits
    """

    min_collateral: float = at(0)
    max_collateral: float = at(1)
