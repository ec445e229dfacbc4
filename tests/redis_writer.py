"""Writes a shard by hand, as a relay would."""

import json

from bfxsync._base.enums import Flag
from bfxsync.streams.entries import (
    EntryId,
    Fence,
    Frames,
    GapMark,
    SnapshotMark,
    StoredSnapshot,
    fields_of,
)
from bfxsync.streams.keys import ShardKeys

FLAGS = Flag.SEQ_ALL | Flag.OB_CHECKSUM
LEASE_MS = 600_000


class RedisWriter:
    """A leader of a shard: each of its channels has a position of its own."""

    def __init__(self, redis, *identities, shard="main"):
        self.redis = redis
        self.keys = ShardKeys(shard)
        self.epoch = 1_000
        self.last = dict.fromkeys(identities, EntryId(0, 0))

    def lead(self):
        self.epoch += 1
        self.redis.set(self.keys.lease, "token", px=LEASE_MS)
        for identity in self.last:
            self.redis.hset(self.keys.identities, identity, "live")
            self._add(identity, EntryId(self.epoch, 0), Fence())

    def leave(self):
        self.redis.delete(self.keys.lease)

    def frames(self, identity, *messages):
        self._add(identity, self.last[identity].next(), Frames(list(messages)))

    def gap(self, identity, reason="the socket was lost"):
        self._add(identity, self.last[identity].next(), GapMark(reason))

    def snap(self, identity, rows, is_renewal=False):
        mark = SnapshotMark(is_renewal)
        self._add(identity, self.last[identity].next(), mark)
        stored = StoredSnapshot(self.last[identity], FLAGS, rows)
        self.redis.hset(self.keys.snapshot(identity), mapping=stored.fields())

    def skip(self, identity):
        """Leave out an entry."""
        self.last[identity] = self.last[identity].next()

    def trim(self, identity, kept):
        self.redis.xtrim(self.keys.stream(identity), maxlen=kept, approximate=False)

    def _add(self, identity, entry_id, entry):
        key = self.keys.stream(identity)
        self.redis.xadd(key, fields_of(entry), id=str(entry_id))
        self.last[identity] = entry_id


def ticker_row(bid):
    return json.dumps([bid, 10, 200, 12, 0, 0, 100, 5, 300, 9]).encode()


def ticker_frame(bid):
    return b"[7," + ticker_row(bid) + b",1]"


def trade_frame(number):
    row = [number, 1_574_694_475_039, 0.5, 100.25]
    return json.dumps([9, "te", row, 1]).encode()
