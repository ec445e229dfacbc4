"""
What other threads see of a connection: how it is, and an outbox for what they want of it.

Strategy: every call appends a method and its arguments to the outbox and wakes the thread that
owns the connection; that one takes them out and runs them. What is in the outbox when it ends is
refused, by whichever thread notices.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from contextlib import ExitStack
from threading import Thread, current_thread
from typing import TYPE_CHECKING, Any, Callable, Deque, Tuple

from bfxsync._base.describe import error_text
from bfxsync._base.enums import ConnectionStatus
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import start_thread
from bfxsync.errors import BfxError, ClosedError
from bfxsync.wire.session_protocol import SessionProtocol
from bfxsync.ws.core.shared_subscription import SharedSubscription, Subscriber, Waiter
from bfxsync.ws.core.subscription_table import SocketOutput, SubscriptionTable
from bfxsync.ws.dispatch.mailbox import Mailbox

if TYPE_CHECKING:
    from bfxsync.ws.core.subscription_table import Owner


logger = get_logger(__name__)


class Link(ABC):
    """
    A connection, and the thread that owns it.

    Attributes
    ----------
    number : int
        From 1 on, in the order of opening.
    status : ConnectionStatus
    exception : BfxError or None
        What ended it for good.
    is_open : Latch
        Set while requests can be sent, and when the connection has ended.
    load, limit : int
        Channels that the pool has placed here, and that it may place here.
    losses : Counter
        How often it had to be made anew, by `LossCause`.
    jump_count : int
        How often the machine was found to have been suspended.
    """

    def __init__(
        self,
        number: int,
        session: SessionProtocol,
        owner: Owner,
        *,
        clock: Callable[[], float] = time.monotonic,
        limit: int,
        name: str,
    ) -> None:
        self.number = number
        self.status: ConnectionStatus = ConnectionStatus.NEW
        self.exception: BfxError | None = None
        self.is_open: Latch = Latch()
        self.load = 0
        self.limit = limit
        self.losses: Counter[str] = Counter()
        self.jump_count = 0
        self.session: SessionProtocol = session
        self.streams: SubscriptionTable = SubscriptionTable(
            session, owner, clock, self._take, self
        )
        self._owner = owner
        self._clock = clock
        self._is_closing = False
        self._is_finished = False
        self._outbox: Deque[Tuple[Callable[..., None], Tuple[Any, ...]]] = deque()
        self._thread = Thread(target=self._main, name=name, daemon=True)

    # --- any thread ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        start_thread(self._thread)

    @property
    def last_error(self) -> BfxError | None:
        """Why requests cannot be sent, or what was refused; None if nothing is known."""
        return self.streams.last_error

    @property
    def is_finished(self) -> bool:
        """True when its thread has done all that it ever will."""
        return self._is_finished

    @property
    def is_current(self) -> bool:
        """True on the connection's own thread."""
        return current_thread() is self._thread

    def attach(self, subscriber: Subscriber) -> None:
        """Subscribe, or share the subscription that there is."""
        self._submit(self.streams.attach, subscriber)

    def adopt(self, stream: SharedSubscription) -> None:
        """Go on with a stream that has left another connection."""
        self._submit(self.streams.adopt, stream)

    def detach(self, subscriber: Subscriber) -> None:
        """Give a share up."""
        self._submit(self.streams.detach, subscriber)

    def drop(self, subscriber: Subscriber) -> None:
        """Give a share up that nobody can read any more."""
        self._submit(self.streams.drop, subscriber)

    def resubscribe(self, subscriber: Subscriber) -> None:
        """Subscribe the channel of a ticket anew."""
        self._submit(self.streams.resubscribe, subscriber)

    def read(self, subscriber: Subscriber, reader: Mailbox) -> None:
        """Fill a reader from now on."""
        self._submit(self.streams.read, subscriber, reader)

    def listen(self) -> None:
        """Look again for who listens to events."""
        self._submit(self.streams.listen)

    def ping(self, waiter: Waiter, expires: float) -> None:
        """Send a ping; the waiter is resolved by the pong."""
        self._submit(self.streams.ping, waiter, expires)

    def close(self) -> None:
        """End the connection. Nothing here takes a lock: a signal handler may call it."""
        self._is_closing = True
        self._wake()

    def join(self, deadline: float) -> bool:
        """Wait for the thread's end; False if it is not there by then."""
        if self.is_current or self._thread.ident is None:
            return True
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    @abstractmethod
    def detach_after_fork(self) -> None:
        """Let go of everything that belongs to the parent process; for a child after a fork."""

    def _submit(self, method: Callable[..., None], *arguments: Any) -> None:
        self._outbox.append((method, arguments))
        self._wake()
        if self._is_finished:
            # The thread ended between; nobody else would answer.
            self._refuse_outbox()

    def _refuse_outbox(self) -> None:
        """Fail what came too late; popping is atomic, so two threads may do it at once."""
        # Of whichever connection it was: one's end is every other's too.
        exception = self._owner.exception
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

    @abstractmethod
    def _wake(self) -> None:
        """Have the thread look at its outbox."""

    # --- the thread ---------------------------------------------------------------------------

    def _main(self) -> None:
        """Run to the end; whatever that is, it is noted, and nobody waits any longer."""
        try:
            try:
                self._run()
            except BfxError as exc:
                self.exception = exc
            except BaseException as exc:
                # Whatever it is: only this thread could tell those who wait.
                self.exception = _failure(exc)
            self._end()
        except BaseException as exc:
            self.exception = self.exception or _failure(exc)
            self._finish()

    @abstractmethod
    def _run(self) -> None:
        """Do everything, until the end."""

    @abstractmethod
    def _end(self) -> None:
        """Let go of everything; `_finish` is a part of it."""

    @abstractmethod
    def _take(self, output: SocketOutput) -> None:
        """Carry out what concerns the connection itself."""

    def _drain(self) -> None:
        while self._outbox:
            method, arguments = self._outbox.popleft()
            method(*arguments)

    def _finish(self) -> None:
        """Tell everybody that this was the end."""
        if self._is_finished:
            # Disowned: a callback on this thread has forked, and all this is the parent's.
            return
        with ExitStack() as stack:
            # Called from the last to the first, each even if another one raises.
            stack.callback(self._refuse_outbox)
            stack.callback(self.is_open.set)
            stack.callback(setattr, self, "_is_finished", True)
            stack.callback(self._end_streams)
            if self.exception is not None:
                # First, so that whoever is woken below finds it.
                stack.callback(self._owner.failed, self.exception)

    def _end_streams(self) -> None:
        error = self._owner.exception
        self.status = (
            ConnectionStatus.CLOSED if error is None else ConnectionStatus.FAILED
        )
        self.streams.end(error, error or ClosedError("the client was closed"))


def _failure(exc: BaseException) -> BfxError:
    message = "the thread of a connection failed; this is a mistake in bfxsync"
    logger.error("%s", message, exc_info=exc)
    error = BfxError(f"{message}: {error_text(exc)}")
    error.__cause__ = exc
    return error
