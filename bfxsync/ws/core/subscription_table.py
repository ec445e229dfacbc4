"""
The subscriptions of one connection: what the session says about them, carried out for the users.

Everything here runs on the thread that owns the connection.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Callable, Hashable, Iterable, Union, cast

from bfxsync._base.enums import SubscriptionStatus
from bfxsync.errors import BfxError, ClosedError, NetworkError
from bfxsync.models.stream import Status
from bfxsync.wire.commands import Ping, Resubscribe, Subscribe, Unsubscribe
from bfxsync.wire.outputs import (
    Acknowledged,
    Change,
    Delayed,
    Deliver,
    Displaced,
    Fail,
    Output,
    Reopen,
    Report,
    Requested,
    Resolve,
    Send,
)
from bfxsync.wire.session_protocol import SessionProtocol
from bfxsync.ws.core.shared_subscription import SharedSubscription, Subscriber, Waiter
from bfxsync.ws.dispatch.dispatcher import CallbackQueue
from bfxsync.ws.dispatch.mailbox import Mailbox

if TYPE_CHECKING:
    from typing_extensions import Protocol

    class Owner(Protocol):
        """What a connection tells its pool; every call comes from the connection's thread."""

        exception: BfxError | None

        def opened(self) -> None: ...

        def disconnected(self, code: int, reason: str) -> None: ...

        def reported(self, error: BfxError) -> None: ...

        def released(self, subscriber: Subscriber) -> None: ...

        def home(self, subscriber: Subscriber) -> Any: ...

        def detach(self, *subscribers: Subscriber) -> None: ...

        def sends_on(self, connection: Any, subscriber: Subscriber) -> bool: ...

        def displaced(
            self, connection: Any, stream: SharedSubscription, limit: int | None
        ) -> None: ...

        def failed(self, error: BfxError) -> None: ...

        def listener_for(self, stream: SharedSubscription) -> CallbackQueue | None: ...

        def run_ready(self) -> None: ...

        def retires(self, connection: Any) -> bool: ...


SocketOutput = Union[Send, Change, Reopen, Fail]
"""What is left to the connection itself."""


