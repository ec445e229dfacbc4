"""Margin of the account and of pairs, and the collateral of derivatives."""

from __future__ import annotations

from typing import Any

from bfxsync._base.aliases import AnyNumber, NumberType, Symbol
from bfxsync.checks.containers import optional
from bfxsync.checks.numbers import check_amount, check_positive
from bfxsync.checks.symbols import check_pair
from bfxsync.errors import ApiError
from bfxsync.models.margin import (
    BaseMarginInfo,
    DerivativePositionCollateral,
    DerivativePositionCollateralLimits,
    PositionIncreaseInfo,
    SymbolMarginInfo,
)
from bfxsync.models.model import of_symbol
from bfxsync.models.model_list import ModelList
from bfxsync.outcome.find_positions import PositionFinder
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write

_MARGIN = Budget("auth/r/info/margin", 90)
_INCREASE_INFO = Budget("auth/r/position/increase/info", 90)
_SET = Budget("auth/w/deriv/collateral/set", 90)
_LIMITS = Budget("auth/calc/deriv/collateral/limits", 90)

_HINT = "resolve() returns the current position, with its collateral"


class MarginEndpoints(SignedEndpoints):
    """Margin of the account and of pairs, and the collateral of derivatives."""

    _find_positions: PositionFinder

    def get_base_margin_info(self) -> BaseMarginInfo:
        """
        Return the state of the margin wallet.

        ``POST auth/r/info/margin/base``, 90 requests per minute for all three margin methods.
        https://docs.bitfinex.com/reference/rest-auth-info-margin
        """
        path = f"{_MARGIN.group}/base"
        return self._read(_MARGIN, BaseMarginInfo.from_row, path=path)

    def get_symbol_margin_info(self, symbol: Symbol) -> SymbolMarginInfo:
        """
        Return the tradable balances on margin of a pair, such as ``tBTCUSD``; not of a derivative.

        ``POST auth/r/info/margin/{symbol}``, 90 requests per minute for all three margin methods.
        https://docs.bitfinex.com/reference/rest-auth-info-margin
        """
        path = f"{_MARGIN.group}/{check_pair(symbol)}"
        return self._read(_MARGIN, SymbolMarginInfo.from_row, path=path)

    def get_all_symbols_margin_info(self) -> ModelList[SymbolMarginInfo]:
        """
        Return the tradable balances on margin of every pair, without derivatives.

        ``POST auth/r/info/margin/sym_all``, 90 requests per minute for all three margin methods.
        https://docs.bitfinex.com/reference/rest-auth-info-margin
        """
        path = f"{_MARGIN.group}/sym_all"
        return self._read_many(_MARGIN, SymbolMarginInfo.from_row, path=path)

    def get_increase_position_info(
        self, symbol: Symbol, amount: AnyNumber | None = None
    ) -> PositionIncreaseInfo:
        """
        Return by how much `increase_position` can increase a position.

        ``POST auth/r/position/increase/info``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-increase-position-info

        Parameters
        ----------
        symbol : str
            The pair, such as ``tBTCUSD``.
        amount : str, int, Decimal or float, optional
            The intended increase: positive for long, negative for short.
        """
        pair = check_pair(symbol)
        body = {"symbol": pair, "amount": optional(check_amount, "amount", amount)}
        read = of_symbol(PositionIncreaseInfo.from_row, pair)
        return self._read(_INCREASE_INFO, read, body)

    def set_derivative_position_collateral(
        self, symbol: Symbol, collateral: AnyNumber
    ) -> DerivativePositionCollateral:
        """
        Set the collateral of a position in a derivative.

        ``POST auth/w/deriv/collateral/set``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-deriv-pos-collateral-set

        Parameters
        ----------
        symbol : str
            The derivative, such as ``tBTCF0:USTF0``.
        collateral : str, int, Decimal or float
            New total, not the change; positive. `get_derivative_position_collateral_limits` returns
            the bounds.

        Raises
        ------
        ApiError
            The exchange rejected it: 110202, the market risk is too high.
        OutcomeUnknown
            The collateral may have been set. `resolve` returns the current `Position`, with its
            collateral, or raises `NotExecuted` if there is no position.
        """
        body = {
            "symbol": check_pair(symbol),
            "collateral": check_positive("collateral", collateral),
        }
        search = self._find_positions.open_by_symbol(body["symbol"])
        return self._write(
            Write(_SET, _read_collateral, body, search=search, hint=_HINT)
        )

    def get_derivative_position_collateral_limits(
        self, symbol: Symbol
    ) -> DerivativePositionCollateralLimits:
        """
        Return the bounds of a position's collateral in a derivative, such as ``tBTCF0:USTF0``.

        ``POST auth/calc/deriv/collateral/limits``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-calc-deriv-collateral-limits
        """
        pair = check_pair(symbol)
        read = of_symbol(DerivativePositionCollateralLimits.from_row, pair)
        return self._read(_LIMITS, read, {"symbol": pair})


def _read_collateral(answer: Any, number: NumberType) -> DerivativePositionCollateral:
    # The exchange sends [[1]] where its documentation has [1].
    is_nested = isinstance(answer, list) and answer and isinstance(answer[0], list)
    found = DerivativePositionCollateral.from_row(
        answer[0] if is_nested else answer, number
    )
    if found.status != 1:
        raise ApiError(f"the collateral was not set: {found.status}", raw=answer)
    return found
