"""Searches for positions after a change with an unknown outcome."""

from __future__ import annotations

from typing import Union

import attrs

from bfxsync._base.aliases import Symbol
from bfxsync.models.positions import Position, PositionAudit, PositionHistory
from bfxsync.outcome.clocks import Clocks
from bfxsync.outcome.identify import FAR_S
from bfxsync.outcome.reader import OpenReader
from bfxsync.outcome.resolve import Attempt, Candidates, Found, Pending, Search
from bfxsync.outcome.unread import with_unread

# Indexes in a position's row.
_SYMBOL, _ID = 0, 11


@attrs.frozen
class PositionFinder:
    """Builds the searches for positions over an `AccountReader`."""

    _open: OpenReader

    def by_id(self, id: int) -> Search[Union[Position, PositionHistory]]:
        """Search for the current state of a position; a closed one is final."""

        def find(attempt: Attempt) -> Found[Union[Position, PositionHistory]]:
            here, unread = self._open()
            open_now = here.get_positions()
            for position in open_now:
                if position.position_id == id:
                    return Pending(position)
            for closed in here.get_positions_history(id=id):
                if closed.position_id == id:
                    return closed
            # A short row without an id may be the position.
            nameless = [row for row in open_now if row.position_id is None]
            return with_unread(None, [*unread.matching({_ID: id}), *nameless])

        return Search(find, "positions and their history")

    def by_symbol(self, symbol: Symbol) -> Search[Union[Position, PositionAudit]]:
        """Search for the position of a pair, or for its changes if it is closed again."""

        def find(attempt: Attempt) -> Found[Union[Position, PositionAudit]]:
            here, unread = self._open()
            for position in here.get_positions():
                if position.symbol == symbol:
                    return Pending(position)
            # It may have been opened and closed again.
            changes = unread.readable(
                here.iter_positions_audit(start=attempt.span().since_mts(FAR_S))
            )
            rows = [row for row in changes if row.symbol == symbol]
            found = Candidates(list(rows)) if rows else None
            return with_unread(found, unread.matching({_SYMBOL: symbol}))

        return Search(find, "positions and their audit", Clocks.KNOWN)

    def open_by_symbol(self, symbol: Symbol) -> Search[Position]:
        """Search for the open position of a derivative."""

        def find(attempt: Attempt) -> Found[Position]:
            here, unread = self._open()
            for position in here.get_positions():
                if position.symbol == symbol:
                    return Pending(position)
            return with_unread(None, unread.matching({_SYMBOL: symbol}))

        return Search(find, "positions")
