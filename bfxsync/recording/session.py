"""
A recording instead of an exchange: what was recorded, as if it happened now.

Strategy: each recorded connection has a session of its own, which takes the messages exactly as
they came; it does not know that nobody hears what it sends. What it must not wait for is given to
it: a channel is asked for where and when the recorded client did so, at the latest before the
acknowledgement, which is then found by its fields, as the numbers of requests differ. Nothing is
done by the clock: what came of it then stands in the recording too.

Everything is as it was but what happened to subscriptions that were not there: those who are
here from the beginning see a gap while the recorded client was not subscribed.
"""

from __future__ import annotations

from typing import Any, Dict, Hashable, Iterable, Iterator, List, Set

import attrs

from bfxsync.errors import NetworkError, RemoteError
from bfxsync.recording.format import (
    Lost,
    Missing,
    Opened,
    Received,
    Record,
    Sent,
    read_line,
)
from bfxsync.types import ConnectionStatus, LossCause
from bfxsync.wire.channels import Channel
from bfxsync.wire.codec import LOADS_ERRORS, Loads, dumps, loads_for
from bfxsync.wire.commands import Command, Ping, Resubscribe, Subscribe, Unsubscribe
from bfxsync.wire.outputs import (
    Change,
    Displaced,
    Output,
    Reopen,
    Report,
    Resolve,
    Send,
)
from bfxsync.wire.session import Session

_CLOSED_ABNORMALLY = 1006

# How nearly all lines begin that hold data; they need not be looked at to know what there is.
_DATA = b'"frame":"['

# Of these nothing is known here: they answer to the keys of whoever recorded them.
_ACCOUNT = ("auth", "unauth")

# What tells channels apart, in the answers to their requests.
_FIELDS = ("channel", "symbol", "key", "prec", "freq", "len")

# Why there is a gap that no loss was the reason of.
_GONE = "the recorded client subscribed anew"

MAX_CONNECTIONS = 10_000
"""A recording with more of them is refused: each takes memory until the end."""

MAX_CHANNELS_SIZE = 4 * 2**20
"""Characters of what tells the channels of a recording apart: enough for some ten thousand."""

_loads = loads_for()


@attrs.define
class Contents:
    """
    What there is in a recording.

    Attributes
    ----------
    begin, end : float or None
        Times of the first and last line, in seconds since 1970; None if nothing was recorded.
    channels : list of dict
        The fields of each channel that was subscribed, in order, once.
    flags : dict
        By connection: the flags that were asked for, if the exchange answered to that.
    missing_count : int
        Messages that were not recorded.
    """

    begin: float | None = None
    end: float | None = None
    channels: List[Dict[str, Any]] = attrs.Factory(list)
    flags: Dict[int, int] = attrs.Factory(dict)
    missing_count: int = 0
    _asked: Dict[int, int] = attrs.Factory(dict)
    _known: Set[str] = attrs.Factory(set)
    _size: int = 0

    @classmethod
    def of(cls, lines: Iterable[bytes]) -> Contents:
        """
        Look through the lines of a recording.

        Raises
        ------
        RemoteError
            One of them cannot be read.
        UsageError
            The recording is of a later version.
        """
        contents = cls()
        skipped = b""
        for line in lines:
            if contents.begin is not None and _DATA in line:
                skipped = line
                continue
            contents._take(line)
            skipped = b""
        if skipped:
            contents._take(skipped)
        return contents

    def has(self, channel: Channel) -> bool:
        """Tell whether a channel was subscribed at some time."""
        return any(channel.matches(fields) for fields in self.channels)

    def _take(self, line: bytes) -> None:
        record = read_line(line)
        if record is None:
            return
        self.begin = record.at if self.begin is None else self.begin
        self.end = record.at
        if isinstance(record, Missing):
            self.missing_count += record.count
        elif isinstance(record, Sent):
            event = _event(record.text.encode())
            flags = event.get("flags") if event.get("event") == "conf" else None
            if type(flags) is int:
                self._asked[record.connection] = flags
                _check_connections(self._asked)
        elif isinstance(record, Received):
            self._take_event(record.connection, _event(record.message))

    def _take_event(self, connection: int, event: Dict[str, Any]) -> None:
        if event.get("event") == "conf":
            flags = event.get("flags")
            asked = self._asked.get(connection, 0)
            self.flags[connection] = flags if type(flags) is int else asked
            _check_connections(self.flags)
        elif event.get("event") == "subscribed":
            fields = {name: event[name] for name in _FIELDS if name in event}
            name = repr(fields)
            if name not in self._known:
                self._size += len(name)
                if self._size > MAX_CHANNELS_SIZE:
                    raise RemoteError("a recording of too many channels")
                self._known.add(name)
                self.channels.append(fields)


