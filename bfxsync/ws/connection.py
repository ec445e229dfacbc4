"""
The I/O thread: it alone touches the socket and the session, and performs what the session says.

Strategy: other threads append to the outbox and send one byte through a socket pair, which the
selector watches beside the socket. Everything that waits, waits in that selector, until the
session's next deadline, so there are no timers and no polling. Only `Transport.connect` blocks,
for at most its timeout.
"""

from __future__ import annotations

import logging
import selectors
import socket
import time
from collections import deque
from threading import Event, Thread, current_thread
from typing import TYPE_CHECKING, Any, Callable, Deque, Hashable, Iterable, Tuple, cast

import attrs

from bfxsync.errors import BfxError, ClosedError, NetworkError
from bfxsync.models.stream import Status
from bfxsync.types import ConnectionStatus, NumberType, SubscriptionStatus
from bfxsync.wire.codec import loads_for
from bfxsync.wire.commands import Ping, Resubscribe, Subscribe, Unsubscribe
from bfxsync.wire.outputs import (
    Acknowledged,
    Asked,
    Change,
    Deliver,
    Fail,
    Output,
    Reopen,
    Report,
    Resolve,
    Send,
)
from bfxsync.wire.session import Session
from bfxsync.ws.backoff import Backoff
from bfxsync.ws.dispatch import Outlet
from bfxsync.ws.mailbox import Mailbox
from bfxsync.ws.stream import Stream, Ticket, Waiter
from bfxsync.ws.transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Protocol, assert_never

    class Owner(Protocol):
        """What a connection tells its pool; every call comes from the I/O thread."""

        exception: BfxError | None

        def opened(self) -> None: ...

        def disconnected(self, code: int, reason: str) -> None: ...

        def reported(self, error: BfxError) -> None: ...

        def released(self, ticket: Ticket) -> None: ...

        def failed(self, error: BfxError) -> None: ...

        def listener_for(self, stream: Stream) -> Outlet | None: ...


logger = logging.getLogger(__name__)

# How long the I/O thread steps aside, once per block, for a consumer that falls behind: a busy
# socket otherwise gets the interpreter back before the dispatch thread has woken up.
_YIELD_S = 0.0005


@attrs.frozen
class Settings:
    """How to connect."""

    url: str
    flags: int
    numbers: NumberType
    timeout_s: float
    proxy: str | None = attrs.field(repr=False)
    ca_bundle: str | None
    mailbox_size: int
    backoff: Backoff
    channels_per_connection: int


