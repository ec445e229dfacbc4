"""Positions: claiming, increasing and changing them."""

from __future__ import annotations

from bfxsync._base.aliases import AnyNumber, Symbol
from bfxsync.checks.arguments import check_integer, check_pair
from bfxsync.checks.order_arguments import check_amount, check_id, optional
from bfxsync.models.notification import Notification, of_nothing, of_one
from bfxsync.models.positions import PositionClaim, PositionIncrease
from bfxsync.outcome.find_positions import PositionFinder
from bfxsync.rest.auth.base import Budget
from bfxsync.rest.auth.positions import PositionEndpoints

_CLAIM = Budget("auth/w/position/claim", 90)
_INCREASE = Budget("auth/w/position/increase", 90)
_FUNDING_TYPE = Budget("auth/w/position/update/funding/type")

_FUNDING_TYPES = range(0, 2)

_HINT = "resolve() returns the position as it is; do not send it again before you have looked"


class PositionInputEndpoints(PositionEndpoints):
    """Claiming, increasing and changing positions."""

    _find_positions: PositionFinder

    def claim_position(
        self, id: int, *, amount: AnyNumber | None = None
    ) -> Notification[PositionClaim]:
        """
        Settle a position with what is in the margin wallet, instead of closing it by a trade.

        ``POST auth/w/position/claim``. Rate limit: 90 per minute.

        Parameters
        ----------
        id : int
            The `position_id` of a `Position`.
        amount : str, int, Decimal or float, optional
            How much of it; all of it without.

        Returns
        -------
        Notification of PositionClaim
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may have been executed. Its `resolve` returns the `Position` as it is, or the
            `PositionHistory` if it is closed; its amount tells. It raises `NotExecuted` if there
            is no such position.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-position-claim
        """
        body = {
            "id": check_id("id", id),
            "amount": optional(check_amount, "amount", amount),
        }
        return self._write(
            "auth/w/position/claim",
            _CLAIM,
            of_one(PositionClaim.from_partial_row),
            body,
            search=self._find_positions.by_id(id),
            hint=_HINT,
        )

    def increase_position(
        self, symbol: Symbol, amount: AnyNumber
    ) -> Notification[PositionIncrease]:
        """
        Open a position with what is in the margin wallet, or make it larger; at most once.

        ``POST auth/w/position/increase``. Rate limit: 90 per minute. `get_increase_position_info`
        says what is possible.

        Parameters
        ----------
        symbol : str
            The pair, such as ``tBTCUSD``.
        amount : str, int, Decimal or float
            In base currency: positive is long, negative is short.

        Returns
        -------
        Notification of PositionIncrease
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may have been executed. Its `resolve` returns the `Position` of the pair as it is;
            its amount tells. It raises `NotExecuted` if there was none all the while.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-position-increase
        """
        body = {
            "symbol": check_pair(symbol),
            "amount": check_amount("amount", amount),
        }
        return self._write(
            "auth/w/position/increase",
            _INCREASE,
            of_one(PositionIncrease.from_partial_row),
            body,
            search=self._find_positions.by_symbol(symbol),
            hint=_HINT,
        )

    def update_position_funding_type(
        self, symbol: Symbol, type: int
    ) -> Notification[None]:
        """
        Choose how the funding of a position is borrowed.

        ``POST auth/w/position/update/funding/type``. Rate limit: 10 per minute (undocumented).

        Parameters
        ----------
        symbol : str
            The pair, such as ``tBTCUSD``.
        type : int
            0: by the day; 1: for a term.

        Returns
        -------
        Notification of None
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may have been changed.

        References
        ----------
        https://docs.bitfinex.com/reference/update-position-funding-type
        """
        body = {
            "symbol": check_pair(symbol),
            "type": check_integer("type", type, _FUNDING_TYPES),
        }
        return self._write(
            "auth/w/position/update/funding/type",
            _FUNDING_TYPE,
            of_nothing(),
            body,
            hint="sent twice it does the same as once, so it may simply be sent again",
        )
