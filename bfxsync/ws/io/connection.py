"""
The I/O thread of a connection: owns the socket and the session, and performs its outputs.

Strategy: other threads append to the outbox of the link and send one byte through a socket pair,
which is watched in addition to the socket. All waiting is done in one system call, until the
session's next deadline, so there are no timers and no polling. Only `Transport.connect` blocks,
for at most its timeout.
"""

from __future__ import annotations

import logging
import selectors
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from bfxsync._base.enums import ConnectionStatus, LossCause
from bfxsync._base.hosts import shown
from bfxsync._base.logs import get_logger
from bfxsync.errors import NetworkError
from bfxsync.recording.secrets import redact
from bfxsync.wire.audit import ClockWatch
from bfxsync.wire.outputs import Reopen
from bfxsync.wire.session import Session
from bfxsync.ws.core.subscription_table import Owner
from bfxsync.ws.dispatch.mailbox import Mailbox
from bfxsync.ws.io.backoff import TOO_MANY_REQUESTS
from bfxsync.ws.io.link import RETIRE_AFTER_S, Link
from bfxsync.ws.io.poller import WRITE, Poller, Ready
from bfxsync.ws.io.transport import Transport
from bfxsync.ws.settings import ConnectionSettings

if TYPE_CHECKING:
    from bfxsync.wire.account_session import AccountSession

_log = get_logger(__name__)

# How long the I/O thread sleeps after each block while a consumer falls behind: with a busy socket
# it would otherwise reacquire the GIL before the dispatch thread has woken up.
_YIELD_S = 0.0005

# How often the deadline is calculated again, as frames postpone it, and the clocks are compared.
_REVIEW_S = _WATCH_S = 1.0


