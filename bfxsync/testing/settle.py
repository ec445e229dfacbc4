"""
Waits until clients have handled everything that an exchange has sent.

Strategy: the answer to a ping comes after all earlier messages of its connection. An item of our
own in the dispatcher comes after everything that those messages have queued, once no other item is
left and no other thread is in a callback.
"""

from __future__ import annotations

import threading
import time
from typing import Iterable, Union
from urllib.parse import urlsplit

from bfxsync._base.enums import ConnectionStatus
from bfxsync.checks.times import check_seconds
from bfxsync.client import Client
from bfxsync.errors import RequestTimeout, UsageError
from bfxsync.paper import PaperExchange
from bfxsync.ws.client import WebSocketClient
from bfxsync.ws.core.core import Core, open_cores
from bfxsync.ws.core.subscriber import Waiter
from bfxsync.ws.core.subscription_table import SubscriptionTable
from bfxsync.ws.dispatch.dispatcher import CallbackQueue, Dispatcher

TIMEOUT_S = 10.0
_MOMENT_S = 0.001


def settle(client: Union[Client, WebSocketClient], timeout: float = TIMEOUT_S) -> None:
    """
    Wait until a client has handled everything that the exchange has sent before this call.

    Its state is current then, and its callbacks have been called; what iterations and `get` read
    is queued. Connections that are not open are left out.

    Parameters
    ----------
    client : Client or WebSocketClient
        A client of a local exchange, or of the real one.
    timeout : float
        In seconds.

    Raises
    ------
    UsageError
        Called from a callback, which would wait for itself, or not a client.
    RequestTimeout
        The connections or callbacks were not done in time.
    """
    wss = client.wss if isinstance(client, Client) else client
    if not isinstance(wss, WebSocketClient):
        raise UsageError(f"client must be a Client or WebSocketClient, not {client!r}")
    check_seconds("timeout", timeout)
    wss._core.check_may_run("settle")
    _settle(wss._core, time.monotonic() + timeout)


def check_may_settle(exchange: PaperExchange, name: str) -> None:
    """Raise `UsageError` in a callback of a client of the exchange: it would wait for itself."""
    for core in cores_of(exchange.port):
        core.check_may_run(name)


def settle_all(exchange: PaperExchange, timeout_s: float = TIMEOUT_S) -> None:
    """
    Wait until all clients in this process have handled what a paused exchange has sent.

    That includes the answers to what they have sent meanwhile.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        sent = exchange.frames_sent
        pongs = sum(_settle(core, deadline) for core in cores_of(exchange.port))
        if exchange.frames_sent <= sent + pongs:
            return


def cores_of(port: int) -> Iterable[Core]:
    """Return the open clients of an exchange."""
    return [core for core in open_cores() if is_of(core, port)]


def is_of(core: Core, port: int) -> bool:
    """Return whether a client is one of a local exchange."""
    return urlsplit(core.settings.url).port == port


def _settle(core: Core, deadline: float) -> int:
    """Wait for all connections and callbacks; return the number of pings."""
    if core.dispatcher.is_inline:
        # The callbacks of what came with the first pong are called before the second one is read.
        ping_connections(core, deadline)
        return 2 * ping_connections(core, deadline)
    count = ping_connections(core, deadline)
    if count:
        _drain(core.dispatcher, deadline)
    return count


def ping_connections(core: Core, deadline: float) -> int:
    """Wait until all open connections have read what was sent to them; return their number."""
    waiters = []
    for link in core.placement.links:
        if link.status is ConnectionStatus.OPEN:
            waiter = Waiter()
            link.submit(SubscriptionTable.ping, waiter, deadline)
            waiters.append(waiter)
    for waiter in waiters:
        # The session applies the deadline. A connection that is lost has nothing to wait for.
        if not waiter.resolved.wait(max(0.0, deadline - time.monotonic()) + 1.0):
            raise _too_late("a connection")
        if isinstance(waiter.error, RequestTimeout):
            raise _too_late("a connection") from waiter.error
    return len(waiters)


def _drain(dispatcher: Dispatcher, deadline: float) -> None:
    reached = threading.Event()

    def reach(mark: _Mark) -> None:
        mark.was_last = not (dispatcher.ready.items or dispatcher.running())
        reached.set()

    queue = CallbackQueue(
        "a test", {_Mark: reach}, dispatcher, size=1, has_updates=False
    )
    while True:
        mark = _Mark()
        reached.clear()
        queue.mailbox.put([mark], list)
        if not reached.wait(max(0.0, deadline - time.monotonic())):
            busy = ", ".join(dispatcher.running())
            raise _too_late(f"a callback of {busy}" if busy else "a callback")
        if mark.was_last:
            return
        time.sleep(_MOMENT_S)


class _Mark:
    was_last: bool = False


def _too_late(what: str) -> RequestTimeout:
    return RequestTimeout(f"{what} was not done in time")