class Connection:
    """
    One connection to the exchange, kept open until `close`.

    Attributes
    ----------
    status : ConnectionStatus
    exception : BfxError or None
        What ended it for good.
    last_error : NetworkError or None
        Why the last attempt to connect failed.
    is_open : Event
        Set while requests can be sent, and when the connection has ended.
    load : int
        Channels that the pool has placed here.
    """

    def __init__(self, number: int, settings: Settings, owner: Owner) -> None:
        self.status = ConnectionStatus.NEW
        self.exception: BfxError | None = None
        self.last_error: NetworkError | None = None
        self.is_open = Event()
        self.load = 0
        self.session = Session(
            flags=settings.flags,
            loads=loads_for(settings.numbers),
            timeout_s=settings.timeout_s,
        )
        self._settings = settings
        self._owner = owner
        self._backoff = settings.backoff
        self._clock = time.monotonic
        self._streams: dict[tuple[str, ...], Stream] = {}
        self._transport: Transport | None = None
        self._outbox: Deque[Tuple[Callable[..., None], Tuple[Any, ...]]] = deque()
        self._is_closing = False
        self._is_finished = False
        self._reopen: Reopen | None = None
        self._was_opened = False
        self._is_crowded = False
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self._mask = 0
        self._thread = Thread(
            target=self._run, name=f"bfxsync-io-{number}", daemon=True
        )

    # --- any thread ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def attach(self, ticket: Ticket, timeout_s: float, expires: float | None) -> None:
        """Subscribe, or share the subscription that there is."""
        self._submit(self._attach, ticket, timeout_s, expires)

    def detach(self, ticket: Ticket) -> None:
        """Give a share up."""
        self._submit(self._detach, ticket)

    def resubscribe(self, ticket: Ticket) -> None:
        """Subscribe the channel of a ticket anew."""
        self._submit(self._resubscribe, ticket)

    def read(self, ticket: Ticket, reader: Mailbox) -> None:
        """Fill a reader from now on."""
        self._submit(self._read, ticket, reader)

    def listen(self) -> None:
        """Look again for who listens to events."""
        self._submit(self._listen)

    def ping(self, waiter: Waiter, expires: float) -> None:
        """Send a ping; the waiter is resolved by the pong."""
        self._submit(self._ping, waiter, expires)

    def close(self) -> None:
        """End the connection. Nothing here takes a lock: a signal handler may call it."""
        self._is_closing = True
        self._wake()

    def join(self, deadline: float) -> bool:
        """Wait for the thread's end; False if it is not there by then."""
        if self._thread is current_thread() or self._thread.ident is None:
            return True
        self._thread.join(max(0.0, deadline - self._clock()))
        return not self._thread.is_alive()

    def _submit(self, method: Callable[..., None], *arguments: Any) -> None:
        self._outbox.append((method, arguments))
        self._wake()
        if self._is_finished:
            # The thread ended between; nobody else would answer.
            self._refuse_outbox()

    def _wake(self) -> None:
        try:
            self._wake_out.send(b"\0")
        except OSError:
            # Full: it is awake already. Closed: it has ended.
            pass

    # --- the I/O thread -----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._is_closing and self.exception is None:
                if self._connect():
                    self._serve()
                    self._disconnect()
                if not self._is_closing and self.exception is None:
                    self._pause()
        except Exception as exc:
            logger.exception("the I/O thread failed; this is a mistake in bfxsync")
            self.exception = BfxError(f"the I/O thread failed: {exc!r}")
            self.exception.__cause__ = exc
        finally:
            self._end()

    def _connect(self) -> bool:
        first = self.status is ConnectionStatus.NEW
        self.status = (
            ConnectionStatus.CONNECTING if first else ConnectionStatus.RECONNECTING
        )
        settings = self._settings
        try:
            self._transport = Transport.connect(
                settings.url,
                timeout_s=settings.timeout_s,
                proxy=settings.proxy,
                ca_bundle=settings.ca_bundle,
            )
        except NetworkError as exc:
            self.last_error = exc
            logger.warning("%s", exc)
            return False
        self.last_error = None
        return True

    def _serve(self) -> None:
        transport = self._transport
        assert transport is not None
        now = self._clock()
        stable_at = now + self._settings.backoff.stable_s
        self._mask = transport.events
        self._selector.register(transport, self._mask)
        self._perform(self.session.open(now))
        while not self._is_closing and self.exception is None:
            due = self.session.next_deadline()
            readable = self._wait(transport, due)
            self._drain()
            if readable:
                messages = transport.read()
                self._perform(self.session.feed(messages, self._clock()))
            if due is None or self._clock() >= due:
                self._perform(self.session.tick(self._clock()))
            if self._reopen is not None or transport.lost is not None:
                break
            if self._is_crowded:
                self._is_crowded = False
                time.sleep(_YIELD_S)
        if self._clock() >= stable_at:
            self._backoff = self._backoff.reset()

    def _wait(self, transport: Transport, due: float | None) -> bool:
        """Wait for the next thing to do; return whether the socket may have something."""
        if transport.has_pending:
            return True
        if transport.events != self._mask:
            self._mask = transport.events
            self._selector.modify(transport, self._mask)
        readable = False
        for key, mask in self._select(due):
            if key.fileobj is transport:
                if mask & selectors.EVENT_WRITE:
                    transport.flush()
                # Also when only writable: TLS may have waited for that in order to read.
                readable = True
        return readable

    def _select(self, until: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        timeout = None if until is None else max(0.0, until - self._clock())
        ready = self._selector.select(timeout)
        for key, _ in ready:
            if key.fileobj is self._wake_in:
                # Before the outbox is emptied, so that a later append wakes again.
                self._wake_in.recv(4096)
        return ready

    def _disconnect(self) -> None:
        transport, reopen = self._transport, self._reopen
        assert transport is not None
        self._transport = self._reopen = None
        self._was_opened = False
        self._selector.unregister(transport)
        transport.close()
        code, reason = 1000, ""
        if reopen is not None:
            code, reason = reopen.code, reopen.reason
        elif transport.lost is not None:
            code, reason = transport.lost.code or 1006, str(transport.lost)
        self.is_open.clear()
        if not self._is_closing and self.exception is None:
            self.status = ConnectionStatus.RECONNECTING
            logger.warning("disconnected (%s: %s)", code, reason)
            self._perform(self.session.lose(reason))
        self._owner.disconnected(code, reason)

    def _pause(self) -> None:
        """Wait before the next attempt, taking commands and deadlines meanwhile."""
        code = self.last_error.code if self.last_error is not None else None
        delay_s = self._backoff.delay_s(code)
        self._backoff = self._backoff.failed()
        logger.info("connecting again in %.2f s", delay_s)
        until = self._clock() + delay_s
        while not self._is_closing and self._clock() < until:
            due = self.session.next_deadline()
            self._select(until if due is None else min(until, due))
            self._drain()
            self._perform(self.session.tick(self._clock()))

    def _drain(self) -> None:
        while self._outbox:
            method, arguments = self._outbox.popleft()
            method(*arguments)

    def _end(self) -> None:
        if self.exception is not None:
            # First, so that whoever is woken below finds it.
            self._owner.failed(self.exception)
        error = self._owner.exception
        self.status = (
            ConnectionStatus.CLOSED if error is None else ConnectionStatus.FAILED
        )
        if self._transport is not None:
            self._transport.close()
        waiting = error or ClosedError("the client was closed")
        for stream in self._streams.values():
            stream.end(error, waiting)
        self._streams.clear()
        for output in self.session.lose("closed"):
            if isinstance(output, Resolve) and isinstance(output.token, Waiter):
                output.token.resolve(waiting)
        self._is_finished = True
        self.is_open.set()
        self._refuse_outbox()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def _refuse_outbox(self) -> None:
        """Fail what came too late; popping is atomic, so two threads may do it at once."""
        error = self.exception or ClosedError("the client is closed")
        while True:
            try:
                _, arguments = self._outbox.popleft()
            except IndexError:
                return
            for argument in arguments:
                if isinstance(argument, Mailbox):
                    argument.close(self.exception)
                elif isinstance(argument, Waiter) and not argument.resolved.is_set():
                    argument.resolve(error)

    # --- commands -----------------------------------------------------------------------------

    def _attach(self, ticket: Ticket, timeout_s: float, expires: float | None) -> None:
        stream = self._streams.get(ticket.identity)
        if stream is not None:
            stream.attach(ticket)
            return
        stream = Stream(ticket.channel, ticket.subscription)
        stream.attach(ticket)
        self._streams[ticket.identity] = stream
        self._look_for_listener(stream)
        command = Subscribe(stream, stream.channel, timeout_s, expires)
        self._perform(self.session.apply(command, self._clock()))

    def _detach(self, ticket: Ticket) -> None:
        stream = self._streams.get(ticket.identity)
        if stream is not None and stream.detach(ticket):
            del self._streams[ticket.identity]
            self._perform(self.session.apply(Unsubscribe(stream), self._clock()))
        # Here as well as where it was asked for: what came between may have said otherwise.
        ticket.withdraw(ClosedError(f"{ticket.name}: unsubscribed"))

    def _resubscribe(self, ticket: Ticket) -> None:
        stream = self._streams.get(ticket.identity)
        if stream is not None:
            self._perform(self.session.apply(Resubscribe(stream), self._clock()))

    def _read(self, ticket: Ticket, reader: Mailbox) -> None:
        stream = self._streams.get(ticket.identity)
        if stream is not None:
            stream.read(ticket, reader)
        else:
            reader.close(ticket.error)

    def _listen(self) -> None:
        for stream in self._streams.values():
            self._look_for_listener(stream)

    def _look_for_listener(self, stream: Stream) -> None:
        outlet = self._owner.listener_for(stream)
        if outlet is not None:
            stream.listen(outlet)

    def _ping(self, waiter: Waiter, expires: float) -> None:
        self._perform(self.session.apply(Ping(waiter, expires), self._clock()))

    # --- outputs ------------------------------------------------------------------------------

    def _perform(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if isinstance(output, Deliver):
                # First, as it is by far the most frequent.
                if _stream(output.token).deliver(output.updates):
                    self._is_crowded = True
            elif isinstance(output, Send):
                if self._transport is not None:
                    logger.debug("> %s", output.text)
                    self._transport.send(output.text)
            elif isinstance(output, Asked):
                _stream(output.token).ask(self._clock())
            elif isinstance(output, Acknowledged):
                _stream(output.token).acknowledge(output)
            elif isinstance(output, Resolve):
                self._resolve(output.token, output.error)
            elif isinstance(output, Report):
                self._owner.reported(output.error)
            elif isinstance(output, Change):
                self._change(output.status)
            elif isinstance(output, Reopen):
                self._reopen = output
            elif isinstance(output, Fail):
                self.exception = output.error
            else:
                assert_never(output)

    def _resolve(self, token: Hashable, error: BfxError | None) -> None:
        if (
            error is not None
            and isinstance(error, NetworkError)
            and error.phase == "connect"
        ):
            error.__cause__ = self.last_error
        if not isinstance(token, Stream):
            cast(Waiter, token).resolve(error)
            return
        if error is not None:
            if not token.is_resolved:
                token.deliver([Status(SubscriptionStatus.REJECTED)])
                if not any(ticket.is_awaited for ticket in token.tickets):
                    self._owner.reported(error)
        token.resolve(error)
        if error is not None:
            self._streams.pop(token.channel.identity, None)
            for ticket in token.tickets:
                self._owner.released(ticket)

    def _change(self, status: ConnectionStatus) -> None:
        self.status = status
        if status is ConnectionStatus.OPEN:
            self.is_open.set()
            if not self._was_opened:
                self._was_opened = True
                logger.info("connected to %s", self._settings.url)
                self._owner.opened()


def _stream(token: Hashable) -> Stream:
    return cast(Stream, token)