class Connection:
    """
    One connection to the exchange, kept open until its link closes.

    By default it has public channels. `options` are those of `Link`.
    """

    def __init__(
        self,
        number: int,
        settings: ConnectionSettings,
        owner: Owner,
        session: Session | AccountSession | None = None,
        **options: Any,
    ) -> None:
        if session is None:
            session = Session(flags=settings.flags, **settings.session_options)
        self._session = session
        options.setdefault("limit", settings.channels_per_connection)
        self.link: Link = Link(
            number,
            session,
            owner,
            self,
            thread_name=f"bfxsync-io-{number}",
            **options,
        )
        self._table = self.link.table
        self._owner = owner
        self._settings = settings
        self._clock = self.link.clock
        self._backoff = settings.backoff
        self._clock_watch = ClockWatch()
        self._transport: Transport | None = None
        self._reopen: Reopen | None = None
        # Why the last attempt to connect failed; None after a successful one.
        self._refusal: NetworkError | None = None
        # Topics logged during the current outage.
        self._logged: set[str] = set()
        # Start of the current outage; None while requests can be sent.
        self._lost_at: float | None = None
        self._poller = Poller()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._wake_descriptor = self._wake_in.fileno()
        self._poller.register(self._wake_descriptor, selectors.EVENT_READ)
        self._mask = 0
        # When the clocks were last compared, by the wall clock.
        self._watched_at = 0.0

    # --- any thread ---------------------------------------------------------------------------

    def detach_after_fork(self) -> None:
        """Close the child's copies of the sockets without sending anything."""
        if self._transport is not None:
            self._transport.detach_after_fork()
        self._wake_in.close()
        self._wake_out.close()

    def watch(self, reader: Mailbox) -> None:
        """Do nothing, as a connection does not wait for its readers."""

    def wake(self) -> None:
        """Make the thread check its outbox."""
        try:
            self._wake_out.send(b"\0")
        except OSError:
            # If the pair is full, the thread is already awake; if closed, it has ended.
            pass

    # --- the I/O thread -----------------------------------------------------------------------

    def run(self) -> None:
        """Connect, serve and reconnect, until the link is closed."""
        link = self.link
        while not link.is_over:
            self._await_turn()
            if link.is_over:
                break
            if self._connect():
                self._serve()
                self._disconnect()
                # Not only after the pause.
                self._owner.run_ready()
            if not link.is_over:
                self._pause()

    def shut_down(self) -> None:
        """Close the sockets, and end the subscriptions."""
        with ExitStack() as stack:
            # Called from the last to the first, each even if another one raises.
            stack.callback(self._wake_out.close)
            stack.callback(self._wake_in.close)
            stack.callback(self._owner.run_ready)
            stack.callback(self.link.finish)
            if self._transport is not None:
                stack.callback(self._transport.close)

    def _await_turn(self) -> None:
        """Wait until the exchange accepts another connection from this process."""
        limiter, url = self._settings.pace, self._settings.url
        at = limiter.reserve(url, self._clock())
        if self._clock() < at:
            self._announce_turn(at - self._clock())
        while not self.link.is_over and self._clock() < at:
            self._rest(min(at, self._clock() + _REVIEW_S))
            at = limiter.review(url, at, self._clock())
        if self.link.is_over:
            # Returned, or short-lived clients, as in a notebook, would delay later ones.
            limiter.give_back(url, at)

    def _announce_turn(self, seconds: float) -> None:
        message = (
            "this process has reached the exchange's limit of connections, or the exchange has "
            f"refused one; the next attempt is in {seconds:.0f} s"
        )
        self._log_outage("turn", "%s", message)
        # Reported by waiting calls when they time out.
        self.link.last_error = NetworkError(message, phase="connect")

    def _log_outage(self, topic: str, message: str, *arguments: object) -> None:
        """Log a topic as a warning once per outage, and as info from then on."""
        log = _log.info if topic in self._logged else _log.warning
        self._logged.add(topic)
        log(message, *arguments)

    def _connect(self) -> bool:
        first = self.link.status is ConnectionStatus.NEW
        self.link.status = (
            ConnectionStatus.CONNECTING if first else ConnectionStatus.RECONNECTING
        )
        settings = self._settings
        try:
            self._transport = Transport.connect(
                settings.url,
                timeout_s=settings.timeout_s,
                proxy=settings.proxy,
                ca_bundle=settings.ca_bundle,
                traffic=self.link.traffic,
            )
        except NetworkError as exc:
            self.link.last_error = self._refusal = exc
            refused = exc.code is not None
            cause = LossCause.REFUSED if refused else LossCause.UNREACHABLE
            self.link.losses[cause.value] += 1
            self._log_outage("outage", "%s; trying again", exc)
            return False
        self._refusal = None
        if settings.recorder is not None:
            settings.recorder.opened(self.link.number, settings.url)
        return True

    def _serve(self) -> None:
        transport = self._transport
        assert transport is not None
        now = self._clock()
        stable_at = now + self._settings.backoff.stable_s
        self._mask = transport.events
        self._poller.register(transport.fileno(), self._mask)
        link, totals, session = self.link, self._table.totals, self._session
        recorder = self._settings.recorder
        with transport.batch():
            # Together with the subscriptions made while it connected, so that all requests leave in
            # one packet.
            link.perform(session.open(now))
            link.execute()
        due: float | None = None
        review_at = 0.0
        while not link.is_over:
            if session.is_rescheduled or now >= review_at:
                session.is_rescheduled = False
                due = session.next_deadline()
                review_at = now + _REVIEW_S
            readable = self._wait(transport, due)
            link.execute()
            if readable:
                messages = transport.read()
                if recorder is not None and messages:
                    recorder.received(link.number, messages)
                now = self._clock()
                link.perform(session.feed(messages, now), now)
                if now >= link.meter.due:
                    link.meter.observe(now, *link.counts)
            else:
                now = self._clock()
            if due is None or now >= due:
                link.perform(session.tick(now))
            # As late as possible: earlier, dispatch threads would only compete for the GIL.
            self._owner.run_ready()
            if self._reopen is not None or transport.lost is not None:
                break
            if totals.is_crowded:
                totals.is_crowded = False
                time.sleep(_YIELD_S)
            if link.number > 1:
                link.retire_if_empty(RETIRE_AFTER_S)
        if self._clock() >= stable_at and session.is_proven:
            # An outage ends only now: it continues if the peer accepts connections but drops them
            # or sends no data.
            self._backoff = self._backoff.reset()
            self._logged.clear()

    def _wait(self, transport: Transport, due: float | None) -> bool:
        """Wait for work until the deadline; return whether the socket may be readable."""
        if transport.has_pending:
            return True
        if transport.events != self._mask:
            self._mask = transport.events
            self._poller.register(transport.fileno(), self._mask)
        readable = False
        for descriptor, mask in self._poll(due):
            if descriptor != self._wake_descriptor:
                if mask & WRITE:
                    transport.flush()
                # Also if only writable: TLS may need to write in order to read.
                readable = True
        return readable

    def _poll(self, until: float | None) -> Ready:
        timeout = None if until is None else max(0.0, until - self._clock())
        ready = self._poller.poll(timeout)
        for descriptor, _ in ready:
            if descriptor == self._wake_descriptor:
                # Before the outbox is emptied, so that a later append wakes the thread again.
                self._wake_in.recv(4096)
        wall = time.time()
        if not 0.0 <= wall - self._watched_at < _WATCH_S:
            # Time has passed, or after a suspend only the wall clock shows it.
            self._watched_at = wall
            self._watch_clocks(wall)
        return ready

    def _watch_clocks(self, wall: float) -> None:
        now = self._clock()
        jump_s = self._clock_watch.observe(now, wall)
        if jump_s:
            self.link.jump_count += 1
            if self._lost_at is not None:
                self._lost_at -= jump_s
            _log.info("the clock has jumped by %.0f s; probing the peer", jump_s)
            self.link.perform(self._session.suspended(jump_s, now))

    def _disconnect(self) -> None:
        if self.link.is_finished:
            # Detached: a callback on this thread has forked, and the socket belongs to the parent.
            return
        transport, reopen = self._transport, self._reopen
        assert transport is not None
        self._transport = self._reopen = None
        self._poller.unregister(transport.fileno())
        code, reason = self._owner.lifetime.farewell
        cause = None
        lost = transport.lost
        transport.close(code, reason)
        if reopen is not None:
            code, reason, cause = reopen.code, reopen.reason, reopen.cause
        elif lost is not None:
            code, reason = lost.code or 1006, str(lost)
            cause = LossCause.CLOSED if transport.was_closed else LossCause.BROKEN
        self.link.is_open.clear()
        will_reconnect = not self.link.is_over and cause is not None
        if will_reconnect and cause is not None:
            if self._lost_at is None:
                self._lost_at = self._clock()
            self.link.status = ConnectionStatus.RECONNECTING
            self.link.losses[cause.value] += 1
            url = shown(self._settings.url)
            self._log_outage(
                "outage", "disconnected from %s (%s: %s)", url, code, reason
            )
            message = f"the connection was lost: {reason}"
            self.link.last_error = NetworkError(message, phase="receive", code=code)
            self.link.perform(self._session.lose(reason))
        if self._settings.recorder is not None:
            self._settings.recorder.lost(self.link.number, code, reason, cause is None)
        if not self.link.is_retired:
            self._owner.publisher.disconnected(code, reason, will_reconnect)

    def _pause(self) -> None:
        """Wait before the next attempt."""
        code = asked_s = None
        if self._refusal is not None:
            code, asked_s = self._refusal.code, self._refusal.retry_after_s
        delay_s = self._backoff.delay_s(code, retry_after_s=asked_s)
        self._backoff = self._backoff.failed()
        until = self._clock() + delay_s
        if code == TOO_MANY_REQUESTS:
            # The exchange has blocked the address, not only this connection.
            self._settings.pace.block(self._settings.url, until)
        _log.info("connecting again in %.2f s", delay_s)
        while not self.link.is_over and self._clock() < until:
            self._rest(until)

    def _rest(self, until: float) -> None:
        """Wait without a socket, executing commands and deadlines."""
        due = self._session.next_deadline()
        self._poll(until if due is None else min(until, due))
        self.link.execute()
        self.link.perform(self._session.tick(self._clock()))
        self._owner.run_ready()
        # Without channels an attempt would only delay other connections.
        self.link.retire_if_empty()

    # --- outputs ------------------------------------------------------------------------------

    def opened(self) -> None:
        """Log the connection, and publish `open` or `restored`."""
        _log.info("connected to %s", shown(self._settings.url))
        lost_at, self._lost_at = self._lost_at, None
        gap_s = None if lost_at is None else self._clock() - lost_at
        self._owner.publisher.opened(gap_s)

    def send(self, text: str) -> None:
        """Send a text message, if there is a socket."""
        if self._transport is None:
            return
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("> %s", redact(text))
        if self._settings.recorder is not None:
            self._settings.recorder.sent(self.link.number, text)
        self._transport.send(text)

    def reopen(self, output: Reopen) -> None:
        """Replace the socket after this block."""
        self._reopen = output
