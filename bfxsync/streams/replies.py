"""
Commands of a consumer to Redis, and what their replies mean.

Strategy: replies are read as Redis sends them, which saves a third of the time that redis-py needs
to convert them.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from bfxsync.errors import RemoteError
from bfxsync.streams.entries import Fields
from bfxsync.streams.keys import ShardKeys
from bfxsync.streams.stream_reader import Entries
from bfxsync.streams.stream_state import StreamInfo

COUNT = 256
"""Maximum number of entries of one stream in one read."""

Command = Tuple[Any, ...]


def read_command(cursors: Dict[bytes, bytes], block_ms: int | None) -> Command:
    """Return the command that reads streams; without `block_ms` it does not wait."""
    block = () if block_ms is None else ("BLOCK", block_ms)
    return ("XREAD", "COUNT", COUNT, *block, "STREAMS", *cursors, *cursors.values())


def read_reply(reply: Any) -> List[Tuple[bytes, Entries]]:
    """Return the entries by stream; none if there were no new ones."""
    return [
        (key, [(entry_id, _fields(values)) for entry_id, values in entries])
        for key, entries in reply or ()
    ]


def lookup_commands(keys: ShardKeys, identities: Sequence[str]) -> List[Command]:
    """Return the commands that look up the lease, the identities, and these streams."""
    commands: List[Command] = [("EXISTS", keys.lease)]
    if identities:
        commands.append(("HGETALL", keys.identities))
    for identity in identities:
        # The stream first: a snapshot may be newer than its last entry, but never older.
        commands.append(("XINFO", "STREAM", keys.stream(identity)))
        commands.append(("HGETALL", keys.snapshot(identity)))
    return commands


def lookup_replies(
    identities: Sequence[str], replies: Sequence[Any]
) -> Tuple[bool, Fields, Dict[str, StreamInfo]]:
    """
    Return the arguments of `StreamSession.found`.

    A stream that does not exist has the reply None. Raises `RemoteError` if Redis does not say what
    the last entry of a stream was.
    """
    has_relay = bool(replies[0])
    relayed = _fields(replies[1]) if identities else {}
    infos = {}
    for index, identity in enumerate(identities):
        stream, snapshot = replies[2 + 2 * index : 4 + 2 * index]
        last_id = None
        if stream is not None:
            last_id = _fields(stream).get(b"last-generated-id")
            if last_id is None:
                raise RemoteError("a stream without its last id", raw=stream)
        infos[identity] = StreamInfo(last_id, _fields(snapshot))
    return has_relay, relayed, infos


def _fields(values: Any) -> Dict[bytes, Any]:
    # A flat list of names and values.
    names = iter(values)
    return dict(zip(names, names))
