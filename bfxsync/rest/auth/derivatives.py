"""Derivatives: the collateral of positions."""

from __future__ import annotations

from typing import Any

from bfxsync._base.aliases import AnyNumber, NumberType, Symbol
from bfxsync.checks.arguments import check_pair
from bfxsync.checks.order_arguments import check_positive
from bfxsync.errors import ApiError
from bfxsync.models.derivatives import (
    DerivativePositionCollateral,
    DerivativePositionCollateralLimits,
)
from bfxsync.outcome.find_positions import PositionFinder
from bfxsync.rest.auth.base import Budget, SignedEndpoints

_SET = Budget("auth/w/deriv/collateral/set", 90)
_LIMITS = Budget("auth/calc/deriv/collateral/limits", 90)

_HINT = "resolve() returns the position as it is, with its collateral"


class DerivativeEndpoints(SignedEndpoints):
    """The collateral of positions in derivatives."""

    _find_positions: PositionFinder

    def set_derivative_position_collateral(
        self, symbol: Symbol, collateral: AnyNumber
    ) -> DerivativePositionCollateral:
        """
        Set the collateral of a position.

        ``POST auth/w/deriv/collateral/set``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str
            Of the derivative, such as ``tBTCF0:USTF0``.
        collateral : str, int, Decimal or float
            All that the position has afterwards, not what is added; above zero.
            `get_derivative_position_collateral_limits` says what is possible.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it: 110202, the market risk is too high.
        OutcomeUnknown
            It may have been set. Its `resolve` returns the `Position` as it is, with its
            collateral, or raises `NotExecuted` if there is no position.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-deriv-pos-collateral-set
        """
        body = {
            "symbol": check_pair(symbol),
            "collateral": check_positive("collateral", collateral),
        }
        return self._write(
            "auth/w/deriv/collateral/set",
            _SET,
            _read_collateral,
            body,
            search=self._find_positions.open_by_symbol(symbol),
            hint=_HINT,
        )

    def get_derivative_position_collateral_limits(
        self, symbol: Symbol
    ) -> DerivativePositionCollateralLimits:
        """
        Return what the collateral of an open position can be set to.

        ``POST auth/calc/deriv/collateral/limits``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str
            Of the derivative, such as ``tBTCF0:USTF0``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-calc-deriv-collateral-limits
        """
        return self._read(
            "auth/calc/deriv/collateral/limits",
            _LIMITS,
            DerivativePositionCollateralLimits.from_row,
            {"symbol": check_pair(symbol)},
        )


def _read_collateral(answer: Any, number: NumberType) -> DerivativePositionCollateral:
    """Read ``[[1]]``, which the page has as ``[1]``."""
    is_nested = isinstance(answer, list) and answer and isinstance(answer[0], list)
    found = DerivativePositionCollateral.from_row(
        answer[0] if is_nested else answer, number
    )
    if found.status != 1:
        raise ApiError(f"the collateral was not set: {found.status}", raw=answer)
    return found
