"""The client that plays a recording."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone
from functools import partial
from typing import Any, Callable, Dict, List

from bfxsync._base.aliases import NumberType
from bfxsync._base.describe import also_half_made
from bfxsync.checks.callbacks import check_callback
from bfxsync.checks.containers import optional
from bfxsync.checks.numbers import check_speed
from bfxsync.checks.times import check_seconds_or_zero
from bfxsync.errors import SubscriptionRejected, UsageError
from bfxsync.recording.contents import Contents
from bfxsync.recording.player import Player, RecordedClock, lines_of
from bfxsync.wire.channels import Channel
from bfxsync.wire.codec import loads_for
from bfxsync.ws.client import WebSocketClient
from bfxsync.ws.core.core import Core
from bfxsync.ws.dispatch.account_events import ACCOUNT_EVENTS
from bfxsync.ws.io.link import Link
from bfxsync.ws.io.recorded_connection import RecordedConnection
from bfxsync.ws.settings import ConnectionSettings

# Never connected to.
_NOWHERE = "ws://localhost"


class Replay(WebSocketClient):
    """
    A client that plays a recording through the same subscriptions as live data.

    Subscribe first: playing starts with `run`, `start`, or the first item that an iteration or
    `get` waits for. Callbacks and event handlers run one at a time on the playing thread, so two
    runs make the same calls with the same values in the same order, and in each call a book is as
    it was at that time. Slow readers pause the replay. At its end iterations end and `run` returns.

    `subscribe` never waits, even with ``wait=True``; otherwise `subscribe` and `close` work as in
    `WebSocketClient`. `resubscribe` and `ping` fail, as no exchange answers. `subscribe_account`
    needs no key; an account has no inputs here, and what the recorded client fetched by REST after
    an outage is not in the recording.

    Parameters
    ----------
    path : str or os.PathLike
        A file written by ``Client(record=path)``; a truncated one is played up to its last message.
    speed : float, optional
        1 for the recorded speed, 2 for twice that; default: as fast as the consumers allow.
    numbers : type
        `float` (default) or `decimal.Decimal`: the type of all number fields.
    mailbox_size : int
        Updates that may wait for an iteration before the replay pauses.
    on_error : callable, optional
        Receives the same errors as live, such as failed checksums and exceptions of callbacks,
        and a `RemoteError` where messages are missing from the recording.

    Attributes
    ----------
    channels : list of dict
        The fields of each recorded channel: ``channel``, ``symbol``, …
    begin, end : datetime or None
        Start and end of the recording (UTC); None if it is empty.
    missing_count : int
        Messages that could not be recorded.

    Raises
    ------
    UsageError
        The file does not exist or is not a recording, or an argument is invalid.
    RemoteError
        The file is damaged.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        speed: float | None = None,
        numbers: NumberType = float,
        mailbox_size: int = 10_000,
        on_error: Callable[[BaseException], object] | None = None,
    ) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise UsageError(f"a recording must be the path of a file, not {path!r}")
        self._path = os.fspath(path)
        checked_speed = check_speed(speed)
        self._contents = Contents.of(lines_of(self._path))
        clock = RecordedClock(self._contents.begin or 0.0)
        settings = ConnectionSettings(
            url=_NOWHERE,
            numbers=numbers,
            mailbox_size=mailbox_size,
            dispatch_threads=0,
            channels_per_connection=sys.maxsize,
            clock=clock,
        )
        check_callback("on_error", on_error, "error")
        play = partial(_connect, self._path, self._contents, clock, checked_speed)
        admit = partial(_check_recorded, self._contents)
        self._set_up(settings, on_error, play, admit=admit, never_waits=True)
        self.channels: List[Dict[str, Any]] = [
            dict(fields) for fields in self._contents.channels
        ]
        self.begin: datetime | None = _utc(self._contents.begin)
        self.end: datetime | None = _utc(self._contents.end)
        self.missing_count: int = self._contents.missing_count

    @also_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._path}: {self.status.value}>"

    def start(self) -> None:
        """Play in the background and return at once; `ClosedError` if it has ended."""
        super().start()
        if self._contents.accounts and self._handles_account:
            # As live, a handler is enough; with a subscription it is shared.
            self.subscribe_account()
        self._connection().play()

    def resubscribe(self, sub_id: str) -> None:
        """Raise `UsageError`, as a recording cannot be queried."""
        raise UsageError("a recording cannot resubscribe a channel")

    def wait_ready(self, timeout: float | None = None) -> None:
        """
        Wait until every subscription has its first data; see `WebSocketClient.wait_ready`.

        Raises `UsageError` if the replay has not been started.
        """
        if not self._core.lifetime.is_closing and not self._connection().is_playing:
            raise UsageError("there is no data before start() or run()")
        super().wait_ready(timeout)

    def wait_on_update(self, timeout: float | None = None) -> bool:
        """
        Play, and wait for an update; see `WebSocketClient.wait_on_update`.

        Unlike for an iteration, the replay does not pause for it: set `speed`.
        """
        optional(check_seconds_or_zero, "timeout", timeout)
        if not self._core.lifetime.is_closing:
            # First, or updates played before the wait would not count.
            self._core.dispatcher.update_signal.watch()
            self._connection().play()
        return super().wait_on_update(timeout)

    @property
    def _handles_account(self) -> bool:
        return self._core.publisher.listeners.wants(ACCOUNT_EVENTS)

    def _connection(self) -> RecordedConnection:
        connection = self._core.placement.first_link().worker
        assert isinstance(connection, RecordedConnection)
        return connection


def replay(
    path: str | os.PathLike[str],
    *,
    speed: float | None = None,
    numbers: NumberType = float,
    mailbox_size: int = 10_000,
    on_error: Callable[[BaseException], object] | None = None,
) -> Replay:
    """
    Return a client that plays a recording; see `Replay` for the parameters.

    Examples
    --------
    >>> with replay("run.jsonl.gz") as recording:  # doctest: +SKIP
    ...     recording.subscribe_trades("tBTCUSD", print)
    ...     recording.run()
    """
    return Replay(
        path,
        speed=speed,
        numbers=numbers,
        mailbox_size=mailbox_size,
        on_error=on_error,
    )


def _connect(
    path: str,
    contents: Contents,
    clock: RecordedClock,
    speed: float | None,
    number: int,
    settings: ConnectionSettings,
    owner: Core,
) -> Link:
    if number > 1:
        # Raw and typed subscriptions to a recorded channel exclude each other.
        raise UsageError(
            "a replay plays a channel either raw or typed, not both: use a second replay"
        )

    def end() -> None:
        owner.begin_close()
        owner.lifetime.stopped.set()

    player = Player(path, contents, clock, speed, loads_for(settings.numbers))
    return RecordedConnection(number, player, owner, end).link


def _check_recorded(contents: Contents, channel: Channel) -> None:
    if not contents.has(channel):
        known = [" ".join(map(str, fields.values())) for fields in contents.channels]
        raise SubscriptionRejected(
            f"{' '.join(channel.identity)} is not in the recording; there is "
            + (", ".join(known) or "nothing")
        )


def _utc(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, timezone.utc)
