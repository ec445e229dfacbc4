"""Collateral of positions in derivatives."""

from __future__ import annotations

import attrs

from bfxsync._base.aliases import NumberType, Row
from bfxsync.models.rows import Kind, Layout


@attrs.define
class DerivativePositionCollateral:
    """
    Whether the collateral of a position was set.

    Attributes
    ----------
    status : int
        1: it was.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-deriv-pos-collateral-set
    """

    status: int

    @classmethod
    def from_row(
        cls, row: Row, number: NumberType = float
    ) -> DerivativePositionCollateral:
        """Build from a row of 1 or more values."""
        return cls(*_COLLATERAL.read(row, number))


_COLLATERAL = Layout("DerivativePositionCollateral", ("status", 0, Kind.SWITCH))


@attrs.define
class DerivativePositionCollateralLimits:
    """
    What the collateral of a position can be set to.

    Attributes
    ----------
    min_collateral, max_collateral : float
        In the currency of the collateral, such as ``USTF0``.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-calc-deriv-collateral-limits
    """

    min_collateral: float
    max_collateral: float

    @classmethod
    def from_row(
        cls, row: Row, number: NumberType = float
    ) -> DerivativePositionCollateralLimits:
        """Build from a row of 2 or more values."""
        return cls(*_LIMITS.read(row, number))


_LIMITS = Layout(
    "DerivativePositionCollateralLimits",
    ("min_collateral", 0, Kind.NUMBER),
    ("max_collateral", 1, Kind.NUMBER),
)
