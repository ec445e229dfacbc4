"""
What other threads see of a connection: its status, and an outbox for commands.

Strategy: every call appends a command to the outbox and wakes the connection's thread, which
executes it. Commands that are still in the outbox when the thread has ended are refused by the
first thread that notices them.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from contextlib import ExitStack
from threading import Thread, current_thread
from typing import Any, Callable, Deque, Protocol, Tuple

from bfxsync._base.describe import error_text
from bfxsync._base.enums import ConnectionStatus
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import start_thread
from bfxsync.errors import BfxError, ClosedError
from bfxsync.wire.commands import SessionProtocol
from bfxsync.ws.core.shared_subscription import SharedSubscription
from bfxsync.ws.core.subscriber import Subscriber, Waiter
from bfxsync.ws.core.subscription_table import Outputs, Owner, SubscriptionTable
from bfxsync.ws.dispatch.mailbox import Mailbox

logger = get_logger(__name__)

Command = Tuple[Callable[..., Outputs], Tuple[Any, ...]]
"""A method of the subscription table, and its arguments."""


class Worker(Protocol):
    """What runs on the thread of a link: a connection, or the player of a recording."""

    def run(self) -> None:
        """Work until the link is closing or has failed."""

    def shut_down(self) -> None:
        """Release everything, and call `Link.finish` on the way."""

    def wake(self) -> None:
        """Make the thread look at its outbox; for any thread, and takes no lock."""

    def watch(self, reader: Mailbox) -> None:
        """Prepare a mailbox that is about to be read; on the reader's thread."""

    def detach_after_fork(self) -> None:
        """Close the child's copies of what belongs to the parent process."""


