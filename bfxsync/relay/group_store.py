"""
The consumer group of workers in Redis.

Strategy: XREADGROUP does not tell of holes in a stream. So a script compares the next entries with
the last one that the group had, and reads up to a hole only. A hole stays there until a worker has
reported it and lets the group step over it: an answer that is lost hides none.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Tuple

from bfxsync._base.logs import get_logger
from bfxsync._base.redis_urls import RedisRefused, RedisUrl, open_redis, translated
from bfxsync.errors import BfxError, NetworkError
from bfxsync.streams.entries import EntryId

_log = get_logger(__name__)

COUNT = 64
"""Maximum number of entries of one stream in a batch."""

REPLY_S = 1.5

_HEAD = """\
-- Of one group or worker, as XINFO lists names and values.
local function fields_of(info)
    local fields = {}
    for j = 1, #info, 2 do fields[info[j]] = info[j + 1] end
    return fields
end
"""

READ = (
    _HEAD
    + """\
-- KEYS: streams   ARGV: group, worker, count
local function parts(id)
    local epoch, n = string.match(id, '^(%d+)-(%d+)$')
    return tonumber(epoch), tonumber(n)
end
local batches = {}
for i, key in ipairs(KEYS) do
    local before, hole, entries = '', '', {}
    local groups = redis.pcall('XINFO', 'GROUPS', key)
    for _, info in ipairs(groups.err and {} or groups) do
        local fields = fields_of(info)
        if fields['name'] == ARGV[1] then before = fields['last-delivered-id'] end
    end
    if before ~= '' then
        local count, epoch, n = 0, parts(before)
        local is_first = before == '0-0'
        for _, entry in ipairs(redis.call('XRANGE', key, '(' .. before, '+', 'COUNT', ARGV[3])) do
            local e, m = parts(entry[1])
            if not (is_first or (e == epoch and m == n + 1) or (e > epoch and m == 0)) then
                if count == 0 then hole = entry[1] end
                break
            end
            count, epoch, n, is_first = count + 1, e, m, false
        end
        if count > 0 then
            local reply = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2],
                                     'COUNT', count, 'STREAMS', key, '>')
            entries = reply[1][2]
        end
    end
    batches[i] = {before, hole, entries}
end
return batches
"""
)
"""
For each stream: the last entry delivered before (empty without the group), the next one if there
is a hole between them (otherwise empty), and new entries.
"""

STEP = (
    _HEAD
    + """\
-- KEYS: stream   ARGV: group, the last entry delivered before a hole, the last one in the hole
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local fields = fields_of(info)
    if fields['name'] == ARGV[1] and fields['last-delivered-id'] == ARGV[2] then
        return redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[3])
    end
end
return false
"""
)
"""No effect if another worker was faster."""

FORGET = (
    _HEAD
    + """\
-- KEYS: streams   ARGV: group, worker, milliseconds
for _, key in ipairs(KEYS) do
    local workers = redis.pcall('XINFO', 'CONSUMERS', key, ARGV[1])
    for _, info in ipairs(workers.err and {} or workers) do
        local fields = fields_of(info)
        local is_gone = fields['name'] == ARGV[2] or fields['idle'] > tonumber(ARGV[3])
        if is_gone and fields['pending'] == 0 then
            redis.call('XGROUP', 'DELCONSUMER', key, ARGV[1], fields['name'])
        end
    end
