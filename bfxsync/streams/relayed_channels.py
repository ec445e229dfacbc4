"""
Turns what a relay receives from the exchange into the entries of its streams.

Strategy: the input is what a recorder gets: whole blocks of messages, requests, and the begin and
end of connections. Acknowledgements say which channel a ``chan_id`` is; its frames are appended to
its stream as they came, one entry per block. The first frame after an acknowledgement becomes a
snapshot. Whatever ends a live channel (its socket, its request, the exchange) becomes a gap.

After a loss of frames within the relay, no channel is live until it has been acknowledged again,
and an acknowledgement from the time of the loss does not count: the snapshot after it may be lost.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, List, NamedTuple, Set, Tuple, Union

from bfxsync.errors import RemoteError
from bfxsync.streams.entries import Frames, GapMark
from bfxsync.streams.keys import channel_of
from bfxsync.streams.wire_rows import WireRows, loads_wire, wire_rows_of
from bfxsync.wire.channels import Channel
from bfxsync.wire.codec import parse_many
from bfxsync.wire.frames import read_code

MAX_UNROUTED = 1_000
"""Frames kept for channels whose acknowledgement has not come yet."""


class SnapshotRows(NamedTuple):
    """A snapshot to be stored, with the flags of the frames that follow."""

    flags: int
    rows: bytes
    is_renewal: bool = False
    """Whether the frames before it have all that is in it."""


Output = Tuple[str, Union[Frames, GapMark, SnapshotRows]]
"""An identity, and what is to be written for it; in order for each identity."""

_Place = Tuple[int, str]
"""Connection and channel id."""


class _Relayed:
    """A channel, its rows, and where it is received."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.channel: Channel = channel_of(identity)
        self.rows: WireRows = wire_rows_of(self.channel)
        self.place: _Place | None = None
        # Received in the current block, not yet an output.
        self.pending: List[bytes] = []
        # Whether frames since its acknowledgement are lost, so that it must be subscribed again.
        self.is_incomplete = False


