"""
The interface of a connection for other threads: its status, and an outbox for commands.

Strategy: every call appends a command to the outbox and wakes the connection's thread, which
executes it. Commands that are still in the outbox when the thread has ended are refused by the
first thread that notices.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from contextlib import ExitStack
from functools import partial
from threading import Thread, current_thread
from typing import TYPE_CHECKING, Callable, Deque, Protocol

import attrs

from bfxsync._base.describe import error_text
from bfxsync._base.enums import ConnectionStatus
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync._base.rates import RateMeter
from bfxsync._base.shield import start_thread
from bfxsync.errors import BfxError, ClosedError
from bfxsync.wire.commands import SessionProtocol
from bfxsync.wire.outputs import Change, Deliver, Fail, Reopen, Send
from bfxsync.ws.core.shared_subscription import SharedSubscription
from bfxsync.ws.core.subscriber import Subscriber
from bfxsync.ws.core.subscription_table import Outputs, Owner, SubscriptionTable
from bfxsync.ws.dispatch.mailbox import Mailbox
from bfxsync.ws.dispatch.update_signal import UpdateSignal
from bfxsync.ws.io.transport import Traffic

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")

_log = get_logger(__name__)

RETIRE_AFTER_S = 60.0
"""
A connection without channels, other than the first, is closed after this time. That needs no timer,
as pings wake its thread often enough.
"""


class Worker(Protocol):
    """Runs on the thread of a link: a connection, or the player of a recording."""

    def run(self) -> None:
        """Work until the link is closing or has failed."""

    def shut_down(self) -> None:
        """Release all resources, and call `Link.finish`."""

    def opened(self) -> None:
        """Announce that requests can be sent now."""

    def send(self, text: str) -> None:
        """Send a text message."""

    def reopen(self, output: Reopen) -> None:
        """Replace the socket."""

    def wake(self) -> None:
        """Make the thread check its outbox; for any thread, acquires no lock."""

    def watch(self, reader: Mailbox) -> None:
        """Prepare a mailbox that is about to be read; on the reader's thread."""

    def detach_after_fork(self) -> None:
        """Close the child's copies of the parent's resources."""