class RecordedSession(Session):
    """
    The session of a recording.

    Parameters
    ----------
    contents : Contents
    loads : callable
        Reads one JSON text, see `codec.loads_for`.
    """

    def __init__(self, contents: Contents, loads: Loads = loads_for()) -> None:
        super().__init__(loads=loads)
        self._contents = contents
        self._sessions: Dict[int, Session] = {}
        self._open: Set[int] = set()
        # The connection whose state is shown.
        self._first: int | None = None
        self._wanted: Dict[Hashable, Subscribe] = {}
        # The connection on which a token's channel was asked for last, those of which the
        # recording has not shown the answer yet, and those that had data.
        self._places: Dict[Hashable, int] = {}
        self._unanswered: Set[Hashable] = set()
        # By which the sessions here know their requests; the recorded client had others.
        self._sub_ids: Dict[Hashable, Any] = {}
        self._resolved: Set[Hashable] = set()

    def next_deadline(self) -> float | None:
        """Return None: nothing is done by the clock."""
        return None

    def lose(self, reason: str) -> list[Output]:
        """Take the end; nobody waits for anything."""
        return []

    def apply(self, command: Command, now: float) -> list[Output]:
        """Do what a user asks, as far as a recording can."""
        token = command.token
        if isinstance(command, Subscribe):
            # It is asked for where the recording does so.
            self._wanted[token] = command
            return []
        if isinstance(command, Unsubscribe):
            self._wanted.pop(token, None)
            self._withdraw(token, now)
            return []
        if isinstance(command, Ping):
            error = NetworkError("a recording answers no ping", phase="send")
            return [Resolve(token, error)]
        return []

    @property
    def tokens(self) -> list[Hashable]:
        """What is wanted, in the order in which it was asked for."""
        return list(self._wanted)

    # --- what was recorded --------------------------------------------------------------------

    def take(self, record: Record, now: float) -> list[Output]:
        """Let the next thing happen, at its time, which does not go back."""
        number = record.connection
        if self._first is None:
            self._first = number
        if isinstance(record, Received):
            outputs = self._take_message(number, record.message, now)
        elif isinstance(record, Opened):
            outputs = self._take_opening(number, now)
        elif isinstance(record, Sent):
            outputs = self._take_sent(number, record.text, now)
        elif isinstance(record, Lost):
            outputs = self._take_loss(number, record)
        else:
            outputs = self._take_hole(number, record.count)
        return list(self._translate(number, outputs))

    def _session(self, number: int) -> Session:
        session = self._sessions.get(number)
        if session is None:
            flags = self._contents.flags.get(number, 0)
            session = self._sessions[number] = Session(flags=flags, loads=self._loads)
            _check_connections(self._sessions)
        return session

    def _take_opening(self, number: int, now: float) -> list[Output]:
        session = self._session(number)
        # Of a connection that was lost before, this has been told already.
        outputs = session.lose("the connection was made anew")
        self._open.add(number)
        return outputs + session.open(now)

    def _take_loss(self, number: int, record: Lost) -> list[Output]:
        if number not in self._open:
            return []
        cause = LossCause.CLOSED
        if record.code == _CLOSED_ABNORMALLY:
            cause = LossCause.BROKEN
        # At the end no subscriber was told of a gap.
        reopen = Reopen(record.reason, cause, record.code)
        if record.is_farewell:
            self._open.discard(number)
            return [Change(ConnectionStatus.CLOSED), reopen]
        return [reopen]

    def _take_hole(self, number: int, count: int) -> list[Output]:
        """Ignore a connection from here on: what its messages would mean is not known."""
        self._open.discard(number)
        reason = f"{count} messages were not recorded"
        outputs = self._session(number).lose(reason)
        return [*outputs, Report(RemoteError(reason))]

    def _take_sent(self, number: int, text: str, now: float) -> list[Output]:
        event = _event(text.encode())
        if event.get("event") != "subscribe":
            return []
        outputs: list[Output] = []
        for token in self._tokens_of(event):
            outputs += self._ask(token, number, now)
            self._unanswered.add(token)
        return outputs

    def _take_message(self, number: int, message: bytes, now: float) -> list[Output]:
        event = _event(message)
        outputs: list[Output] = []
        if number not in self._open:
            is_greeting = event.get("event") == "info" and "version" in event
            if number in self._sessions and not is_greeting:
                return []
            # By a program that did not record openings.
            outputs = self._take_opening(number, now)
        self.frame_count += 1
        session = self._sessions[number]
        name = event.get("event")
        if name in _ACCOUNT:
            return outputs
        sub_id = event.pop("subId", None)
        is_other = sub_id is not None
        if name == "subscribed":
            for token in self._tokens_of(event):
                if token not in self._unanswered or self._places[token] != number:
                    outputs += self._ask(token, number, now)
                self._unanswered.discard(token)
                if token in self._sub_ids:
                    event["subId"] = self._sub_ids[token]
                    is_other = True
        if is_other:
            message = dumps(event).encode()
        return outputs + session.feed([message], now)

    def _tokens_of(self, fields: Dict[str, Any]) -> list[Hashable]:
        return [
            token
            for token, command in self._wanted.items()
            if command.channel.matches(fields)
        ]

    def _ask(self, token: Hashable, number: int, now: float) -> list[Output]:
        """Subscribe on a connection, in the place of whatever was there before."""
        outputs: list[Output] = []
        place = self._places.get(token)
        if place is not None:
            # Tells of the gap, if there was none yet.
            outputs += self._sessions[place].apply(Resubscribe(token, _GONE), now)
        self._withdraw(token, now)
        self._places[token] = number
        command = attrs.evolve(
            self._wanted[token],
            is_resolved=token in self._resolved,
        )
        self._sub_ids.pop(token, None)
        asked = self._session(number).apply(command, now)
        for output in asked:
            if isinstance(output, Send):
                self._sub_ids[token] = _event(output.text.encode()).get("subId")
        return outputs + asked

    def _withdraw(self, token: Hashable, now: float) -> None:
        place = self._displace(token)
        if place is not None:
            # All that comes of it is a message to nobody.
            self._sessions[place].apply(Unsubscribe(token), now)

    def _displace(self, token: Hashable) -> int | None:
        """Forget where a token's channel was asked for, and return where that was."""
        self._unanswered.discard(token)
        return self._places.pop(token, None)

    # --- what a session says ------------------------------------------------------------------

    def _translate(self, number: int, outputs: Iterable[Output]) -> Iterator[Output]:
        """Yield what is to be done here of what the session of a connection wants done."""
        for output in outputs:
            if isinstance(output, Send):
                continue
            if isinstance(output, Change):
                if number == self._first:
                    yield output
            elif isinstance(output, Displaced):
                self._displace(output.token)
            elif isinstance(output, Resolve):
                yield from self._resolve(output)
            elif isinstance(output, Reopen):
                yield from self._reopen(number, output)
            else:
                yield output

    def _resolve(self, output: Resolve) -> Iterator[Output]:
        token = output.token
        if output.error is None:
            self._resolved.add(token)
        else:
            self._displace(token)
            if token not in self._resolved:
                # It was refused, but later it was not: what has no answer at all is refused
                # before it gets here.
                return
            self._wanted.pop(token, None)
        yield output

    def _reopen(self, number: int, output: Reopen) -> Iterator[Output]:
        if number in self._open:
            self._open.discard(number)
            if number == self._first:
                yield Change(ConnectionStatus.RECONNECTING)
            yield from self._sessions[number].lose(output.reason)
        yield output


def _check_connections(known: Dict[int, Any]) -> None:
    if len(known) > MAX_CONNECTIONS:
        raise RemoteError(f"a recording of more than {MAX_CONNECTIONS} connections")


def _event(data: bytes) -> Dict[str, Any]:
    """Return the object that a message is; an empty one if it is something else."""
    if data.startswith(b"["):
        return {}
    try:
        value = _loads(data)
    except LOADS_ERRORS:
        return {}
    return value if isinstance(value, dict) else {}