class RelayedChannels:
    """
    The channels of a relay, and where their frames come from.

    Parameters
    ----------
    identities : iterable of str
        Of the wanted channels; see `streams.keys.identity_of`.
    """

    def __init__(self, identities: Iterable[str]) -> None:
        self.frame_count: int = 0
        """Frames of known channels."""
        self._relayed = {identity: _Relayed(identity) for identity in identities}
        self._routes: Dict[_Place, _Relayed] = {}
        self._closing: Set[_Place] = set()
        self._unrouted: Dict[_Place, List[Tuple[bytes, Any]]] = {}
        self._unrouted_count = 0
        # Places of which frames were dropped before their acknowledgement.
        self._incomplete: Set[_Place] = set()
        self._is_losing = False
        self._flags: Dict[int, int] = {}

    @property
    def live(self) -> List[str]:
        """The identities that are live."""
        return [name for name, relayed in self._relayed.items() if relayed.rows.is_live]

    @property
    def incomplete(self) -> List[str]:
        """The identities that must be subscribed again, as frames of them are lost."""
        return [name for name, each in self._relayed.items() if each.is_incomplete]

    def snapshot(self, identity: str) -> SnapshotRows:
        """Return the current state of a live channel."""
        relayed = self._relayed[identity]
        assert relayed.place is not None
        flags = self._flags.get(relayed.place[0], 0)
        return SnapshotRows(flags, relayed.rows.text())

    def opened(self, connection: int) -> List[Output]:
        """Handle a new socket of a connection."""
        return self.lost(connection, "the connection was replaced")

    def lost(self, connection: int, reason: str) -> List[Output]:
        """Handle the loss of a socket: its channels are no longer received."""
        self._flags.pop(connection, None)
        self._closing = {place for place in self._closing if place[0] != connection}
        self._incomplete = {p for p in self._incomplete if p[0] != connection}
        for place in [place for place in self._unrouted if place[0] == connection]:
            self._forget_unrouted(place)
        outputs: List[Output] = []
        for place in [place for place in self._routes if place[0] == connection]:
            self._end(place, reason, outputs)
        return outputs

    def lost_frames(self, reason: str) -> List[Output]:
        """Handle the begin of a loss of frames: from here on there are only events."""
        self._is_losing = True
        outputs: List[Output] = []
        for place, relayed in list(self._routes.items()):
            self._end(place, reason, outputs)
            self._closing.add(place)
            relayed.is_incomplete = True
        for place in list(self._unrouted):
            self._forget_unrouted(place)
            self._incomplete.add(place)
        return outputs

    def resumed(self) -> None:
        """Handle the end of a loss of frames: the next one is not dropped."""
        self._is_losing = False

    def sent(self, connection: int, text: str) -> List[Output]:
        """Handle a request of the client: after ``unsubscribe`` no frame of the channel counts."""
        body = _event_of(text)
        outputs: List[Output] = []
        if body.get("event") == "unsubscribe":
            place = (connection, str(body.get("chanId")))
            self._end(place, "the channel is subscribed again", outputs)
            self._closing.add(place)
        return outputs

    def received(self, connection: int, messages: List[bytes]) -> List[Output]:
        """Handle a block of messages."""
        outputs: List[Output] = []
        touched: Dict[str, _Relayed] = {}
        for message, value in _decoded(messages):
            if value.__class__ is dict:
                self._handle_event(connection, message, outputs)
            elif value.__class__ is list and len(value) > 1:
                place = (connection, str(value[0]))
                relayed = self._routes.get(place)
                if relayed is not None:
                    touched[relayed.identity] = relayed
                    self._feed(relayed, message, value, outputs)
                elif place not in self._closing:
                    self._keep_unrouted(place, message, value)
        for relayed in touched.values():
            _flush(relayed, outputs)
        return outputs

    # --- frames -------------------------------------------------------------------------------

    def _feed(
        self, relayed: _Relayed, message: bytes, frame: Any, outputs: List[Output]
    ) -> None:
        self.frame_count += 1
        assert relayed.place is not None
        flags = self._flags.get(relayed.place[0], 0)
        if relayed.rows.feed(frame, flags):
            # Nothing is missing, even if an update came before it.
            relayed.is_incomplete = False
            outputs.append((relayed.identity, self.snapshot(relayed.identity)))
        elif relayed.rows.is_live:
            relayed.pending.append(message)
        elif frame[1] not in ("hb", "cs"):
            # An update without its snapshot, or an unreadable snapshot.
            relayed.is_incomplete = True

    def _keep_unrouted(self, place: _Place, message: bytes, frame: Any) -> None:
        if self._unrouted_count < MAX_UNROUTED and place not in self._incomplete:
            self._unrouted_count += 1
            self._unrouted.setdefault(place, []).append((message, frame))
            return
        self._forget_unrouted(place)
        self._incomplete.add(place)

    def _forget_unrouted(self, place: _Place) -> List[Tuple[bytes, Any]]:
        frames = self._unrouted.pop(place, [])
        self._unrouted_count -= len(frames)
        return frames

    # --- events -------------------------------------------------------------------------------

    def _handle_event(
        self, connection: int, message: bytes, outputs: List[Output]
    ) -> None:
        body = _event_of(message)
        name = body.get("event")
        if name == "conf" and body.get("status") == "OK":
            self._set_flags(connection, read_code(body.get("flags")) or 0, outputs)
            return
        place = (connection, str(body.get("chanId")))
        if name == "unsubscribed":
            self._closing.discard(place)
            self._incomplete.discard(place)
            self._forget_unrouted(place)
            self._end(place, "the exchange ended the channel", outputs)
        elif name == "subscribed":
            relayed = self._find(body)
            if relayed is not None:
                self._acknowledge(relayed, place, outputs)

    def _set_flags(self, connection: int, flags: int, outputs: List[Output]) -> None:
        self._flags[connection] = flags
        for (number, _), relayed in self._routes.items():
            if number == connection and relayed.rows.is_live:
                # Acknowledged before the flags: the frames from here on are to be read otherwise.
                _flush(relayed, outputs)
                outputs.append((relayed.identity, GapMark("the flags have changed")))
                outputs.append((relayed.identity, self.snapshot(relayed.identity)))

    def _find(self, body: Dict[str, Any]) -> _Relayed | None:
        for relayed in self._relayed.values():
            if relayed.channel.matches(body):
                return relayed
        return None

    def _acknowledge(
        self, relayed: _Relayed, place: _Place, outputs: List[Output]
    ) -> None:
        if relayed.place is not None:
            self._end(relayed.place, "the channel was subscribed again", outputs)
        self._end(place, "the exchange gave the channel to another", outputs)
        if self._is_losing or place in self._incomplete:
            self._incomplete.discard(place)
            self._closing.add(place)
            relayed.is_incomplete = True
            return
        self._closing.discard(place)
        relayed.is_incomplete = False
        self._routes[place] = relayed
        relayed.place = place
        relayed.rows.begin()
        if relayed.rows.acknowledged():
            outputs.append((relayed.identity, self.snapshot(relayed.identity)))
        for message, frame in self._forget_unrouted(place):
            self._feed(relayed, message, frame, outputs)
        _flush(relayed, outputs)

    def _end(self, place: _Place, reason: str, outputs: List[Output]) -> None:
        relayed = self._routes.pop(place, None)
        if relayed is None:
            return
        _flush(relayed, outputs)
        relayed.place = None
        if relayed.rows.is_live:
            relayed.rows.begin()
            outputs.append((relayed.identity, GapMark(reason)))


def _flush(relayed: _Relayed, outputs: List[Output]) -> None:
    if relayed.pending:
        outputs.append((relayed.identity, Frames(relayed.pending)))
        relayed.pending = []


def _decoded(messages: List[bytes]) -> Iterable[Tuple[bytes, Any]]:
    """Return messages with their values; unreadable ones are left out."""
    values, errors = parse_many(loads_wire, messages)
    pairs = zip(messages, values)
    if not errors:
        return pairs
    return [pair for pair in pairs if not isinstance(pair[1], RemoteError)]


def _event_of(text: Union[str, bytes]) -> Dict[str, Any]:
    """Return a message that is an object; otherwise an empty one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
