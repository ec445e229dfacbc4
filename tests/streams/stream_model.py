"""A stream and its snapshot as values, for tests of the session without a Redis server."""

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
from bfxsync.streams.keys import ShardKeys, identity_of
from bfxsync.streams.stream_state import StreamInfo

KEYS = ShardKeys("main")
FLAGS = Flag.SEQ_ALL | Flag.OB_CHECKSUM


class StreamModel:
    """One stream as Redis keeps it, and the relay that writes it."""

    def __init__(self, channel, epoch=1_000):
        self.identity = identity_of(channel)
        self.key = KEYS.stream(self.identity).encode()
        self.entries = []
        self.last = EntryId(0, 0)
        self.snapshot = {}
        self.has_stream = False
        self.has_relay = False
        self.relayed = {}
        self.epoch = epoch

    # --- the relay ----------------------------------------------------------------------------

    def lead(self, epoch=None):
        self.epoch = epoch if epoch is not None else max(self.epoch, self.last[0]) + 1
        self.has_relay = self.has_stream = True
        self.relayed = {self.identity.encode(): b"live"}
        self._add(EntryId(self.epoch, 0), Fence())

    def frames(self, *messages):
        self._add(self.last.next(), Frames(list(messages)))

    def gap(self, reason="the socket was lost"):
        self._add(self.last.next(), GapMark(reason))

    def snap(self, rows):
        self._add(self.last.next(), SnapshotMark())
        self.snapshot = StoredSnapshot(self.last, FLAGS, rows).fields()

    def _add(self, entry_id, entry):
        self.last = entry_id
        self.entries.append((entry_id, fields_of(entry)))

    # --- Redis --------------------------------------------------------------------------------

    def trim(self, kept):
        self.entries = self.entries[len(self.entries) - kept :] if kept else []

    def flush(self):
        """Lose everything."""
        self.entries, self.last, self.snapshot = [], EntryId(0, 0), {}
        self.has_stream = self.has_relay = False
        self.relayed = {}

    @property
    def info(self):
        last = str(self.last).encode() if self.has_stream else None
        return StreamInfo(last, self.snapshot)

    def read(self, cursor, count=1_000):
        after = EntryId.read(cursor)
        newer = [
            (str(entry_id).encode(), fields)
            for entry_id, fields in self.entries
            if entry_id > after
        ]
        return newer[:count]


class Consumer:
    """Does what the connection does, for one session."""

    def __init__(self, session, *models):
        self.session = session
        self.models = models
        self.now = 100.0
        self.outputs = []

    def open(self):
        self.outputs += self.session.open(self.now)

    def lose(self, reason="Redis is away"):
        self.outputs += self.session.lose(reason)

    def apply(self, command):
        self.outputs += self.session.apply(command, self.now)

    def look_up(self):
        wanted = self.session.lookups(self.now)
        if wanted is None:
            return
        relayed = {k: v for model in self.models for k, v in model.relayed.items()}
        infos = {m.identity: m.info for m in self.models if m.identity in wanted}
        has_relay = any(model.has_relay for model in self.models)
        self.outputs += self.session.found(has_relay, relayed, infos, self.now)

    def read(self, count=1_000):
        cursors = self.session.cursors
        reads = [
            (model.key, model.read(cursors[model.key], count))
            for model in self.models
            if model.key in cursors
        ]
        reads = [(key, entries) for key, entries in reads if entries]
        self.outputs += self.session.feed(reads, self.now)

    def turn(self, seconds=0.0):
        """Look up and read once, as the connection does in each round."""
        self.now += seconds
        self.look_up()
        self.read()
        self.outputs += self.session.tick(self.now)

    def taken(self):
        """Return the outputs since the last call."""
        outputs, self.outputs = self.outputs, []
        return outputs