class Link:
    """
    A connection as other threads see it, and its thread.

    Parameters
    ----------
    number : int
        From 1, in the order of opening.
    session : SessionProtocol
    owner : Owner
    worker : Worker
    clock : callable, optional
        The session's clock.
    limit : int
        Channels that may be placed here.
    name : str
        Of the thread.

    Attributes
    ----------
    status : ConnectionStatus
    exception : BfxError or None
        The fatal error that ended it.
    last_error : BfxError or None
        Why requests cannot be sent (the last attempt to connect, the loss, a maintenance), or what
        was refused; calls that time out name it as the cause.
    is_open : Latch
        Set while requests can be sent, and when the connection has ended.
    is_closing : bool
        It is to end.
    is_finished : bool
        Its thread does nothing more.
    load : int
        Channels placed here.
    losses : Counter
        Reconnects by `LossCause`.
    jump_count : int
        Suspends of the machine that were noticed.
    clock : callable
    """

    def __init__(
        self,
        number: int,
        session: SessionProtocol,
        owner: Owner,
        worker: Worker,
        *,
        clock: Callable[[], float] = time.monotonic,
        limit: int,
        name: str,
    ) -> None:
        self.number = number
        self.status: ConnectionStatus = ConnectionStatus.NEW
        self.exception: BfxError | None = None
        self.last_error: BfxError | None = None
        self.is_open: Latch = Latch()
        self.is_closing: bool = False
        self.is_finished: bool = False
        self.load: int = 0
        self.limit = limit
        self.losses: Counter[str] = Counter()
        self.jump_count: int = 0
        self.session: SessionProtocol = session
        self.clock = clock
        self.table: SubscriptionTable = SubscriptionTable(session, owner, clock, self)
        self.worker = worker
        self._outbox: Deque[Command] = deque()
        self._owner = owner
        self._thread = Thread(target=self._main, name=name, daemon=True)

    # --- any thread ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        start_thread(self._thread)

    @property
    def is_over(self) -> bool:
        """True when the thread is to end."""
        return self.is_closing or self.exception is not None

    @property
    def is_current(self) -> bool:
        """True on the connection's own thread."""
        return current_thread() is self._thread

    def attach(self, subscriber: Subscriber) -> None:
        """Subscribe, or share the existing subscription."""
        self._submit(self.table.attach, subscriber)

    def adopt(self, shared: SharedSubscription) -> None:
        """Continue a subscription that has left another connection."""
        self._submit(self.table.adopt, shared)

    def detach(self, subscriber: Subscriber) -> None:
        """Remove a subscriber."""
        self._submit(self.table.detach, subscriber)

    def drop(self, subscriber: Subscriber) -> None:
        """Detach a subscriber whose handle is gone."""
        self._submit(self.table.drop, subscriber)

    def resubscribe(self, subscriber: Subscriber) -> None:
        """Unsubscribe a channel and subscribe it again."""
        self._submit(self.table.resubscribe, subscriber)

    def read(self, subscriber: Subscriber, reader: Mailbox) -> None:
        """Fill a reader from now on."""
        self.worker.watch(reader)
        self._submit(self.table.read, subscriber, reader)

    def listen(self) -> None:
        """Create the queues of event handlers that have been registered meanwhile."""
        self._submit(self.table.listen)

    def ping(self, waiter: Waiter, expires: float) -> None:
        """Send a ping; the pong resolves the waiter."""
        self._submit(self.table.ping, waiter, expires)

    def close(self) -> None:
        """End the connection. Takes no lock: a signal handler may call it."""
        self.is_closing = True
        self.worker.wake()

    def join(self, deadline: float) -> bool:
        """Wait for the end of the thread; False if the deadline passes first."""
        if self.is_current or self._thread.ident is None:
            return True
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def detach_after_fork(self) -> None:
        """Let go of what belongs to the parent process, in the child of a fork."""
        self.is_closing = self.is_finished = True
        self.status = ConnectionStatus.CLOSED
        self._outbox.clear()
        self.worker.detach_after_fork()

    def _submit(self, method: Callable[..., Outputs], *arguments: Any) -> None:
        self._outbox.append((method, arguments))
        self.worker.wake()
        if self.is_finished:
            # The thread ended in between.
            self._refuse_outbox()

    def _refuse_outbox(self) -> None:
        """Fail the commands that came too late; two threads may do so at once."""
        # One connection's fatal error ends the others too.
        exception = self._owner.lifetime.exception
        error = exception or ClosedError("the client is closed")
        while True:
            try:
                _, arguments = self._outbox.popleft()
            except IndexError:
                return
            for argument in arguments:
                if isinstance(argument, Mailbox):
                    argument.close(exception)
                elif isinstance(argument, SharedSubscription):
                    argument.end(exception, error)
                elif isinstance(argument, Waiter) and not argument.resolved.is_set:
                    argument.resolve(error)

    # --- the thread ---------------------------------------------------------------------------

    def execute(self, perform: Callable[[Outputs], None]) -> None:
        """Execute the commands in the outbox, and perform their outputs."""
        outbox = self._outbox
        while outbox:
            method, arguments = outbox.popleft()
            perform(method(*arguments))

    def finish(self) -> None:
        """End all subscriptions and waiting calls."""
        if self.is_finished:
            # Detached: a callback on this thread has forked, and all this is the parent's.
            return
        with ExitStack() as stack:
            # Called from the last to the first, each even if another one raises.
            stack.callback(self._refuse_outbox)
            stack.callback(self.is_open.set)
            stack.callback(setattr, self, "is_finished", True)
            stack.callback(self._end_table)
            if self.exception is not None:
                # First, so that the threads that are woken below find it.
                stack.callback(self._owner.failed, self.exception)

    def _main(self) -> None:
        try:
            try:
                self.worker.run()
            except BfxError as exc:
                self.exception = exc
            except BaseException as exc:
                # Whatever it is: only this thread can wake the waiting ones.
                self.exception = _failure(exc)
            self.worker.shut_down()
        except BaseException as exc:
            self.exception = self.exception or _failure(exc)
            self.finish()

    def _end_table(self) -> None:
        error = self._owner.lifetime.exception
        self.status = (
            ConnectionStatus.CLOSED if error is None else ConnectionStatus.FAILED
        )
        self.table.end(error, error or ClosedError("the client was closed"))


def _failure(exc: BaseException) -> BfxError:
    message = "the thread of a connection failed; this is a mistake in bfxsync"
    logger.error("%s", message, exc_info=exc)
    error = BfxError(f"{message}: {error_text(exc)}")
    error.__cause__ = exc
    return error
