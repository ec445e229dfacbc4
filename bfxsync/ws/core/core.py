"""The core of a client."""

from __future__ import annotations

import atexit
import time
import warnings
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Tuple

import attrs

from bfxsync._base.describe import error_text
from bfxsync._base.enums import ConnectionStatus
from bfxsync._base.forks import lazily, reset_after_fork
from bfxsync._base.greenlets import check_threads
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import Section, shielded
from bfxsync.errors import BfxError, ClosedError, NetworkError, UsageError
from bfxsync.ws.core.lifetime import Lifetime
from bfxsync.ws.core.placement import Placement
from bfxsync.ws.core.subscriber import Subscriber
from bfxsync.ws.core.subscription_table import SubscriptionTable
from bfxsync.ws.dispatch.dispatcher import Dispatcher
from bfxsync.ws.dispatch.event_publisher import EventPublisher
from bfxsync.ws.io.link import Link, failure_of
from bfxsync.ws.io.links import open_connection
from bfxsync.ws.settings import ConnectionSettings

if TYPE_CHECKING:
    from bfxsync.ws.account_services import AccountServices
    from bfxsync.ws.core.account_core import AccountCore

_log = get_logger(__name__)

CLOSE_TIMEOUT_S = 2.0

_NO_ACCOUNT = "a WebSocketClient has no key: use Client(api_key=…, api_secret=…).wss for an account"

_MOMENT_S = 0.2


Connect = Callable[[int, ConnectionSettings, Any], Link]
"""Creates a connection from its number, the settings and its owner."""

_Note = Tuple[Callable[..., None], str]
"""A log method and a message, about a thread that outlives a close."""


OBSERVERS: List[Callable[[Any], object]] = []
"""Called with each new core, on the thread that makes it: tests watch what is left open."""