@attrs.define(eq=False, repr=False, slots=False)
class Link:
    """A connection's thread, and its interface for other threads."""

    number: int
    """Number of the connection: from 1, in the order of opening."""
    session: SessionProtocol
    _owner: Owner
    worker: Worker
    clock: Callable[[], float] = attrs.field(default=time.monotonic, kw_only=True)
    """Clock of the session."""
    limit: int = attrs.field(kw_only=True)
    """Maximum number of channels on this connection."""
    load: int = 0
    """Number of channels placed on this connection."""
    thread_name: str = attrs.field(kw_only=True)
    _make_table: Callable[..., SubscriptionTable] = attrs.field(
        default=SubscriptionTable, kw_only=True
    )
    status: ConnectionStatus = ConnectionStatus.NEW
    exception: BfxError | None = None
    """The fatal error that ended it."""
    last_error: BfxError | None = None
    """
    Why requests cannot be sent (failed attempt to connect, loss, maintenance), or the last refusal;
    the cause of calls that time out.
    """
    is_open: Latch = attrs.field(factory=Latch)
    """Set while requests can be sent, and when the connection has ended."""
    is_closing: bool = False
    is_finished: bool = False
    """The thread has finished its work."""
    losses: Counter[str] = attrs.field(factory=Counter)
    """Reconnects by `LossCause`."""
    is_retired: bool = False
    """It ended because it had no channels."""
    jump_count: int = 0
    """Detected suspends of the machine."""
    submit_count: int = 0
    """Changes with each command that a thread submits."""
    sent_count: int = 0
    """Messages sent, which only its thread counts."""
    traffic: Traffic = attrs.field(factory=Traffic)

    def __attrs_post_init__(self) -> None:
        self.meter: RateMeter = RateMeter(self.clock(), 2)
        self.table: SubscriptionTable = self._make_table(
            self.session, self._owner, self.clock, self
        )
        self._empty_since: float | None = None
        self._update_signal: UpdateSignal = self._owner.publisher.update_signal
        self._outbox: Deque[partial[Outputs]] = deque()
        self._has_started = False
        self._thread = Thread(target=self._main, name=self.thread_name, daemon=True)

    # --- any thread ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        start_thread(self._thread)
        self._has_started = True

    @property
    def has_lost_thread(self) -> bool:
        """Whether its thread has ended."""
        return self._has_started and not self._thread.is_alive()

    @property
    def is_over(self) -> bool:
        """Whether the thread should end."""
        return self.is_closing or self.exception is not None

    @property
    def is_current(self) -> bool:
        """Whether the current thread is that of the connection."""
        return current_thread() is self._thread

    @property
    def counts(self) -> tuple[int, int]:
        """Frames and bytes received; `meter` has their rates."""
        return self.session.frame_count, self.traffic.received

    def submit(
        self,
        command: Callable[Concatenate[SubscriptionTable, P], Outputs],
        *arguments: P.args,
        **options: P.kwargs,
    ) -> None:
        """Call a method of the table on the thread. Acquires no lock: a finalizer may call it."""
        self.submit_count += 1
        self._outbox.append(partial(command, self.table, *arguments, **options))
        self.worker.wake()
        if self.is_finished:
            # The thread has ended in between.
            self._refuse_outbox()

    def read(self, subscriber: Subscriber, reader: Mailbox) -> None:
        """Start filling a reader."""
        self.worker.watch(reader)
        self.submit(SubscriptionTable.read, subscriber, reader)

    def close(self) -> None:
        """End the connection. Acquires no lock: a signal handler may call it."""
        self.is_closing = True
        self.worker.wake()

    def join(self, deadline: float) -> bool:
        """Wait for the thread to end; False if the deadline passes first."""
        if self.is_current or self._thread.ident is None:
            return True
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def detach_after_fork(self) -> None:
        """Release the parent's resources in a forked child."""
        self.is_closing = self.is_finished = True
        self.status = ConnectionStatus.CLOSED
        self._outbox.clear()
        self.worker.detach_after_fork()

    def _refuse_outbox(self) -> None:
        """Fail commands submitted after the end; two threads may do so at the same time."""
        # A fatal error of one connection ends the others too.
        exception = self._owner.lifetime.exception
        error = exception or ClosedError("the client is closed")
        while True:
            try:
                command = self._outbox.popleft()
            except IndexError:
                return
            self.table.refuse(command.args, exception, error)

    # --- the thread ---------------------------------------------------------------------------

    def execute(self) -> None:
        """Execute the commands in the outbox."""
        while self._outbox:
            self.perform(self._outbox.popleft()())

    def perform(self, outputs: Outputs, now: float | None = None) -> None:
        """Perform the outputs of the session, in order; updates arrived at `now` (monotonic)."""
        for output in outputs:
            if isinstance(output, Deliver):
                # First, as it is by far the most frequent. A cast would cost time for each block.
                shared: SharedSubscription
                shared = output.token  # type: ignore[assignment]  # pyright: ignore
                shared.deliver(output.updates, now)
                if self._update_signal.is_awaited:
                    self._update_signal.notify()
            elif isinstance(output, Send):
                self.sent_count += 1
                self.worker.send(output.text)
            elif isinstance(output, Change):
                self._change(output)
            elif isinstance(output, Reopen):
                self.worker.reopen(output)
            elif isinstance(output, Fail):
                self.exception = output.error
            else:
                # Only the account's session has outputs about it, and its table performs them.
                rest = self.table.perform(output)  # type: ignore[arg-type]  # pyright: ignore
                if rest:
                    self.perform(rest)

    def _change(self, change: Change) -> None:
        self.status = change.status
        self.last_error = change.trouble
        if change.status is ConnectionStatus.OPEN:
            if not self.is_open.is_set:
                self.is_open.set()
                self.worker.opened()
        elif change.status is not ConnectionStatus.MAINTENANCE:
            self.is_open.clear()

    def retire_if_empty(self, after_s: float = 0.0) -> None:
        """Close a connection, other than the first, that has had no channels for this time."""
        now = self.clock()
        if self.number == 1 or len(self.table):
            self._empty_since = None
            return
        if self._empty_since is None:
            self._empty_since = now
        is_due = now - self._empty_since >= after_s
        if is_due and self._owner.placement.retire(self):
            self.is_closing = self.is_retired = True

    def finish(self) -> None:
        """End all subscriptions and waiting calls."""
        if self.is_finished:
            # Detached: a callback on this thread has forked, and the subscriptions belong to the
            # parent.
            return
        with ExitStack() as stack:
            # Called from the last to the first, each even if another one raises.
            stack.callback(self._refuse_outbox)
            stack.callback(self.is_open.set)
            stack.callback(setattr, self, "is_finished", True)
            stack.callback(self._end_table)
            if self.exception is not None:
                # First, so that the threads woken below see the error.
                stack.callback(self._owner.failed, self.exception)

    def _main(self) -> None:
        try:
            try:
                self.worker.run()
            except BfxError as exc:
                self.exception = exc
            except BaseException as exc:
                # Any exception, as only this thread can wake the waiting ones.
                self.exception = failure_of(exc)
            self.worker.shut_down()
        except BaseException as exc:
            self.exception = self.exception or failure_of(exc)
            self.finish()

    def _end_table(self) -> None:
        error = self._owner.lifetime.exception
        self.status = (
            ConnectionStatus.CLOSED if error is None else ConnectionStatus.FAILED
        )
        self.table.end(error, error or ClosedError("the client was closed"))


def failure_of(
    exc: BaseException, thread: str = "the thread of a connection"
) -> BfxError:
    """Return the error of a thread that failed because of a bug in this package, and log it."""
    message = f"{thread} failed; this is a bug in bfxsync"
    _log.error("%s", message, exc_info=exc)
    error = BfxError(f"{message}: {error_text(exc)}")
    error.__cause__ = exc
    return error
