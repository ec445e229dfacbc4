"""
A session that replays recorded messages instead of communicating with the exchange.

Strategy: each recorded connection has its own `Session`, which gets the messages exactly as
received; its own messages are discarded. A channel is requested where and when the recorded client
requested it, at the latest before its acknowledgement. Request ids differ, so the acknowledgement
is matched by its fields. There are no deadlines, as the effects of expired ones are in the
recording. The account's channel has a session of its own, see `RecordedAccount`.

The replay equals the recorded run except for channels that the recorded client subscribed later or
repeatedly: a subscription of the replay lasts from beginning to end, with a gap in between.
"""

from __future__ import annotations

from typing import Any, Dict, Hashable, Iterable, Iterator, Set

import attrs

from bfxsync._base.enums import ConnectionStatus, LossCause
from bfxsync.errors import NetworkError, RemoteError
from bfxsync.recording.account import RecordedAccount
from bfxsync.recording.contents import (
    ACCOUNT,
    Contents,
    check_connections,
    event_of,
)
from bfxsync.recording.format import Lost, Opened, Received, Record, Sent
from bfxsync.wire.channels import BookChannel
from bfxsync.wire.codec import Loads, dumps, loads_for
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

# Events about the recorded client's authentication.
_ABOUT_ACCOUNT = ("auth", "unauth")

# Reason of a gap without a loss of the connection.
_RESUBSCRIBED = "the recorded client subscribed again"


