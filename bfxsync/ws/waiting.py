"""Methods of `WebSocketClient` that wait: for data, for the answer to a ping, for the end."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Callable, Optional, TypeVar

from bfxsync._base.cells import in_cell
from bfxsync.checks.callbacks import check_callback
from bfxsync.checks.containers import optional
from bfxsync.checks.times import check_seconds_or_zero
from bfxsync.errors import BfxError, NetworkError, RequestTimeout, UsageError
from bfxsync.ws.core.core import CLOSE_TIMEOUT_S, Core
from bfxsync.ws.core.subscriber import Waiter
from bfxsync.ws.core.subscription_table import SubscriptionTable
from bfxsync.ws.dispatch.dispatcher import CallbackQueue
from bfxsync.ws.settings import ConnectionSettings
from bfxsync.ws.subscription import timeout_error
from bfxsync.ws.subscription import wait_for as wait_for_data

if TYPE_CHECKING:
    from typing_extensions import Protocol

    class HasCore(Protocol):
        """A client, as far as these methods use it."""

        _core: Core
        _settings: ConnectionSettings

        def wait_on_update(self, timeout: float | None = None) -> bool: ...


T = TypeVar("T")

LOOK_S = 1.0
"""Seconds after which `wait_for` looks again without an update: age and time change as well."""

# On Windows Ctrl-C does not interrupt waiting for a lock.
_WAIT_S = None if os.name == "posix" else 0.5


def wait_ready(self: HasCore, timeout: float | None = None) -> None:
    """
    Wait until the connection is open and every subscription has its first data.

    The timeout applies to all of this; by default it is that of the client.

    Raises
    ------
    NetworkError
        Not connected in time (phase ``connect``), or maintenance of the exchange (phase
        ``send``).
    SubscriptionRejected, RequestTimeout
        A subscription failed.
    """
    allowed_s = self._settings.timeout_or(timeout)
    deadline = time.monotonic() + allowed_s
    self._core.check_may_wait()
    connection = self._core.placement.first_link()
    if not connection.is_open.wait(max(0.0, deadline - time.monotonic())):
        reason = connection.last_error
        raise timeout_error("client", allowed_s, False, reason) from reason
    # Set when the connection has ended as well.
    self._core.lifetime.check_open()
    for subscriber in self._core.placement.subscribers():
        remaining_s = max(0.0, deadline - time.monotonic())
        wait_for_data(self._core, subscriber, remaining_s, time.monotonic())


def wait_on_update(self: HasCore, timeout: float | None = None) -> bool:
    """
    Wait until any subscription has data or an event, or one of its callbacks has handled it.

    Returns immediately if that has happened since the last call of the same thread, so that a
    loop that reads books, or values stored by callbacks, misses no update. Consumes no updates.

    Parameters
    ----------
    timeout : float, optional
        Seconds; 0 does not wait. By default it waits indefinitely.

    Returns
    -------
    bool
        False if the timeout has passed.

    Raises
    ------
    ClosedError
        The client was closed.
    BfxError
        A fatal error ended the client.
    SystemExit
        A callback called ``sys.exit()``.
    """
    timeout_s = optional(check_seconds_or_zero, "timeout", timeout)
    core = self._core
    core.check_may_wait()
    is_new = core.dispatcher.update_signal.wait(
        timeout_s, lambda: core.lifetime.is_closing
    )
    if core.lifetime.is_closing:
        core.lifetime.check_open()
    return is_new


def wait_for(
    self: HasCore, condition: Callable[[], Optional[T]], timeout: float | None = None
) -> T:
    """
    Wait until a condition holds, for example of a book, a ticker, an order or the account.

    Looks at once, after each update of any subscription or of the account, and at least every
    second; what held only between two looks is not seen. Consumes no updates.

    Parameters
    ----------
    condition : callable
        Without arguments; called on this thread, so it should be quick. An exception ends the wait.
    timeout : float, optional
        Seconds; 0 looks once. By default it waits indefinitely.

    Returns
    -------
    object
        What the condition returned: the first value that is true.

    Raises
    ------
    RequestTimeout
        The condition does not hold in time. Nothing has changed by that; call it again.
    ClosedError
        The client was closed.
    BfxError
        A fatal error ended the client.
    SystemExit
        A callback called ``sys.exit()``.
    UsageError
        Called from a callback: no other callback could run.
    """
    if condition is None:
        raise UsageError("condition must be a function without arguments, not None")
    check_callback("condition", condition)
    timeout_s = optional(check_seconds_or_zero, "timeout", timeout)
    core = self._core
    core.check_may_run("wait_for")
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    # First, or an update during the first look would be seen late.
    core.dispatcher.update_signal.watch()
    ended_by: Optional[BfxError] = None
    while True:
        value = condition()
        if value:
            return value
        if ended_by is not None:
            raise ended_by
        remaining_s = LOOK_S
        if deadline is not None:
            remaining_s = min(remaining_s, deadline - time.monotonic())
            if remaining_s <= 0:
                raise RequestTimeout(
                    f"the condition does not hold after {timeout_s:g} s"
                )
        try:
            self.wait_on_update(remaining_s)
        except BfxError as exc:
            # The last update before the end may fulfil it.
            ended_by = exc


def wait_closed(self: HasCore, timeout: float | None = None) -> bool:
    """
    Wait until the client has ended; unlike `run`, this opens no connection and closes nothing.

    Parameters
    ----------
    timeout : float, optional
        Seconds; 0 does not wait. By default it waits indefinitely.

    Returns
    -------
    bool
        False if the timeout has passed.

    Raises
    ------
    BfxError
        A fatal error ended the client.
    SystemExit
        A callback called ``sys.exit()``.
    UsageError
        Called from a callback: no other callback could run.
    """
    timeout_s = optional(check_seconds_or_zero, "timeout", timeout)
    self._core.check_may_run("wait_closed")
    if not wait_stopped(self._core, timeout_s):
        return False
    raise_what_ended(self._core)
    return True


def wait_stopped(core: Core, timeout_s: float | None) -> bool:
    """Wait until a client has ended or is about to; return False after the timeout."""
    if timeout_s is not None:
        return core.lifetime.stopped.wait(timeout_s)
    while not core.lifetime.stopped.wait(_WAIT_S):
        pass
    return True


def raise_what_ended(core: Core) -> None:
    """Raise the `SystemExit` of a callback or the fatal error that ended a client, if any."""
    lifetime = core.lifetime
    for error in (lifetime.exit_by, lifetime.exception):
        if error is not None:
            raise error


def ping(self: HasCore, timeout: float | None = None) -> float:
    """
    Send a ping and return the seconds until the exchange's pong.

    Raises `NetworkError` without a connection (phase ``send``), and `RequestTimeout` without a
    pong in time.
    """
    allowed_s = self._settings.timeout_or(timeout)
    self._core.check_may_wait()
    connection = self._core.placement.first_link()
    waiter = Waiter()
    start = time.monotonic()
    connection.submit(SubscriptionTable.ping, waiter, start + allowed_s)
    # The session applies the timeout; the extra time is for an I/O thread that is blocked.
    if not waiter.resolved.wait(allowed_s + CLOSE_TIMEOUT_S):
        raise NetworkError("no pong: not connected yet", phase="send")
    if waiter.error is not None:
        self._core.lifetime.check_exit()
        raise waiter.error
    return time.monotonic() - start


def send_ping(
    self: HasCore, callback: Callable[[float], object], timeout: float | None = None
) -> None:
    """
    Send a ping and return immediately; `callback` gets the seconds until the exchange's pong.

    It is called on a dispatch thread. Without a connection, or without a pong in time, `on_error`
    gets a `NetworkError` or `RequestTimeout` instead.
    """
    check_callback("callback", callback, "seconds")
    allowed_s = self._settings.timeout_or(timeout)
    connection = self._core.placement.first_link()
    ping = _SentPing(self._core, callback)
    connection.submit(SubscriptionTable.ping, ping, ping.sent_at + allowed_s)


class _SentPing(Waiter):
    """A ping without a waiting thread."""

    def __init__(self, core: Core, callback: Callable[[float], object]) -> None:
        super().__init__()
        self.sent_at = time.monotonic()
        self._report = core.publisher.report_now
        self._queue = CallbackQueue(
            "a ping",
            {float: in_cell(callback)},
            core.dispatcher,
            size=1,
            has_updates=False,
        )

    def resolve(self, error: BfxError | None) -> None:
        """Pass the seconds to the callback, or the error to `on_error`; on the I/O thread."""
        super().resolve(error)
        if error is None:
            self._queue.mailbox.put([time.monotonic() - self.sent_at], list)
        else:
            self._report(error)