class Core:
    """
    The connections of a client, its dispatch threads, and their shared state.

    Strategy: threads refer to the core and never to the client, so that an abandoned client is
    garbage collected and its finalizer can end them.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        on_error: Any,
        connect: Connect = open_connection,
    ) -> None:
        self.settings = settings
        self.on_error = on_error
        self.lifetime: Lifetime = Lifetime()
        self.dispatcher: Dispatcher = Dispatcher(
            "bfxsync-dispatch",
            on_error,
            self.exit,
            settings.dispatch_threads,
            self._dispatch_failed,
        )
        self.run_ready: Callable[[], None] = self.dispatcher.run_ready
        self.publisher: EventPublisher = EventPublisher(
            self.dispatcher, settings.mailbox_size
        )
        self.placement: Placement = Placement(self.lifetime, self)
        self._make_connection = connect
        # Makes what the account needs, on its first use; None without any.
        self.open_services: Callable[[], AccountServices] | None = None
        # Made on first use. `dict.setdefault` keeps one, like those of `Client`.
        self._accounts: Dict[str, AccountCore] = {}
        self._has_dispatched = False
        # Protects the creation of the successor; threads that can be interrupted never acquire it.
        self._lock = Section()
        self._successor: Core | None = None
        _OPEN_CORES.add(self)
        reset_after_fork(self)
        for observe in OBSERVERS:
            observe(self)

    # --- any thread ---------------------------------------------------------------------------

    @property
    def status(self) -> ConnectionStatus:
        """Status of the first connection."""
        if self.lifetime.is_closing:
            # Reported as closed even if threads have not ended yet.
            failed = self.lifetime.exception is not None
            return ConnectionStatus.FAILED if failed else ConnectionStatus.CLOSED
        links = self.placement.links
        return links[0].status if links else ConnectionStatus.NEW

    @property
    def account(self) -> AccountCore:
        """The part that is about the account; raises `UsageError` without a key."""
        made = self._accounts.get("account")
        if made is None:
            if self.open_services is None:
                raise UsageError(_NO_ACCOUNT)
            mine = lazily(_account_core)(self, self.open_services())
            made = self._accounts.setdefault("account", mine)
        made.check_key()
        return made

    @property
    def is_replay(self) -> bool:
        """Whether it plays a recording, of which the account is a part."""
        return self._make_connection is not open_connection

    @property
    def has_account(self) -> bool:
        """Whether the account has a connection of its own."""
        return self.open_services is not None

    def renew_account(self, reason: str) -> None:
        """Authenticate the account again, if it is connected."""
        for account in list(self._accounts.values()):
            account.renew(reason)

    def listen(self) -> None:
        """Create queues for newly registered event handlers."""
        for link in self.placement.links:
            link.submit(SubscriptionTable.listen)

    def close(
        self, timeout_s: float = CLOSE_TIMEOUT_S, farewell: Tuple[int, str] = (1000, "")
    ) -> bool:
        """End everything within the timeout; return whether all threads have ended."""
        if self.lifetime.is_forked:
            return True
        if not self.lifetime.is_closing:
            self.lifetime.farewell = farewell
        # Continues even if the main thread is interrupted while it waits.
        has_ended, notes = shielded(self._close, timeout_s)
        # Logged by the caller's thread: if a signal handler has interrupted `logging`, no other
        # thread can acquire its lock before the handler returns.
        for log, note in notes:
            log("%s; its thread ends with it", note)
        return has_ended

    def _close(self, timeout_s: float) -> tuple[bool, list[_Note]]:
        notes: list[_Note] = []
        deadline = time.monotonic() + timeout_s
        self.begin_close()
        # Leaves time for the callbacks if a connection attempt does not end.
        io_deadline = deadline - timeout_s / 4
        ended = [link.join(io_deadline) for link in self.placement.links]
        if not all(ended):
            # A connection attempt cannot be aborted.
            notes.append(
                (_log.warning, "a callback is still running")
                if self.dispatcher.is_inline
                else (_log.info, "a connection attempt is in progress")
            )
            # Their I/O thread is busy, so they would wait forever.
            closed = ClosedError("the client was closed")
            for subscriber in self.placement.subscribers():
                subscriber.withdraw(closed)
            for account in self._accounts.values():
                account.replies.end(closed)
        for account in self._accounts.values():
            if not account.join(io_deadline):
                notes.append((_log.info, "a reconciliation request is in progress"))
                ended.append(False)
        recorder = self.settings.recorder
        if recorder is not None:
            # After the connections, to record their ends. Before the callbacks: `on_error` is one,
            # and the last lines may find the disk full.
            recorder.stop()
            is_whole = recorder.join(deadline - min(_MOMENT_S, timeout_s / 8))
            if not is_whole:
                note = "the end of a recording is still being written"
                notes.append((_log.warning, note))
            ended.append(is_whole)
        # After the connections, to deliver their last items.
        self.dispatcher.stop(deadline)
        ended.append(self.dispatcher.join(deadline))
        if not ended[-1]:
            notes += [
                (_log.warning, f"a callback of {name} is still running")
                for name in self.dispatcher.running()
            ]
        self.lifetime.stopped.set()
        _OPEN_CORES.discard(self)
        return all(ended), notes

    def exit(self, exc: BaseException) -> None:
        """Close the client after a callback raised `SystemExit` or the like, which `run` raises."""
        self.lifetime.exit_by = exc
        self.begin_close()
        self.lifetime.stopped.set()

    def begin_close(self) -> None:
        """Close all connections without waiting."""
        self.lifetime.is_closing = True
        self.dispatcher.update_signal.notify()
        for account in list(self._accounts.values()):
            account.close()
        for link in self.placement.links:
            link.close()
        self.lifetime.stop_workers()

    def abandon(self) -> None:
        """End without waiting, after the client was garbage collected."""
        if self.lifetime.is_closing:
            return
        self.begin_close()
        self.dispatcher.stop(time.monotonic() + CLOSE_TIMEOUT_S)
        if self.settings.recorder is not None:
            self.settings.recorder.stop()
        self.lifetime.stopped.set()
        if self.placement.links:
            # Last, as a filter may turn it into an error.
            warnings.warn(
                "a client was dropped without close()", ResourceWarning, stacklevel=2
            )

    def _reset_after_fork(self) -> None:
        """
        Release everything in a child process: the threads stayed in the parent.

        Any lock may have been held by one of them, so none is acquired here.
        """
        self._lock = Section()
        subscribers = self.placement.reset_after_fork()
        self.publisher.listeners = self.publisher.listeners.copy()
        if not (self.placement.has_opened or self._has_dispatched):
            # There are no threads yet, so the child can use it.
            return
        error = self.lifetime.detach_after_fork()
        self.dispatcher.detach_after_fork()
        for link in self.placement.links:
            link.detach_after_fork()
        for account in self._accounts.values():
            account.detach_after_fork()
        for subscriber in subscribers:
            subscriber.detach_after_fork(error)

    def successor(self) -> Core:
        """Return the core that replaces this one in a child process, with the same handlers."""
        return shielded(self._succeed)

    def _succeed(self) -> Core:
        with self._lock:
            if self._successor is None:
                # A recording stays with the parent.
                settings = attrs.evolve(self.settings, recorder=None)
                self._successor = Core(settings, self.on_error, self._make_connection)
                self._successor.publisher.listeners = self.publisher.listeners
                self._successor.open_services = self.open_services
            return self._successor

    def make_link(self, number: int, is_account: bool = False) -> Link:
        """
        Create a connection.

        Raises `NetworkError` if no file descriptor is available, and `UsageError` if the proxy of
        the environment is invalid or threads are greenlets.
        """
        check_threads()
        settings = self.account.services.settings if is_account else self.settings
        if settings.proxy_problem is not None:
            raise UsageError(settings.proxy_problem)
        try:
            if is_account:
                return self.account.make_link(number)
            return self._make_connection(number, self.settings, self)
        except OSError as exc:
            raise _no_connection(exc) from exc

    def start_link(self, link: Link) -> None:
        """
        Start a connection, and the dispatch threads if they do not run yet.

        Raises `NetworkError` if no thread can be started, or no descriptor is left for one.
        """
        self.start_dispatch()
        try:
            link.start()
        except OSError as exc:
            raise _no_connection(exc) from exc
        if self.lifetime.is_closing:
            # Closed concurrently: the loop over the connections may have missed this one.
            link.close()

    def start_dispatch(self) -> None:
        """Start the dispatch threads; raises `NetworkError` if that fails."""
        self._has_dispatched = True
        try:
            self.dispatcher.start()
        except OSError as exc:
            raise _no_connection(exc) from exc

    def has_writer(self, subscriber: Subscriber) -> bool:
        """Return whether another thread may be writing to the subscriber's channel."""
        home = subscriber.home
        # A shared channel lives on without the subscriber.
        links = [link for link in self.placement.links if home is None or link is home]
        return any(not (link.is_current or link.is_finished) for link in links)

    def check_may_wait(self) -> None:
        """Raise `UsageError` on an I/O thread that runs callbacks: it would wait for itself."""
        # In a forked child there are no threads, and calls raise instead of waiting.
        if not self.dispatcher.is_inline or self.lifetime.is_forked:
            return
        if any(link.is_current for link in self.placement.links):
            raise UsageError(
                "cannot block here: with dispatch_threads=0 callbacks run on the I/O thread; pass "
                "wait=False or use dispatch_threads=1"
            )

    def check_may_run(self, name: str) -> None:
        """Raise `UsageError` on a thread that runs callbacks: no other callback could run."""
        self.check_may_wait()
        if self.dispatcher.is_current and not self.lifetime.is_forked:
            raise UsageError(
                f"{name}() cannot be called by a callback, as no other callback could run until it "
                "returns; call it on a thread of the program"
            )

    # --- I/O threads --------------------------------------------------------------------------

    def failed(self, error: BfxError) -> None:
        """End everything: a fatal error of one connection affects all others too."""
        is_first = self.lifetime.exception is None
        if is_first:
            self.lifetime.exception = error
        self.begin_close()
        self.lifetime.stopped.set()
        if is_first:
            # Last, so that waiting threads wake up even if this fails.
            self.publisher.failed(error)

    # --- dispatch threads ---------------------------------------------------------------------

    def quarantine(self, subscriber: Subscriber, exc: BaseException) -> None:
        """End a subscription whose callbacks have raised too often."""
        if not subscriber.is_active:
            return
        error = ClosedError(
            f"{subscriber.name}: ended, as its callbacks have raised max_errors exceptions; the "
            f"last: {error_text(exc)}"
        )
        error.__cause__ = exc
        subscriber.failure = error
        _log.error("%s", error)
        self.placement.detach(subscriber)
        self.publisher.quarantined(subscriber.subscription, error)

    def _dispatch_failed(self, exc: BaseException) -> None:
        self.failed(failure_of(exc, "a dispatch thread"))


def _account_core() -> type[AccountCore]:
    # Imported lazily: streaming public data does not need it.
    from bfxsync.ws.core.account_core import AccountCore

    return AccountCore


def _no_connection(exc: Exception) -> NetworkError:
    return NetworkError(f"no connection can be opened: {exc}", phase="connect")


_OPEN_CORES: weakref.WeakSet[Core] = weakref.WeakSet()


def open_cores() -> List[Core]:
    """Return the cores of all clients that have not been closed."""
    return list(_OPEN_CORES)


@atexit.register
def _close_all() -> None:
    """Close all clients: a thread that prints during interpreter shutdown may crash it."""
    for core in open_cores():
        if core.placement.links:
            core.close(1.0)
