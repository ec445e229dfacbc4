"""
The account's channel of a recording, for `RecordedSession`.

Strategy: the messages of a recorded connection that authenticated go through an `AccountSession`
of the replay, exactly as received. Its own messages are discarded, and it is told that the recorded
client authenticated when it asks for that. There are no operations in a replay: what the recorded
client sent shows in the responses.
"""

from __future__ import annotations

from typing import Dict, Hashable, Iterable

from bfxsync.recording.contents import Contents
from bfxsync.wire.account_session import AccountSession
from bfxsync.wire.channels.account import AccountChannel
from bfxsync.wire.codec import Loads
from bfxsync.wire.commands import SendAuth, Subscribe
from bfxsync.wire.outputs import (
    AnyOutput,
    Authenticate,
    Deliver,
    Output,
    Reopen,
    Report,
    Requested,
    Resolve,
)

# The events that an account's session handles.
_EVENTS = ("info", "conf", "auth", "unauth")

_OUTPUTS = (Deliver, Report, Reopen, Requested, Resolve)


class RecordedAccount:
    """The account of a recording, on one connection at a time."""

    def __init__(self, contents: Contents, loads: Loads) -> None:
        self._contents = contents
        self._loads = loads
        self._command: Subscribe | None = None
        self._sessions: Dict[int, AccountSession] = {}
        # The connection that plays it now.
        self._number: int | None = None

    @property
    def token(self) -> Hashable:
        """The token of its subscription; None without one."""
        return None if self._command is None else self._command.token

    def subscribe(self, command: Subscribe) -> None:
        """Play the account for this subscription, unless there is one."""
        if self._command is None:
            self._command = command

    def unsubscribe(self) -> None:
        """Play the account no more."""
        self._command = self._number = None
        self._sessions.clear()

    def open(self, number: int, now: float) -> list[Output]:
        """Start with another socket of a connection, if that is the account's."""
        command = self._command
        if command is None or number not in self._contents.accounts:
            return []
        if self._number is not None:
            # Two at a time show the same account.
            return []
        self._number = number
        session = self._sessions.get(number)
        if session is None:
            channel = command.channel
            assert isinstance(channel, AccountChannel)
            flags = self._contents.flags.get(number, 0)
            session = AccountSession(channel, flags=flags, loads=self._loads)
            self._sessions[number] = session
            session.apply(command, now)
        return self._convert(session.open(now), now)

    def feed(
        self, number: int, name: str | None, message: bytes, now: float
    ) -> list[Output]:
        """Process a message; `name` is that of an event, None for any other message."""
        session = self._session_of(number)
        if session is None or (name is not None and name not in _EVENTS):
            return []
        # A replay has no other deadlines.
        early = session.start_without_rest(now)
        return self._convert([*early, *session.feed([message], now)], now)

    def lose(self, number: int, reason: str) -> list[Output]:
        """Handle the end of a socket."""
        session = self._session_of(number)
        if session is None:
            return []
        self._number = None
        return self._convert(session.lose(reason), 0.0)

    def _session_of(self, number: int) -> AccountSession | None:
        return self._sessions[number] if number == self._number else None

    def _convert(self, outputs: Iterable[AnyOutput], now: float) -> list[Output]:
        """Keep what a user of the replay is told."""
        converted: list[Output] = []
        for output in outputs:
            if isinstance(output, Authenticate) and self._number is not None:
                session = self._sessions[self._number]
                answered = session.apply(SendAuth({}), now)
                converted += self._convert(answered, now)
            elif isinstance(output, _OUTPUTS):
                converted.append(output)
        return converted