class RecordedSession:
    """All connections of a recording as one session; see `SessionProtocol`."""

    def __init__(self, contents: Contents, loads: Loads = loads_for()) -> None:
        self.frame_count: int = 0
        self.ping_s: float | None = None
        self._loads = loads
        self._contents = contents
        self._sessions: Dict[int, Session] = {}
        self._open: Set[int] = set()
        # The connection whose status is reported.
        self._first: int | None = None
        self._subscribes: Dict[Hashable, Subscribe] = {}
        # By token: the connection of the last request, ids of requests without a response yet in
        # the recording, and the request ids used here; the recorded client had others.
        self._connections: Dict[Hashable, int] = {}
        self._unanswered: Set[Hashable] = set()
        self._sub_ids: Dict[Hashable, Any] = {}
        self._resolved: Set[Hashable] = set()
        self._account = RecordedAccount(contents, loads)

    @property
    def tokens(self) -> list[Hashable]:
        """Tokens of all subscriptions, in order of subscription."""
        account = [] if self._account.token is None else [self._account.token]
        return [*self._subscribes, *account]

    def lose(self, reason: str) -> list[Output]:
        """Handle the end of the recording, when there are no waiting calls."""
        return []

    def apply(self, command: Command, now: float) -> list[Output]:
        """Execute a command of the user, as far as possible for a recording."""
        token = command.token
        if isinstance(command, Subscribe) and command.channel.name == ACCOUNT:
            self._account.subscribe(command)
        elif isinstance(command, Subscribe):
            # Requested where the recorded client did so.
            self._subscribes[token] = command
            if isinstance(command.channel, BookChannel):
                command.channel.is_recorded = True
        elif isinstance(command, Unsubscribe) and token == self._account.token:
            self._account.unsubscribe()
        elif isinstance(command, Unsubscribe):
            self._subscribes.pop(token, None)
            self._unsubscribe(token, now)
        elif isinstance(command, Ping):
            error = NetworkError("a recording does not answer pings", phase="send")
            return [Resolve(token, error)]
        return []

    def play(self, record: Record, now: float) -> list[Output]:
        """Process the next record; `now` must never decrease."""
        number = record.connection
        if self._first is None:
            self._first = number
        if isinstance(record, Received):
            outputs = self._play_received(number, record.message, now)
        elif isinstance(record, Opened):
            outputs = self._play_opened(number, now)
        elif isinstance(record, Sent):
            outputs = self._play_sent(number, record.text, now)
        elif isinstance(record, Lost):
            outputs = self._play_lost(number, record)
        else:
            outputs = self._play_missing(number, record.count)
        return list(self._translate(number, outputs))

    # --- records ------------------------------------------------------------------------------

    def _play_opened(self, number: int, now: float) -> list[Output]:
        session = self._session(number)
        # No outputs if the loss was recorded.
        outputs = self._lose(number, "the connection was replaced")
        self._open.add(number)
        return outputs + session.open(now) + self._account.open(number, now)

    def _lose(self, number: int, reason: str) -> list[Output]:
        lost = self._session(number).lose(reason)
        return lost + self._account.lose(number, reason)

    def _play_lost(self, number: int, record: Lost) -> list[Output]:
        if number not in self._open:
            return []
        cause = LossCause.CLOSED
        if record.code == _CLOSED_ABNORMALLY:
            cause = LossCause.BROKEN
        reopen = Reopen(record.reason, cause, record.code, record.is_farewell)
        if record.is_farewell:
            # The recorded client's own close, which delivered no gap.
            self._open.discard(number)
            self._account.lose(number, record.reason)
            return [Change(ConnectionStatus.CLOSED), reopen]
        return [reopen]

    def _play_missing(self, number: int, count: int) -> list[Output]:
        """Ignore a connection until it is opened again: its later messages cannot be trusted."""
        self._open.discard(number)
        reason = f"{count} messages were not recorded"
        outputs = self._lose(number, reason)
        return [*outputs, Report(RemoteError(reason))]

    def _play_sent(self, number: int, text: str, now: float) -> list[Output]:
        event = event_of(text.encode())
        outputs: list[Output] = []
        if event.get("event") == "subscribe":
            for token in self._matching_tokens(event):
                outputs += self._request(token, number, now)
                self._unanswered.add(token)
        return outputs

    def _play_received(self, number: int, message: bytes, now: float) -> list[Output]:
        event = event_of(message)
        outputs: list[Output] = []
        if number not in self._open:
            is_greeting = event.get("event") == "info" and "version" in event
            if number in self._sessions and not is_greeting:
                return []
            # Programs other than bfxsync may not record openings.
            outputs = self._play_opened(number, now)
        self.frame_count += 1
        name = event.get("event")
        account = self._account.feed(number, name, message, now)
        if name in _ABOUT_ACCOUNT or (not event and self._is_of_account(number)):
            return outputs + account
        is_changed = event.pop("subId", None) is not None
        if name == "subscribed":
            for token in self._matching_tokens(event):
                if token not in self._unanswered or self._connections[token] != number:
                    outputs += self._request(token, number, now)
                self._unanswered.discard(token)
                if token in self._sub_ids:
                    event["subId"] = self._sub_ids[token]
                    is_changed = True
        if is_changed:
            message = dumps(event).encode()
        return outputs + self._sessions[number].feed([message], now) + account

    def _is_of_account(self, number: int) -> bool:
        """Return whether a connection has the channel of an account and no others."""
        return (
            number in self._contents.accounts
            and number not in self._connections.values()
        )

    # --- the sessions of the recorded connections -----------------------------------------------

    def _session(self, number: int) -> Session:
        session = self._sessions.get(number)
        if session is None:
            flags = self._contents.flags.get(number, 0)
            session = self._sessions[number] = Session(flags=flags, loads=self._loads)
            check_connections(self._sessions)
        return session

    def _matching_tokens(self, fields: Dict[str, Any]) -> list[Hashable]:
        return [
            token
            for token, command in self._subscribes.items()
            if command.channel.matches(fields)
        ]

    def _request(self, token: Hashable, number: int, now: float) -> list[Output]:
        """Subscribe on a connection, replacing any earlier subscription."""
        outputs: list[Output] = []
        earlier = self._connections.get(token)
        if earlier is not None:
            # Delivers the gap, unless there is one already.
            command = Resubscribe(token, _RESUBSCRIBED)
            outputs += self._sessions[earlier].apply(command, now)
        self._unsubscribe(token, now)
        self._connections[token] = number
        self._sub_ids.pop(token, None)
        subscribe = attrs.evolve(
            self._subscribes[token], is_resolved=token in self._resolved
        )
        requested = self._session(number).apply(subscribe, now)
        for output in requested:
            if isinstance(output, Send):
                self._sub_ids[token] = event_of(output.text.encode()).get("subId")
        return outputs + requested

    def _unsubscribe(self, token: Hashable, now: float) -> None:
        number = self._forget_connection(token)
        if number is not None:
            # Its outputs are messages to the exchange.
            self._sessions[number].apply(Unsubscribe(token), now)

    def _forget_connection(self, token: Hashable) -> int | None:
        self._unanswered.discard(token)
        return self._connections.pop(token, None)

    # --- outputs ------------------------------------------------------------------------------

    def _translate(self, number: int, outputs: Iterable[Output]) -> Iterator[Output]:
        """Convert the outputs of one connection's session to those of the replay."""
        for output in outputs:
            if isinstance(output, Send):
                continue
            if isinstance(output, Change):
                if number == self._first:
                    yield output
            elif isinstance(output, Displaced):
                self._forget_connection(output.token)
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
            self._forget_connection(token)
            if token not in self._resolved:
                # Refused at first and accepted later: a channel that is not in the recording at
                # all is refused earlier.
                return
            self._subscribes.pop(token, None)
        yield output

    def _reopen(self, number: int, output: Reopen) -> Iterator[Output]:
        if number in self._open:
            self._open.discard(number)
            if number == self._first:
                yield Change(ConnectionStatus.RECONNECTING)
            yield from self._lose(number, output.reason)
        yield output
