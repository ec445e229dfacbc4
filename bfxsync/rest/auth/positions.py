"""Positions: open and closed ones, claiming, increasing and changing them."""

from __future__ import annotations

from functools import partial
from typing import Any, Sequence, Union

from bfxsync._base.aliases import AnyNumber, Symbol
from bfxsync.checks.containers import optional
from bfxsync.checks.ids import check_id, check_ids
from bfxsync.checks.numbers import check_amount, check_integer
from bfxsync.checks.symbols import check_pair
from bfxsync.checks.times import Time, page_params
from bfxsync.models.model_list import ModelList
from bfxsync.models.notification import Notification, of_nothing, of_one
from bfxsync.models.positions import (
    AnyPositionClaim,
    AnyPositionIncrease,
    Position,
    PositionAudit,
    PositionClaim,
    PositionHistory,
    PositionIncrease,
    PositionSnapshot,
)
from bfxsync.outcome.find_positions import PositionFinder
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write
from bfxsync.rest.history.history import newest_first
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.options import HistoryOptions, Unpack, iterator

MOST_PAST_POSITIONS = 50
MOST_SNAPSHOTS = 500
MOST_AUDITS = 250

_POSITIONS = Budget("auth/r/positions", 90)
_HISTORY = Budget("auth/r/positions/hist", 90)
_SNAPSHOTS = Budget("auth/r/positions/snap", 90)
_AUDIT = Budget("auth/r/positions/audit", 90)
_CLAIM = Budget("auth/w/position/claim", 90)
_INCREASE = Budget("auth/w/position/increase", 90)
_FUNDING_TYPE = Budget("auth/w/position/update/funding/type")

_FUNDING_TYPES = range(0, 2)

_HINT = (
    "resolve() returns the current position; check it before sending the request again"
)


def _identity(row: Union[PositionHistory, PositionSnapshot]) -> tuple[Any, ...]:
    return row.position_id, row.amount, row.base_price


def _audit_identity(row: PositionAudit) -> tuple[Any, ...]:
    # Times have whole seconds: within one second, two orders may change a position and change it
    # back.
    return row.position_id, row.amount, row.base_price, str(row.meta)


_PAST_POSITIONS = newest_first(
    PositionHistory, MOST_PAST_POSITIONS, "mts_update", _identity
)
_DAILY_POSITIONS = newest_first(
    PositionSnapshot, MOST_SNAPSHOTS, "mts_update", _identity
)
_CHANGES = newest_first(PositionAudit, MOST_AUDITS, "mts_update", _audit_identity)


