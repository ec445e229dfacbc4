"""Recordings as a user sees them."""

from __future__ import annotations

import math
import os
import sys
from datetime import datetime, timezone
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Mapping

import attrs

from bfxsync._base.describe import also_half_made
from bfxsync._base.plain import plain_real
from bfxsync.errors import SubscriptionRejected, UsageError
from bfxsync.recording.session import Contents
from bfxsync.types import NumberType, SubscriptionStatus
from bfxsync.ws.client import WebSocketClient
from bfxsync.ws.core.core import Core
from bfxsync.ws.core.shared_subscription import Subscriber
from bfxsync.ws.io.connection import ConnectionSettings
from bfxsync.ws.io.recorded_connection import Player, RecordedClock, lines_of
from bfxsync.ws.subscription import Subscription

# Nothing is opened there.
_NOWHERE = "ws://localhost"


class Replay(WebSocketClient):
    """
    A recording that is played through the same subscriptions as the exchange's own data.

    Subscribe first; nothing plays before `run`, `start`, or the first item that an iteration or
    `get` waits for. Callbacks and event handlers run one at a time on the thread that plays, so
    two runs call the same functions with the same values in the same order, and in each call a
    book is as it was then. Who reads is waited for. At the end iterations end and `run` returns.

    `subscribe` never waits here, whatever ``wait`` says. What `subscribe` and `close` promise
    holds as for a `WebSocketClient`; there is nobody who could answer `resubscribe` or `ping`.

    Parameters
    ----------
    path : str or os.PathLike
        Of a file made with ``Client(record=path)``; one that was cut off is good up to there.
    speed : float, optional
        1 is as fast as it was, 2 twice as fast; as fast as the consumers take it without.
    numbers : type
        `float` (default) or `decimal.Decimal`: the type of all number fields.
    mailbox_size : int
        Updates that may wait for an iteration; playing goes on when it has read most of them.
    on_error : callable, optional
        Gets what it would have got live, such as failed checksums and exceptions of callbacks,
        and a `RemoteError` where messages are missing in the recording.

    Attributes
    ----------
    channels : list of dict
        The fields of each channel that can be subscribed: ``channel``, ``symbol``, …
    begin, end : datetime or None
        When the recording began and ended (UTC); None if nothing stands in it.
    missing_count : int
        Messages that could not be recorded.

    Raises
    ------
    UsageError
        There is no such recording, or an argument is impossible.
    RemoteError
        The file is broken.
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
        checked_speed = _check_speed(speed)
        self._contents = Contents.of(lines_of(self._path))
        clock = RecordedClock(self._contents.begin or 0.0)
        self._connect = partial(
            _make_player, self._path, self._contents, clock, checked_speed
        )
        super().__init__(
            _NOWHERE,
            numbers=numbers,
            mailbox_size=mailbox_size,
            on_error=on_error,
            dispatch_threads=0,
            channels_per_connection=sys.maxsize,
        )
        self._settings = attrs.evolve(self._settings, clock=clock)
        self.channels: List[Dict[str, Any]] = [
            dict(fields) for fields in self._contents.channels
        ]
        self.begin = _utc(self._contents.begin)
        self.end = _utc(self._contents.end)
        self.missing_count = self._contents.missing_count

    @also_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._path}: {self.status.value}>"

    def start(self) -> None:
        """
        Begin to play in the background, and return at once.

        Raises
        ------
        ClosedError
            It is closed, or has ended.
        """
        super().start()
        self._player().play()

    def subscribe_many(
        self, requests: Iterable[Mapping[str, Any]], *, wait: bool = True
    ) -> List[Subscription]:
        """
        Subscribe to several channels; returns at once, whatever `wait` says.

        Raises
        ------
        SubscriptionRejected
            The recording has no such channel.
        """
        return super().subscribe_many(requests, wait=False)

    def resubscribe(self, sub_id: str) -> None:
        """Raise `UsageError`: a recording cannot be asked for anything."""
        raise UsageError("a recording cannot be asked for a channel once more")

    def wait_ready(self, timeout: float | None = None) -> None:
        """
        Wait until every subscription has its first data; see `WebSocketClient.wait_ready`.

        Raises
        ------
        UsageError
            It does not play yet.
        """
        if not self._core.is_closing and not self._player().is_playing:
            raise UsageError("nothing comes before start() or run()")
        super().wait_ready(timeout)

    def _player(self) -> Player:
        player = self._core.start()
        assert isinstance(player, Player)
        return player

    def _prepare(
        self, *arguments: Any, **options: Any
    ) -> tuple[Subscription, Subscriber]:
        prepared = super()._prepare(*arguments, **options)
        subscriber = prepared[1]
        channel = subscriber.channel
        if not self._contents.has(channel):
            # Its name is free again.
            subscriber.end(None, SubscriptionStatus.REJECTED)
            there = [" ".join(map(str, each.values())) for each in self.channels]
            raise SubscriptionRejected(
                f"{' '.join(channel.identity)} is not in the recording; there is "
                + (", ".join(there) or "nothing")
            )
        return prepared


def replay(
    path: str | os.PathLike[str],
    *,
    speed: float | None = None,
    numbers: NumberType = float,
    mailbox_size: int = 10_000,
    on_error: Callable[[BaseException], object] | None = None,
) -> Replay:
    """
    Return a recording as something to subscribe to; see `Replay` for the parameters.

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


def _make_player(
    path: str,
    contents: Contents,
    clock: RecordedClock,
    speed: float | None,
    number: int,
    settings: ConnectionSettings,
    owner: Core,
) -> Player:
    def end() -> None:
        owner.begin_close()
        owner.stopped.set()

    return Player(
        number,
        settings,
        owner,
        path=path,
        contents=contents,
        clock=clock,
        speed=speed,
        on_end=end,
    )


def _check_speed(speed: object) -> float | None:
    if speed is None:
        return None
    factor = plain_real(speed)
    if factor is not None and 0 < factor < math.inf:
        return factor
    raise UsageError(f"speed must be a positive number or None, not {speed!r}")


def _utc(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, timezone.utc)
