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
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from bfxsync._base.enums import ConnectionStatus, LossCause
from bfxsync._base.hosts import shown
from bfxsync._base.logs import get_logger
from bfxsync.errors import BfxError, NetworkError
from bfxsync.recording.format import redact
from bfxsync.wire.audit import ClockWatch
from bfxsync.wire.codec import loads_for
from bfxsync.wire.outputs import Change, Fail, Reopen, Send
from bfxsync.wire.session import Session
from bfxsync.ws.io.backoff import TOO_MANY_REQUESTS
from bfxsync.ws.io.link import Link
from bfxsync.ws.io.transport import Transport
from bfxsync.ws.settings import ConnectionSettings

if TYPE_CHECKING:
    from typing_extensions import assert_never

    from bfxsync.ws.core.subscription_table import Owner, SocketOutput

logger = get_logger(__name__)

# How long the I/O thread steps aside, once per block, for a consumer that falls behind: a busy
# socket otherwise gets the interpreter back before the dispatch thread has woken up.
_YIELD_S = 0.0005

RETIRE_AFTER_S = 60.0
"""A further connection without channels is closed after this time."""


class Connection(Link):
    """One connection to the exchange, kept open until `close`."""

    exception: BfxError | None
    status: ConnectionStatus

    session: Session  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, number: int, settings: ConnectionSettings, owner: Owner) -> None:
        session = Session(
            flags=settings.flags,
            loads=loads_for(settings.numbers),
            timeout_s=settings.timeout_s,
            ping_after_s=settings.ping_after_s,
            stale_after_s=settings.stale_after_s,
        )
        super().__init__(
            number,
            session,
            owner,
            limit=settings.channels_per_connection,
            name=f"bfxsync-io-{number}",
        )
        self._settings = settings
        self._backoff = settings.backoff
        self._clock_watch = ClockWatch()
        self._transport: Transport | None = None
        self._reopen: Reopen | None = None
        # Why the last attempt to connect failed; None after one that did not.
        self._refusal: NetworkError | None = None
        self._was_opened = False
        # What was said of the present outage.
        self._told: set[str] = set()
        self._is_retired = False
        self._empty_since: float | None = None
        # Before the pair: if there is no descriptor for that, nothing is left open.
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self._mask = 0

    def detach_after_fork(self) -> None:
        """Close what the child of a fork got of the parent's, and say nothing on the wire."""
        self._is_closing = self._is_finished = True
        self.status = ConnectionStatus.CLOSED
        self._outbox.clear()
        if self._transport is not None:
            self._transport.detach_after_fork()
        # Not unregistered first: the kernel's object may be shared with the parent. Where it is
        # not (kqueue), it is closed already.
        with suppress(OSError):
            self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def _wake(self) -> None:
        try:
            self._wake_out.send(b"\0")
        except OSError:
            # Full: it is awake already. Closed: it has ended.
            pass

    # --- the I/O thread -----------------------------------------------------------------------

    def _run(self) -> None:
        while not self._is_over:
            self._await_turn()
            if self._is_over:
                break
            if self._connect():
                self._serve()
                self._disconnect()
                # Not only after the pause.
                self._owner.run_ready()
            if not self._is_over:
                self._pause()

    @property
    def _is_over(self) -> bool:
        return self._is_closing or self.exception is not None

    def _await_turn(self) -> None:
        """Wait until the exchange takes another connection from this process."""
        pace, url = self._settings.pace, self._settings.url
        at = pace.reserve(url, self._clock())
        if self._clock() < at:
            self._tell_turn(at - self._clock())
        while not self._is_over and self._clock() < at:
            self._rest(at)
            if pace.blocked_until(url) > at:
                # Another one was refused meanwhile. All that wait need new turns then, or they
                # would come at the same moment.
                pace.give_back(url, at)
                at = pace.reserve(url, self._clock())
        if self._is_over:
            # Or clients that come and go, as in a notebook, would hold up those after them.
            pace.give_back(url, at)

    def _tell_turn(self, seconds: float) -> None:
        message = (
            "this process has opened more connections than the exchange allows, or was refused "
            f"for that; the next one is due in {seconds:.0f} s"
        )
        self._tell("turn", "%s", message)
        # For those who wait: nothing else tells them why.
        self.streams.last_error = NetworkError(message, phase="connect")

    def _tell(self, topic: str, message: str, *arguments: object) -> None:
        """Log what keeps the connection down: the first of an outage as a warning."""
        log = logger.info if topic in self._told else logger.warning
        self._told.add(topic)
        log(message, *arguments)

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
            self.streams.last_error = self._refusal = exc
            refused = exc.code is not None
            cause = LossCause.REFUSED if refused else LossCause.UNREACHABLE
            self.losses[cause.value] += 1
            self._tell("outage", "%s; trying again", exc)
            return False
        self._refusal = None
        if settings.recorder is not None:
            settings.recorder.opened(self.number, settings.url)
        return True

    def _serve(self) -> None:
        transport = self._transport
        assert transport is not None
        now = self._clock()
        stable_at = now + self._settings.backoff.stable_s
        self._mask = transport.events
        self._selector.register(transport, self._mask)
        streams, session = self.streams, self.session
        recorder = self._settings.recorder
        streams.perform(session.open(now))
        while not self._is_over:
            due = session.next_deadline()
            readable = self._wait(transport, due)
            self._drain()
            if readable:
                messages = transport.read()
                if recorder is not None and messages:
                    recorder.received(self.number, messages)
                streams.perform(session.feed(messages, self._clock()))
            if due is None or self._clock() >= due:
                streams.perform(session.tick(self._clock()))
            self._owner.run_ready()
            if self._reopen is not None or transport.lost is not None:
                break
            if streams.is_crowded:
                streams.is_crowded = False
                time.sleep(_YIELD_S)
            if self.number > 1:
                self._retire_if_empty()
        if self._clock() >= stable_at and session.is_proven:
            # Only now is an outage over: a peer that takes connections and drops them, or brings
            # no data, is one.
            self._backoff = self._backoff.reset()
            self._told.clear()

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
        self._look_at_the_clocks()
        return ready

    def _look_at_the_clocks(self) -> None:
        now = self._clock()
        jump_s = self._clock_watch.observe(now, time.time())
        if jump_s:
            self.jump_count += 1
            logger.info("the clock has jumped by %.0f s; is the peer there?", jump_s)
            self.streams.perform(self.session.suspended(jump_s, now))

    def _retire_if_empty(self) -> None:
        """End a further connection that nobody has needed for a while."""
        now = self._clock()
        if len(self.streams):
            self._empty_since = None
        elif self._empty_since is None:
            self._empty_since = now
        elif now - self._empty_since >= RETIRE_AFTER_S and self._owner.retires(self):
            # Not with a timer: the pings that keep it open come around often enough.
            self._is_closing = self._is_retired = True

    def _disconnect(self) -> None:
        if self._is_finished:
            # Disowned: a callback on this thread has forked, and the socket is the parent's.
            return
        transport, reopen = self._transport, self._reopen
        assert transport is not None
        self._transport = self._reopen = None
        self._was_opened = False
        self._selector.unregister(transport)
        transport.close()
        code, reason, cause = 1000, "", None
        if reopen is not None:
            code, reason, cause = reopen.code, reopen.reason, reopen.cause
        elif transport.lost is not None:
            code, reason = transport.lost.code or 1006, str(transport.lost)
            cause = LossCause.CLOSED if transport.was_closed else LossCause.BROKEN
        self.is_open.clear()
        if not self._is_over and cause is not None:
            self.status = ConnectionStatus.RECONNECTING
            self.losses[cause.value] += 1
            url = shown(self._settings.url)
            self._tell("outage", "disconnected from %s (%s: %s)", url, code, reason)
            message = f"the connection was lost: {reason}"
            self.streams.last_error = NetworkError(message, phase="receive", code=code)
            self.streams.perform(self.session.lose(reason))
        if self._settings.recorder is not None:
            self._settings.recorder.lost(self.number, code, reason)
        if not self._is_retired:
            self._owner.disconnected(code, reason)

    def _pause(self) -> None:
        """Wait before the next attempt."""
        error = self._refusal
        code = error.code if error is not None else None
        asked_s = error.retry_after_s if error is not None else None
        delay_s = self._backoff.delay_s(code, retry_after_s=asked_s)
        self._backoff = self._backoff.failed()
        until = self._clock() + delay_s
        if code == TOO_MANY_REQUESTS:
            # The exchange has blocked the address, not this connection.
            self._settings.pace.block(self._settings.url, until)
        logger.info("connecting again in %.2f s", delay_s)
        while not self._is_over and self._clock() < until:
            self._rest(until)

    def _rest(self, until: float) -> None:
        """Wait without a socket, taking commands and deadlines meanwhile."""
        due = self.session.next_deadline()
        self._select(until if due is None else min(until, due))
        self._drain()
        self.streams.perform(self.session.tick(self._clock()))
        self._owner.run_ready()
        if self.number > 1 and not self.streams and self._owner.retires(self):
            # What it was for is gone: an attempt would only take another one's turn.
            self._is_closing = self._is_retired = True

    def _end(self) -> None:
        with ExitStack() as stack:
            # Called from the last to the first, each even if another one raises.
            stack.callback(self._wake_out.close)
            stack.callback(self._wake_in.close)
            stack.callback(self._selector.close)
            stack.callback(self._owner.run_ready)
            stack.callback(self._finish)
            if self._transport is not None:
                stack.callback(self._transport.close)

    # --- outputs ------------------------------------------------------------------------------

    def _take(self, output: SocketOutput) -> None:
        if isinstance(output, Send):
            if self._transport is not None:
                if logger.isEnabledFor(logging.DEBUG):
                    logger.debug("> %s", redact(output.text))
                if self._settings.recorder is not None:
                    self._settings.recorder.sent(self.number, output.text)
                self._transport.send(output.text)
        elif isinstance(output, Change):
            self.streams.last_error = output.trouble
            self._change(output.status)
        elif isinstance(output, Reopen):
            self._reopen = output
        elif isinstance(output, Fail):
            self.exception = output.error
        else:
            assert_never(output)

    def _change(self, status: ConnectionStatus) -> None:
        self.status = status
        if status is ConnectionStatus.OPEN:
            self.is_open.set()
            if not self._was_opened:
                self._was_opened = True
                logger.info("connected to %s", shown(self._settings.url))
                self._owner.opened()