class SubscriptionTable:
    """
    The streams of a connection, by what they are subscribed to.

    Parameters
    ----------
    session : SessionProtocol
    owner : Owner
    clock : callable
        The time that the session is told.
    take : callable
        Carries out what concerns the connection itself.
    line : Line
        The connection, as its owner knows it.

    Attributes
    ----------
    last_error : BfxError or None
        Why requests cannot be sent (the last attempt to connect, the loss, a maintenance), or what
        was refused; waiting calls whose timeout passes name it.
    is_crowded : bool
        Set when a consumer has fallen behind; whoever looks at it sets it back.
    update_count, gap_count : int
        Since the start, over all streams that there were.
    drop_count : int
        Updates thrown away for slow event handlers, of streams that are no more.
    """

    def __init__(
        self,
        session: SessionProtocol,
        owner: Owner,
        clock: Callable[[], float],
        take: Callable[[SocketOutput], None],
        line: Any = None,
    ) -> None:
        self.last_error: BfxError | None = None
        self.is_crowded: bool = False
        self.update_count: int = 0
        self.gap_count: int = 0
        self.drop_count: int = 0
        self._session = session
        self._owner = owner
        self._clock = clock
        self._take = take
        self._line = line
        self._streams: dict[tuple[str, ...], SharedSubscription] = {}

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def listening(self) -> list[Mailbox]:
        """What waits for event handlers; for any thread."""
        callback_queues = [stream.listener for stream in list(self._streams.values())]
        return [
            callback_queue.mailbox
            for callback_queue in callback_queues
            if callback_queue is not None
        ]

    # --- commands -----------------------------------------------------------------------------

    def attach(self, subscriber: Subscriber) -> None:
        """Subscribe, or share the subscription that there is."""
        stream = self._streams.get(subscriber.identity)
        if stream is not None:
            stream.attach(subscriber)
            return
        if self._owner.sends_on(self._line, subscriber):
            return
        stream = SharedSubscription(subscriber.channel, subscriber.subscription)
        stream.attach(subscriber)
        self._begin(stream)

    def adopt(self, stream: SharedSubscription) -> None:
        """Go on with a stream that has left another connection."""
        # Those who gave it up meanwhile did not find it where they looked.
        for subscriber in [
            subscriber for subscriber in stream.subscribers if subscriber.is_released
        ]:
            stream.detach(subscriber)
        earlier = self._streams.get(stream.channel.identity)
        if earlier is not None:
            # Somebody asked for the same thing in between.
            stream.join(earlier)
            self._count_out(stream)
        elif stream.subscribers:
            self._begin(stream)

    def detach(self, subscriber: Subscriber) -> None:
        """Give a share up."""
        stream = self._streams.get(subscriber.identity)
        if stream is not None and stream.detach(subscriber):
            del self._streams[subscriber.identity]
            self._count_out(stream)
            self._apply(Unsubscribe(stream))
        # What it dropped after it was taken off the books.
        self.drop_count += subscriber.dropped_count - subscriber.counted_drops
        subscriber.counted_drops = subscriber.dropped_count
        # Here as well as where it was asked for: what came between may have said otherwise.
        subscriber.withdraw(ClosedError(f"{subscriber.name}: unsubscribed"))

    def drop(self, subscriber: Subscriber) -> None:
        """Give up a share that nobody can read any more, or no more than its reader."""
        if subscriber.callback_queue is None:
            self._owner.detach(subscriber)
            return
        reader, stream = subscriber.reader, self._streams.get(subscriber.identity)
        if reader is not None:
            reader.discard()
            if stream is not None:
                stream.stop_reading(reader)

    def resubscribe(self, subscriber: Subscriber) -> None:
        """Subscribe the channel of a ticket anew."""
        stream = self._streams.get(subscriber.identity)
        if stream is not None:
            self._apply(Resubscribe(stream))

    def read(self, subscriber: Subscriber, reader: Mailbox) -> None:
        """Fill a reader from now on."""
        stream = self._streams.get(subscriber.identity)
        if stream is not None and subscriber in stream.subscribers:
            stream.read(subscriber, reader)
            return
        home = self._owner.home(subscriber)
        if home is None:
            reader.close(subscriber.error)
        elif home is not self._line:
            # It has moved meanwhile. (If it is on its way here, it begins when it comes.)
            home.read(subscriber, reader)

    def listen(self) -> None:
        """Look again for who listens to events."""
        for stream in self._streams.values():
            self._look_for_listener(stream)

    def ping(self, waiter: Waiter, expires: float) -> None:
        """Send a ping; the waiter is resolved by the pong."""
        self._apply(Ping(waiter, expires))

    # --- outputs ------------------------------------------------------------------------------

    def perform(self, outputs: Iterable[Output]) -> None:
        """Do what the session wants done, in order."""
        for output in outputs:
            if isinstance(output, Deliver):
                # First, as it is by far the most frequent.
                stream = cast(SharedSubscription, output.token)
                gaps = stream.gap_count
                self.update_count += stream.deliver(output.updates)
                self.gap_count += stream.gap_count - gaps
                if stream.is_crowded:
                    self.is_crowded = True
            elif isinstance(output, Requested):
                cast(SharedSubscription, output.token).ask(self._clock())
            elif isinstance(output, Delayed):
                cast(SharedSubscription, output.token).delay(output.error)
            elif isinstance(output, Acknowledged):
                cast(SharedSubscription, output.token).acknowledge(output)
            elif isinstance(output, Resolve):
                self._resolve(output.token, output.error)
            elif isinstance(output, Displaced):
                stream = self._streams.pop(
                    cast(SharedSubscription, output.token).channel.identity
                )
                stream.is_resolved = output.is_resolved
                if output.limit is not None:
                    # There was no room for it: it has yet to be requested.
                    stream.ask(None)
                self._displace(stream, output)
            elif isinstance(output, Report):
                self._owner.reported(output.error)
            else:
                self._take(output)

    def end(self, error: BfxError | None, waiting: BfxError) -> None:
        """End everything: iterations with `error`, if any, and those who wait with `waiting`."""
        with ExitStack() as stack:
            # Each is ended even if another one fails, as after a mistake anything may be broken.
            stack.callback(self._end_waiting, waiting)
            for stream in self._streams.values():
                stack.callback(self._count_out, stream)
                stack.callback(stream.end, error, waiting)
        self._streams.clear()

    def _end_waiting(self, waiting: BfxError) -> None:
        for output in self._session.lose("closed"):
            if isinstance(output, Resolve) and isinstance(output.token, Waiter):
                output.token.resolve(waiting)

    def _begin(self, stream: SharedSubscription) -> None:
        self._streams[stream.channel.identity] = stream
        self._look_for_listener(stream)
        self._apply(Subscribe(stream, stream.channel, stream.is_resolved))

    def _apply(self, command: Subscribe | Unsubscribe | Resubscribe | Ping) -> None:
        self.perform(self._session.apply(command, self._clock()))

    def _count_out(self, stream: SharedSubscription) -> None:
        if stream.listener is not None:
            self.drop_count += stream.listener.mailbox.dropped_count

    def _look_for_listener(self, stream: SharedSubscription) -> None:
        callback_queue = self._owner.listener_for(stream)
        if callback_queue is not None:
            stream.listen(callback_queue)

    def _displace(self, stream: SharedSubscription, output: Displaced) -> None:
        try:
            self._owner.displaced(self._line, stream, output.limit)
        except NetworkError as exc:
            if output.limit is None:
                # There is room where it was.
                self._begin(stream)
                return
            # No thread or no descriptor for a further connection: that is this channel's loss.
            if stream.is_resolved:
                stream.deliver([Status(SubscriptionStatus.REJECTED)])
                self._owner.reported(exc)
            self._resolve(stream, exc)

    def _resolve(self, token: Hashable, error: BfxError | None) -> None:
        if not isinstance(token, SharedSubscription):
            cast(Waiter, token).resolve(error)
            return
        if error is not None and not token.is_resolved:
            token.deliver([Status(SubscriptionStatus.REJECTED)])
            if not all(subscriber.is_awaited for subscriber in token.subscribers):
                self._owner.reported(error)
        token.resolve(error)
        if error is not None:
            self._streams.pop(token.channel.identity, None)
            self._count_out(token)
            for subscriber in token.subscribers:
                self._owner.released(subscriber)