class PositionEndpoints(SignedEndpoints):
    """Positions: open and closed ones, claiming, increasing and changing them."""

    _find_positions: PositionFinder

    def get_positions(self) -> ModelList[Position]:
        """
        Return the open positions.

        ``POST auth/r/positions``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-positions
        """
        return self._read_many(_POSITIONS, Position.from_row)

    def get_positions_history(
        self,
        *,
        id: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[PositionHistory]:
        """
        Return closed positions, newest first.

        ``POST auth/r/positions/hist``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-positions-hist

        Parameters
        ----------
        id : int, optional
            Only the position with this id.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows, at most 50.
        """
        page = page_params(start, end, limit, maximum=MOST_PAST_POSITIONS)
        body = {**page, "id": optional(check_id, "id", id)}
        return self._read_many(_HISTORY, PositionHistory.from_row, body)

    @iterator
    def iter_positions_history(
        self, **options: Unpack[HistoryOptions[PositionHistory]]
    ) -> HistoryRows[PositionHistory]:
        """Iterate over closed positions by their last change, newest first."""
        get = self.get_positions_history
        return self._history(_PAST_POSITIONS, get, "closed positions", options)

    def get_positions_snapshot(
        self,
        *,
        id: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[PositionSnapshot]:
        """
        Return daily snapshots of positions, newest first.

        ``POST auth/r/positions/snap``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-positions-snap

        Parameters
        ----------
        id : int, optional
            Only the position with this id.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows, at most 500.
        """
        page = page_params(start, end, limit, maximum=MOST_SNAPSHOTS)
        body = {**page, "id": optional(check_id, "id", id)}
        return self._read_many(_SNAPSHOTS, PositionSnapshot.from_row, body)

    @iterator
    def iter_positions_snapshot(
        self,
        *,
        id: int | None = None,
        **options: Unpack[HistoryOptions[PositionSnapshot]],
    ) -> HistoryRows[PositionSnapshot]:
        """
        Iterate over daily snapshots of positions by their last change, newest first.

        Filters as for `get_positions_snapshot`.
        """
        optional(check_id, "id", id)
        get = partial(self.get_positions_snapshot, id=id)
        return self._history(_DAILY_POSITIONS, get, "positions by day", options)

    def get_positions_audit(
        self,
        *,
        ids: Sequence[int] | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[PositionAudit]:
        """
        Return the changes of positions, newest first.

        ``POST auth/r/positions/audit``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-positions-audit

        Parameters
        ----------
        ids : list of int, optional
            Only changes of positions with these ids.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows, at most 250.
        """
        page = page_params(start, end, limit, maximum=MOST_AUDITS)
        body = {"id": optional(check_ids, "ids", ids), **page}
        return self._read_many(_AUDIT, PositionAudit.from_row, body)

    @iterator
    def iter_positions_audit(
        self,
        *,
        ids: Sequence[int] | None = None,
        **options: Unpack[HistoryOptions[PositionAudit]],
    ) -> HistoryRows[PositionAudit]:
        """Iterate over the changes of positions, newest first; see `get_positions_audit`."""
        # Checked once: an iterator yields its ids only once.
        checked = optional(check_ids, "ids", ids)
        get = partial(self.get_positions_audit, ids=checked)
        return self._history(_CHANGES, get, "changes of positions", options)

    def claim_position(
        self, id: int, *, amount: AnyNumber | None = None
    ) -> Notification[AnyPositionClaim]:
        """
        Settle a position with funds of the margin wallet instead of closing it by a trade.

        ``POST auth/w/position/claim``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-position-claim

        The notification may report a rejection, which `raise_for_status` raises.

        Parameters
        ----------
        id : int
            The `position_id` of a `Position`.
        amount : str, int, Decimal or float, optional
            Amount to claim; default: all of it.

        Raises
        ------
        OutcomeUnknown
            The position may have been claimed: compare its amount. `resolve` returns the
            current `Position`, or the `PositionHistory` if it is closed, or raises `NotExecuted`
            if there is no such position.
        """
        body = {
            "id": check_id("id", id),
            "amount": optional(check_amount, "amount", amount),
        }
        search, read = self._find_positions.by_id(id), PositionClaim.from_partial_row
        return self._write(Write(_CLAIM, of_one(read), body, search=search, hint=_HINT))

    def increase_position(
        self, symbol: Symbol, amount: AnyNumber
    ) -> Notification[AnyPositionIncrease]:
        """
        Open or increase a position with funds of the margin wallet, at most once.

        ``POST auth/w/position/increase``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-position-increase

        `get_increase_position_info` has the limits. The notification may report a rejection, which
        `raise_for_status` raises.

        Parameters
        ----------
        symbol : str
            The pair, such as ``tBTCUSD``.
        amount : str, int, Decimal or float
            In base currency: positive for long, negative for short.

        Raises
        ------
        OutcomeUnknown
            The position may have been increased: compare its amount. `resolve` returns the
            current `Position` of the pair, or raises `NotExecuted` if there has been none since.
        """
        body = {"symbol": check_pair(symbol), "amount": check_amount("amount", amount)}
        search = self._find_positions.by_symbol(body["symbol"])
        read = of_one(PositionIncrease.from_partial_row)
        return self._write(Write(_INCREASE, read, body, search=search, hint=_HINT))

    def update_position_funding_type(
        self, symbol: Symbol, type: int
    ) -> Notification[None]:
        """
        Choose how the funding of a position is borrowed.

        ``POST auth/w/position/update/funding/type``, 10 requests per minute (undocumented).
        https://docs.bitfinex.com/reference/update-position-funding-type

        The notification may report a rejection, which `raise_for_status` raises.

        Parameters
        ----------
        symbol : str
            The pair, such as ``tBTCUSD``.
        type : int
            0: daily; 1: for a term.
        """
        body = {
            "symbol": check_pair(symbol),
            "type": check_integer("type", type, _FUNDING_TYPES),
        }
        hint = "the request is idempotent, so it may be sent again"
        return self._write(Write(_FUNDING_TYPE, of_nothing(), body, hint=hint))
