"""Trades, each once."""

from __future__ import annotations

import reprlib
from collections import deque
from typing import Any

from bfxsync._base.aliases import NumberType
from bfxsync.errors import RemoteError
from bfxsync.models.market import FundingTrade, FundingTradeUpdate, Trade, TradeUpdate
from bfxsync.models.stream import Snapshot
from bfxsync.wire.channels.base import FRAME_ERRORS, Channel
from bfxsync.wire.frames import HEARTBEAT


class TradesChannel(Channel):
    """
    Trades, each once.

    A trade comes as `te`, again as `tu`, and once more in the snapshot after a reconnect, so ids
    are remembered across connections. They rise, but may arrive out of order: a set, in two
    generations so that it stays bounded, and no comparison with the last one.
    """

    name = "trades"

    _REMEMBERED = 10_000
    _RECENT = 30

    def __init__(self, arguments: dict[str, str], number: NumberType) -> None:
        super().__init__(arguments, number)
        funding = self.is_funding
        self._make = self._maker(FundingTrade if funding else Trade)
        self._make_update = self._maker(FundingTradeUpdate if funding else TradeUpdate)
        self._executed, self._confirmed = ("fte", "ftu") if funding else ("te", "tu")
        self._seen: set[int] = set()
        self._seen_before: set[int] = set()
        self._recent: deque[Any] = deque(maxlen=self._RECENT)
        # Of the first snapshot, and the oldest trade in it: where the subscription begins.
        self._had_snapshot = False
        self._begin = -1

    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Return new trades, and confirmations when somebody wants them."""
        updates: list[Any] = []
        executed, confirmed = self._executed, self._confirmed
        for frame in frames:
            try:
                tag = frame[1]
                if tag == executed:
                    self._take(self._make(frame[2]), updates)
                elif tag == confirmed:
                    self._take_confirmation(frame[2], updates)
                elif tag.__class__ is list:
                    self._take_rows(tag, updates)
                elif tag == HEARTBEAT:
                    self._beat(updates)
                else:
                    raise RemoteError(
                        f"unknown kind of trade {reprlib.repr(tag)}", raw=frame
                    )
            except FRAME_ERRORS as exc:
                self._fail(exc, frame)
                self._distrust("trades could not be read", updates)
            if self.resync_reason is not None:
                # What follows belongs to a channel that is given up.
                break
        if len(self._seen) > self._REMEMBERED:
            self._seen_before = self._seen
            self._seen = set()
        return updates

    def restart(self) -> list[Any]:
        """Return the latest trades, oldest first."""
        return [Snapshot(list(self._recent))] if self.is_live else []

    def _take(self, trade: Any, updates: list[Any]) -> None:
        if not self.is_live:
            # No snapshot came before: this channel was taken over from an earlier request.
            self.resync_reason = "a trade came before the snapshot"
        elif not self._was_seen(trade.id):
            self._seen.add(trade.id)
            self._recent.append(trade)
            updates.append(trade)

    def _take_confirmation(self, row: Any, updates: list[Any]) -> None:
        if not self._was_seen(row[0]):
            # A confirmation may overtake its trade, or be all that is left of it after a gap.
            self._take(self._make(row), updates)
        if self.extras and self.is_live:
            updates.append(self._make_update(row))

    def _was_seen(self, identity: int) -> bool:
        return identity in self._seen or identity in self._seen_before

    def _take_rows(self, rows: list[Any], updates: list[Any]) -> None:
        """Take a list of rows, newest first on the wire: the snapshot, or trades in bulk."""
        if rows and rows[0].__class__ is not list:
            self._take(self._make(rows), updates)
            return
        trades = self._models(self._make, rows[::-1])
        if rows and not trades:
            self._distrust("trades could not be read", updates)
            return
        if self.is_live:
            for trade in trades:
                self._take(trade, updates)
            return
        self.is_live = True
        self.is_degraded = False
        known = any(self._was_seen(trade.id) for trade in trades)
        # By id, as a row may be there twice. A later snapshot may reach further back than the
        # first one did: what is older than all of that was not missed.
        missed = {
            trade.id: trade
            for trade in trades
            if trade.id > self._begin and not self._was_seen(trade.id)
        }
        self._recent.clear()
        self._recent.extend(trades)
        self._seen.update(missed)
        if self._had_snapshot:
            updates.append(Snapshot(trades, has_hole=bool(missed) and not known))
            updates.extend(missed[identity] for identity in sorted(missed))
            return
        self._had_snapshot = True
        self._begin = min(missed, default=-1)
        updates.append(Snapshot(trades))
