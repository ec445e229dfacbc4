"""Methods of `WebSocketClient` that register and remove event handlers."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Callable, TypeVar, overload

from bfxsync._base.cells import made_in_cell
from bfxsync.checks.callbacks import check_callback
from bfxsync.ws.core.core import Core
from bfxsync.ws.dispatch.account_events import ACCOUNT_EVENTS
from bfxsync.ws.dispatch.events import EXTRA_ARGUMENTS, Handler, arguments_of

if TYPE_CHECKING:
    from typing_extensions import Protocol

    class HasCore(Protocol):
        """A client, as far as these methods use it."""

        _core: Core


H = TypeVar("H", bound=Handler)


@overload
def on(self: HasCore, event: str) -> Callable[[H], H]: ...


@overload
def on(self: HasCore, event: str, callback: H) -> H: ...


def on(self: HasCore, event: str, callback: Any = None) -> Any:
    """
    Register a handler for an event; also a decorator.

    Names and arguments are those of the official client: ``t_ticker_update(subscription,
    ticker)``, ``t_trades_snapshot(subscription, trades)``, ``open()``,
    ``disconnected(code, reason)`` and so on; `subscription` is a dict with the fields
    ``channel``, ``sub_id``, ``symbol``, … A handler of ``disconnected`` with a parameter
    ``will_reconnect``, or with three required parameters, also gets whether the client will
    reconnect.

    Events of the account, such as ``order_new(order)`` and ``authenticated(data)``, have one
    argument. The first handler of one opens the connection of the account.
    ``account_message(message)`` has every message about the account as it came: ``[0, code, row]``,
    ``[0, "hb"]`` or an ``auth`` event, without sequence numbers and times.

    Raises
    ------
    UsageError
        Unknown event, or not a plain function that accepts these arguments; an event of the
        account, and there is no key.
    """
    arguments = arguments_of(event)
    if callback is None:
        return functools.partial(on, self, event)
    check_callback("callback", callback, *arguments, extra=EXTRA_ARGUMENTS.get(event))
    core = self._core
    # First, as it raises if there is no key.
    account = None
    if event in ACCOUNT_EVENTS and not core.is_replay:
        account = core.account
    listeners = core.publisher.listeners
    registered = listeners.add(event, callback)
    made_in_cell(
        functools.partial(_remove, core, event, registered),
        lambda: core.lifetime.is_closing or registered not in listeners.of(event),
    )
    if account is not None:
        # Before `listen`, which begins the first handler with the state.
        account.present(event, registered)
    core.listen()
    if account is not None:
        account.open()
    return callback


def _remove(core: Core, event: str, registered: Handler) -> None:
    """Remove a handler as its cell is run again; it may have been removed."""
    if registered in core.publisher.listeners.of(event):
        core.publisher.listeners.remove(event, registered)
        core.listen()


def open_account_if_handled(core: Core) -> None:
    """Open the connection of the account if an event of it has a handler."""
    if core.has_account and core.publisher.listeners.wants(ACCOUNT_EVENTS):
        core.account.open()


def off(self: HasCore, event: str, callback: Handler | None = None) -> None:
    """
    Remove a handler of an event; without `callback`, all handlers of the event.

    A call in progress is completed. Call this first in a notebook cell that registers handlers, or
    each run of the cell adds another handler, unless ``%load_ext bfxsync`` removes those before.

    Raises
    ------
    UsageError
        Unknown event, or the function is not registered for it.
    """
    self._core.publisher.listeners.remove(event, callback)
    # Confirmations and checksums are made only for registered handlers.
    self._core.listen()
