"""Positions and margin: what is open, what was, and what is possible."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import Any, Iterator, Sequence, Union

from bfxsync._base.aliases import AnyNumber, Symbol
from bfxsync.checks.arguments import Time, check_pair, page_params
from bfxsync.checks.order_arguments import check_amount, check_id, check_ids, optional
from bfxsync.models.margin import BaseMarginInfo, PositionIncreaseInfo, SymbolMarginInfo
from bfxsync.models.positions import (
    Position,
    PositionAudit,
    PositionHistory,
    PositionSnapshot,
)
from bfxsync.rest.auth.base import Budget, SignedEndpoints

MOST_PAST_POSITIONS = 50
MOST_SNAPSHOTS = 500
MOST_AUDITS = 250

_MARGIN = Budget("auth/r/info/margin", 90)
_POSITIONS = Budget("auth/r/positions", 90)
_INCREASE_INFO = Budget("auth/r/position/increase/info", 90)
_HISTORY = Budget("auth/r/positions/hist", 90)
_SNAPSHOTS = Budget("auth/r/positions/snap", 90)
_AUDIT = Budget("auth/r/positions/audit", 90)


class PositionEndpoints(SignedEndpoints):
    """What positions there are and were, and what margin allows."""

    def get_base_margin_info(self) -> BaseMarginInfo:
        """
        Return the state of the margin wallet.

        ``POST auth/r/info/margin/base``. Rate limit: 90 per minute, shared with the other two
        methods about margin.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-info-margin
        """
        return self._read("auth/r/info/margin/base", _MARGIN, BaseMarginInfo.from_row)

    def get_symbol_margin_info(self, symbol: Symbol) -> SymbolMarginInfo:
        """
        Return what can be traded of a pair on margin.

        ``POST auth/r/info/margin/{symbol}``. Rate limit: 90 per minute, shared with the other two
        methods about margin.

        Parameters
        ----------
        symbol : str
            The pair, such as ``tBTCUSD``; no derivative.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-info-margin
        """
        path = f"auth/r/info/margin/{check_pair(symbol)}"
        return self._read(path, _MARGIN, SymbolMarginInfo.from_row)

    def get_all_symbols_margin_info(self) -> list[SymbolMarginInfo]:
        """
        Return what can be traded on margin, of every pair but not of derivatives.

        ``POST auth/r/info/margin/sym_all``. Rate limit: 90 per minute, shared with the other two
        methods about margin.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-info-margin
        """
        return self._read_many(
            "auth/r/info/margin/sym_all", _MARGIN, SymbolMarginInfo.from_row
        )

    def get_positions(self) -> list[Position]:
        """
        Return the open positions.

        ``POST auth/r/positions``. Rate limit: 90 per minute.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-positions
        """
        return self._read_many("auth/r/positions", _POSITIONS, Position.from_row)

    def get_increase_position_info(
        self, symbol: Symbol, amount: AnyNumber | None = None
    ) -> PositionIncreaseInfo:
        """
        Return by how much `increase_position` can increase a position.

        ``POST auth/r/position/increase/info``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str
            The pair, such as ``tBTCUSD``.
        amount : str, int, Decimal or float, optional
            What it is to be increased by: positive is long, negative is short.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-increase-position-info
        """
        body = {
            "symbol": check_pair(symbol),
            "amount": optional(check_amount, "amount", amount),
        }
        return self._read(
            "auth/r/position/increase/info",
            _INCREASE_INFO,
            PositionIncreaseInfo.from_row,
            body,
        )

    def get_positions_history(
        self,
        *,
        id: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[PositionHistory]:
        """
        Return positions that are closed, the newest first.

        ``POST auth/r/positions/hist``. Rate limit: 90 per minute.

        Parameters
        ----------
        id : int, optional
            The one with this id only.
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone.
        limit : int, optional
            Rows, at most 50.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-positions-hist
        """
        page = page_params(
            start=start, end=end, limit=limit, maximum=MOST_PAST_POSITIONS
        )
        body = {**page, "id": optional(check_id, "id", id)}
        return self._read_many(
            "auth/r/positions/hist", _HISTORY, PositionHistory.from_row, body
        )

    def iter_positions_history(
        self,
        *,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: PositionHistory | None = None,
        progress: bool = False,
    ) -> Iterator[PositionHistory]:
        """
        Iterate over positions that are closed, the newest first; each comes once.

        Parameters
        ----------
        start, end
            As for `get_positions_history`; the time is that of the last change.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : PositionHistory, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-positions-hist
        """
        return self._iterate(
            self.get_positions_history,
            PositionHistory,
            "closed positions",
            MOST_PAST_POSITIONS,
            mts_of=attrgetter("mts_update"),
            identity_of=_identity,
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )

    def get_positions_snapshot(
        self,
        *,
        id: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[PositionSnapshot]:
        """
        Return positions as they were once a day, the newest first.

        ``POST auth/r/positions/snap``. Rate limit: 90 per minute.

        Parameters
        ----------
        id : int, optional
            The one with this id only.
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone.
        limit : int, optional
            Rows, at most 500.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-positions-snap
        """
        page = page_params(start=start, end=end, limit=limit, maximum=MOST_SNAPSHOTS)
        body = {**page, "id": optional(check_id, "id", id)}
        return self._read_many(
            "auth/r/positions/snap", _SNAPSHOTS, PositionSnapshot.from_row, body
        )

    def iter_positions_snapshot(
        self,
        *,
        id: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: PositionSnapshot | None = None,
        progress: bool = False,
    ) -> Iterator[PositionSnapshot]:
        """
        Iterate over positions as they were once a day, the newest first; each comes once.

        Parameters
        ----------
        id, start, end
            As for `get_positions_snapshot`; the time is that of the row's last change.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : PositionSnapshot, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-positions-snap
        """
        optional(check_id, "id", id)
        return self._iterate(
            partial(self.get_positions_snapshot, id=id),
            PositionSnapshot,
            "positions by day",
            MOST_SNAPSHOTS,
            mts_of=attrgetter("mts_update"),
            identity_of=_identity,
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )

    def get_positions_audit(
        self,
        *,
        ids: Sequence[int] | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[PositionAudit]:
        """
        Return the changes of positions, the newest first.

        ``POST auth/r/positions/audit``. Rate limit: 90 per minute.

        Parameters
        ----------
        ids : list of int, optional
            Those of these positions only.
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone.
        limit : int, optional
            Rows, at most 250.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-positions-audit
        """
        page = page_params(start=start, end=end, limit=limit, maximum=MOST_AUDITS)
        body = {"id": optional(check_ids, "ids", ids), **page}
        return self._read_many(
            "auth/r/positions/audit", _AUDIT, PositionAudit.from_row, body
        )

    def iter_positions_audit(
        self,
        *,
        ids: Sequence[int] | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: PositionAudit | None = None,
        progress: bool = False,
    ) -> Iterator[PositionAudit]:
        """
        Iterate over the changes of positions, the newest first; each comes once.

        Parameters
        ----------
        ids, start, end
            As for `get_positions_audit`.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : PositionAudit, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-positions-audit
        """
        # Checked once: it may be an iterator, which gives them once only.
        checked = optional(check_ids, "ids", ids)
        return self._iterate(
            partial(self.get_positions_audit, ids=checked),
            PositionAudit,
            "changes of positions",
            MOST_AUDITS,
            mts_of=attrgetter("mts_update"),
            identity_of=_audit_identity,
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )


def _identity(row: Union[PositionHistory, PositionSnapshot]) -> tuple[Any, ...]:
    return row.position_id, row.amount, row.base_price


def _audit_identity(row: PositionAudit) -> tuple[Any, ...]:
    # Times have whole seconds: two orders may have changed a position in one, there and back.
    return row.position_id, row.amount, row.base_price, str(row.meta)