end
"""
)
"""
Removes one worker, and all that have been idle for longer. One with pending entries stays, as they
would be lost with it; one that is alive is added again by its next read.
"""

FORGOTTEN_S = 3_600.0
"""A worker that has not called for this long was killed: others claim entries more often."""

Entries = List[Tuple[bytes, Dict[bytes, bytes]]]


class Batch(NamedTuple):
    """What a worker reads of one stream."""

    before: EntryId | None
    """The last entry that the group had before; None without the group."""
    hole: EntryId | None
    """The next entry if it does not follow `before`; then there are no entries."""
    entries: Entries


class WorkFailed(BfxError):
    """
    An entry was delivered too often without success, and will not be delivered again.

    Attributes
    ----------
    identity : str
        The channel: ``trades|tBTCUSD``.
    entry_id : str
    deliveries : int
    """

    def __init__(self, identity: str, entry_id: str, deliveries: int) -> None:
        super().__init__(
            f"{identity}: entry {entry_id} was given up after {deliveries} deliveries"
        )
        self.identity = identity
        self.entry_id = entry_id
        self.deliveries = deliveries


class Pace:
    """
    How many entries to take at once, so that none waits until another worker claims it.

    Parameters
    ----------
    min_idle_s : float
        Seconds after which an entry is claimed.
    stream_count : int
    """

    def __init__(self, min_idle_s: float, stream_count: int) -> None:
        self._round_s = min_idle_s / 4 / stream_count
        # Of the slowest of the latest entries; 0 before the first.
        self._entry_s = 0.0

    @property
    def count(self) -> int:
        """Entries of each stream."""
        if not self._entry_s:
            return 1
        return max(1, int(min(COUNT, self._round_s / self._entry_s)))

    def note(self, seconds: float) -> None:
        """Record how long an entry took."""
        self._entry_s = max(seconds, 0.9 * self._entry_s, 1e-9)


class GroupStore:
    """Reads and acknowledges entries for one worker; errors are `NetworkError`."""

    def __init__(self, url: RedisUrl, group: str, name: str) -> None:
        self._url = url
        self._group, self._name = group, name
        self._client: Any = None
        # By stream: where the search for entries to claim goes on.
        self._cursors: Dict[str, Any] = {}

    def open(self) -> None:
        """Make a client; raises `UsageError` without the extra."""
        if self._client is None:
            self._client = open_redis(self._url, timeout_s=REPLY_S)

    def disconnect(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def detach_after_fork(self) -> None:
        """Leave the connection to the parent."""
        self._client = None

    def read(self, streams: Sequence[str], count: int) -> List[Batch]:
        """Return the next entries of each stream for this worker, up to a hole."""
        with translated(self._url):
            batches = self._client.eval(
                READ, len(streams), *streams, self._group, self._name, count
            )
        return [
            Batch(
                EntryId.read(before) if before else None,
                EntryId.read(hole) if hole else None,
                [(entry_id, _fields(values)) for entry_id, values in entries],
            )
            for before, hole, entries in batches
        ]

    def step_over(self, stream: str, before: EntryId, hole: EntryId) -> None:
        """Let the group continue with the entry after a hole."""
        last = EntryId(hole.epoch, hole.n - 1)
        with translated(self._url):
            self._client.eval(STEP, 1, stream, self._group, str(before), str(last))

    def leave(self, streams: Sequence[str]) -> None:
        """Remove this worker from the group where it has no pending entries; never raises."""
        if self._client is None:
            return
        try:
            self._forget(streams, self._name)
        except NetworkError as exc:
            _log.info("%s stays in group %s: %s", self._name, self._group, exc)

    def forget_killed(self, streams: Sequence[str]) -> None:
        """Remove workers without pending entries that have not called for an hour."""
        self._forget(streams, "")

    def _forget(self, streams: Sequence[str], name: str) -> None:
        idle_ms = int(FORGOTTEN_S * 1_000)
        with translated(self._url):
            self._client.eval(
                FORGET, len(streams), *streams, self._group, name, idle_ms
            )

    def create(self, stream: str, start: str) -> bool:
        """Create the group; return False if there is no such stream yet."""
        try:
            with translated(self._url):
                self._client.xgroup_create(stream, self._group, start)
        except RedisRefused as exc:
            if exc.reply == "BUSYGROUP":
                return True
            if exc.reply != "ERR":
                raise
            return False
        return True

    def search(self, streams: Iterable[str]) -> None:
        """Begin a search for entries to claim in these streams, unless one is going on."""
        self._cursors = {key: self._cursors.get(key, "0-0") for key in streams}

    @property
    def searched(self) -> List[str]:
        """Streams whose search has not ended."""
        return list(self._cursors)

    def claim(self, stream: str, idle_s: float, count: int) -> Tuple[Entries, int]:
        """
        Claim the next entries of a search that were not acknowledged in time.

        Return also how many of them do not exist. An error ends the search.
        """
        start = self._cursors.pop(stream)
        idle_ms = max(1, int(idle_s * 1_000))
        try:
            with translated(self._url):
                reply = self._client.execute_command(
                    *("XAUTOCLAIM", stream, self._group, self._name, idle_ms, start),
                    *("COUNT", count),
                )
        except RedisRefused as exc:
            if exc.reply != "NOGROUP":
                raise
            # The stream was deleted: the next read notices that.
            return [], 0
        if reply[0] != b"0-0":
            self._cursors[stream] = reply[0]
        # Redis 7 lists entries that do not exist; Redis 6 returns them without fields.
        missing_count = len(reply[2]) if len(reply) > 2 else 0
        entries = [item for item in reply[1] if item and item[1] is not None]
        missing_count += len(reply[1]) - len(entries)
        return [(entry_id, dict(fields)) for entry_id, fields in entries], missing_count

    def deliveries(self, stream: str, entry_id: bytes) -> int:
        """Return how often an entry was delivered."""
        with translated(self._url):
            pending = self._client.xpending_range(
                stream, self._group, min=entry_id, max=entry_id, count=1
            )
        return int(pending[0]["times_delivered"]) if pending else 1

    def snapshot(self, key: str) -> Dict[bytes, bytes]:
        """Return the fields of the stored snapshot of a channel."""
        with translated(self._url):
            return dict(self._client.hgetall(key))

    def acknowledge(self, stream: str, entry_id: bytes) -> None:
        """Acknowledge an entry."""
        with translated(self._url):
            self._client.xack(stream, self._group, entry_id)


def _fields(values: Any) -> Dict[bytes, bytes]:
    # A flat list, as scripts return.
    names = iter(values)
    return dict(zip(names, names))
