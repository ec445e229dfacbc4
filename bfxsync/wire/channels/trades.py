"""
The trades channel.

https://docs.bitfinex.com/reference/ws-public-trades
"""

from __future__ import annotations

import reprlib
from collections import deque
from itertools import compress
from typing import Any

from bfxsync._base.aliases import NumberType
from bfxsync.errors import RemoteError
from bfxsync.models.market import FundingTrade, FundingTradeUpdate, Trade, TradeUpdate
from bfxsync.models.stream import Snapshot
from bfxsync.wire.channels.base import FRAME_ERRORS, Channel
from bfxsync.wire.channels.table_models import Models, trade_models
from bfxsync.wire.tables import Rows


class TradesChannel(Channel):
    """
    Trades of a pair or a funding currency, each delivered once.

    A trade arrives as `te`, as `tu`, and in the snapshot after a reconnect, so ids are remembered
    across sockets. They may arrive out of order, so a comparison with the last one is not enough:
    they are kept in two sets, the older of which is dropped when the other is full.
    """

    resync_reason: str | None

    name = "trades"
    content = "trades"

    _REMEMBERED = 10_000
    _RECENT = 30

    def __init__(self, arguments: dict[str, str], number: NumberType) -> None:
        super().__init__(arguments, number)
        funding = self.is_funding
        model: Any = FundingTrade if funding else Trade
        update_model: Any = FundingTradeUpdate if funding else TradeUpdate
        self._make = self._maker(model)
        self._make_update = self._maker(update_model)
        self._executed, self._confirmed = ("fte", "ftu") if funding else ("te", "tu")
        self._seen: set[int] = set()
        self._seen_before: set[int] = set()
        self._recent: deque[Any] = deque(maxlen=self._RECENT)
        # The oldest trade of the first snapshot: the start of the subscription.
        self._had_snapshot = False
        self._first_id = -1

    def feed_one(self, frame: list[Any]) -> list[Any]:
        """Return the update of a frame, if there is one; `feed_many` handles unusual frames."""
        try:
            if self.is_live and frame[1] == self._executed:
                trade = self._make(frame[2], frame)
                if self._was_seen(trade.id):
                    return []
                self._seen.add(trade.id)
                self._recent.append(trade)
                self._forget_oldest()
                return [trade]
            if self.is_live and frame[1] == self._confirmed:
                row = frame[2]
                if self._was_seen(row[0]):
                    return [self._make_update(row, frame)] if self.extras else []
        except FRAME_ERRORS:
            pass
        return self.feed_many([frame])

    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Return new trades, and also confirmations if `extras` is set."""
        updates = super().feed_many(frames)
        self._forget_oldest()
        return updates

    @property
    def table_models(self) -> Models:
        """Builds trades, and confirmations if `extras` is set."""
        return trade_models(self.is_funding, self._number, self.extras)

    def feed_rows(self, rows: Rows) -> list[Any]:
        """Return new trades and confirmations from frames whose models are built already."""
        updates = super().feed_rows(rows)
        self._forget_oldest()
        return updates

    def _forget_oldest(self) -> None:
        if len(self._seen) > self._REMEMBERED:
            self._seen_before = self._seen
            self._seen = set()

    def _feed(self, frame: list[Any], updates: list[Any]) -> None:
        tag = frame[1]
        if tag == self._executed:
            self._add(self._make(frame[2], frame), updates)
        elif tag == self._confirmed:
            row = frame[2]
            if not self._was_seen(row[0]):
                # A confirmation may arrive first, or without its trade after a gap.
                self._add(self._make(row, frame), updates)
            if self.extras and self.is_live:
                updates.append(self._make_update(row, frame))
        elif tag.__class__ is list:
            self._add_rows(frame, updates)
        else:
            raise RemoteError(f"unknown kind of trade {reprlib.repr(tag)}", raw=frame)

    def _feed_models(self, rows: Rows) -> list[Any] | None:
        tags, ids, models = rows.tags, rows.first_column, rows.models
        if tags is None or rows.others:
            return None
        executed, seen, seen_before = self._executed, self._seen, self._seen_before
        new: set[int] = set()
        for tag, identity in zip(tags, ids):
            if identity in new or identity in seen or identity in seen_before:
                if tag == executed:
                    return None
            elif tag == executed:
                new.add(identity)
            else:
                # A confirmation without an earlier execution.
                return None
        trades = list(compress(models, map(executed.__eq__, tags)))
        seen |= new
        self._recent.extend(trades)
        return models if self.extras else trades

    def restart(self) -> list[Any]:
        """Return the latest trades, oldest first."""
        return [Snapshot(list(self._recent))] if self.is_live else []

    def _add(self, trade: Any, updates: list[Any]) -> None:
        if not self.is_live:
            # The channel of an earlier request was adopted after its snapshot.
            self.resync_reason = "a trade came before the snapshot"
        elif not self._was_seen(trade.id):
            self._seen.add(trade.id)
            self._recent.append(trade)
            updates.append(trade)

    def _was_seen(self, identity: int) -> bool:
        return identity in self._seen or identity in self._seen_before

    def _add_rows(self, frame: list[Any], updates: list[Any]) -> None:
        """Handle a list of rows, newest first: the snapshot, or bulk updates."""
        rows = frame[1]
        if rows and rows[0].__class__ is not list:
            self._add(self._make(rows, frame), updates)
            return
        trades = self._models(self._make, rows[::-1], frame)
        if rows and not trades:
            self._distrust(f"{self.content} could not be read", updates)
            return
        if self.is_live:
            for trade in trades:
                self._add(trade, updates)
            return
        self.is_live = True
        self.is_degraded = False
        known = any(self._was_seen(trade.id) for trade in trades)
        # By id, as a row may be repeated. A later snapshot may reach further back than the first:
        # trades from before the subscription were not missed.
        missed = {
            trade.id: trade
            for trade in trades
            if trade.id > self._first_id and not self._was_seen(trade.id)
        }
        self._recent.clear()
        self._recent.extend(trades)
        self._seen.update(missed)
        if self._had_snapshot:
            updates.append(Snapshot(trades, has_hole=bool(missed) and not known))
            updates.extend(missed[identity] for identity in sorted(missed))
            return
        self._had_snapshot = True
        self._first_id = min(missed, default=-1)
        updates.append(Snapshot(trades))
