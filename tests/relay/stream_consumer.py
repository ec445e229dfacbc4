"""A consumer of relayed streams by the rules of docs/explanation/relay.rst, with redis-py alone."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any, Callable, List, Optional

import redis
from patience import at_most

from bfxsync.models.stream import Snapshot
from bfxsync.streams.entries import (
    EntryId,
    Frames,
    SnapshotMark,
    StoredSnapshot,
    read_entry,
)
from bfxsync.streams.keys import ShardKeys, channel_of

PATIENT_S = at_most(60.0)


class StreamConsumer:
    """
    Reads one stream.

    Attributes
    ----------
    events : list of str
        ``"gap"``, ``"snapshot"`` and ``"data"``, the last once until the next of the others.
    updates : list
        All data, in order.
    may_fail : bool
        Whether a frame may have an error, such as a wrong checksum.
    gap_s, data_s : float
        Times (monotonic) of the last gap and of the first data after it.
    """

    def __init__(self, client: Any, shard: str, identity: str, number: Any = float):
        self._client = client
        keys = ShardKeys(shard)
        self._stream, self._hash = keys.stream(identity), keys.snapshot(identity)
        self._loads = lambda text: json.loads(
            text, parse_float=Decimal if number is Decimal else None
        )
        self.channel: Any = channel_of(identity, number)
        self.events: List[str] = []
        self.updates: List[Any] = []
        self.snapshots: List[Any] = []
        self.gap_s = self.data_s = 0.0
        self.may_fail = False
        self.at: Optional[EntryId] = None
        self._next = b"0-0"
        self._is_live = False
        self._start(None)

    def follow(self, until: Callable[[StreamConsumer], bool]) -> StreamConsumer:
        """Read until this is true, also while the server is away."""
        deadline = time.monotonic() + PATIENT_S
        while not until(self):
            assert time.monotonic() < deadline, (self.events, self.at)
            try:
                self._read()
            except redis.exceptions.RedisError:
                time.sleep(0.02)
                with suppress(redis.exceptions.RedisError):
                    self._compare()
        return self

    def has(self, *events: str) -> StreamConsumer:
        """Read until the events end like this."""
        return self.follow(lambda me: tuple(me.events[-len(events) :]) == events)

    def has_more(self, count: int = 1) -> StreamConsumer:
        """Read until there are this many more updates."""
        goal = len(self.updates) + count
        return self.follow(lambda me: len(me.updates) >= goal)

    def _compare(self) -> None:
        """After a loss of the server its streams may be older than what was read."""
        if self.at is None:
            return
        last = EntryId(0, 0)
        if self._client.exists(self._stream):
            info = self._client.xinfo_stream(self._stream)
            last = EntryId.read(info["last-generated-id"])
        if last < self.at:
            self._lose()
            self.at, self._next = None, b"0-0"

    def _read(self) -> None:
        found = self._client.xread({self._stream: self._next}, count=500, block=20)
        for _, entries in found:
            for entry_id, fields in entries:
                self._next = entry_id
                self._handle(EntryId.read(entry_id), read_entry(fields))
        if not found:
            self._compare()

    def _handle(self, entry_id: EntryId, entry: Any) -> None:
        if self.at is not None and entry_id <= self.at:
            return  # before the snapshot that this started from
        is_next = self.at is not None and entry_id == self.at.next()
        self.at = entry_id
        if not is_next or not isinstance(entry, (Frames, SnapshotMark)):
            self._lose()
            self._start(entry_id)
        elif isinstance(entry, SnapshotMark):
            if not self._is_live:
                self._start(entry_id)
        elif self._is_live:
            self._feed([self._loads(text) for text in entry.messages])

    def _lose(self) -> None:
        if self._is_live:
            self._is_live = False
            self.channel.lose()
            self.gap_s = time.monotonic()
            self.events.append("gap")

    def _start(self, after: Optional[EntryId]) -> None:
        """Start from the stored snapshot, if it is not older than the current epoch."""
        stored = StoredSnapshot.read(self._client.hgetall(self._hash))
        if stored is None or (after is not None and stored.id < after):
            return
        self.at = stored.id
        self._next = str(stored.id).encode()
        self.channel.set_flags(stored.flags)
        self._is_live = True
        self.events.append("snapshot")
        self._feed([self._loads(stored.message())])

    def _feed(self, frames: List[Any]) -> None:
        assert self.may_fail or not self.channel.errors, self.channel.errors
        for update in self.channel.feed_many(frames):
            if isinstance(update, Snapshot):
                self.snapshots.append(update)
                continue
            self.updates.append(update)
            if self.events[-1] != "data":
                self.data_s = time.monotonic()
                self.events.append("data")
