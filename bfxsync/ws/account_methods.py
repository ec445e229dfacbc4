"""Methods of `WebSocketClient` about the account of its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from bfxsync._base.enums import Policy
from bfxsync._base.forks import lazily
from bfxsync.errors import UsageError
from bfxsync.ws.core.core import Core
from bfxsync.ws.registry import EventCallback, SubscriptionRegistry
from bfxsync.ws.settings import ConnectionSettings
from bfxsync.ws.subscription import Subscription, timeout_error

if TYPE_CHECKING:
    from typing_extensions import Protocol

    from bfxsync.models.account_update import AccountUpdate
    from bfxsync.wire.capabilities import Capabilities
    from bfxsync.wire.channels.account import AccountChannel
    from bfxsync.ws.account import Account, AccountClient
    from bfxsync.ws.inputs import Inputs
    from bfxsync.ws.replies import Reply

    class HasAccount(Protocol):
        """A client, as far as these methods use it."""

        _core: Core
        _settings: ConnectionSettings
        _subscriptions: SubscriptionRegistry


def authenticate(self: HasAccount) -> None:
    """
    Open the connection of the account in the background, and return immediately.

    Not needed before `subscribe_account`, an input, or a handler of an account event, which open it
    as well. It is kept open until `close`, and authenticated again after every loss.

    Raises
    ------
    UsageError
        There is no key.
    ClosedError
        The client is closed.
    AuthError
        The exchange has refused the key; that has ended the client.
    """
    self._core.account.open()


def wait_authenticated(self: HasAccount, timeout: float | None = None) -> None:
    """
    Wait until the connection of the account is authenticated; open it first if necessary.

    Parameters
    ----------
    timeout : float, optional
        Seconds; by default the timeout of the client.

    Raises
    ------
    UsageError
        There is no key.
    AuthError
        The exchange refuses the key, which ends the client.
    NetworkError
        Not authenticated in time (phase ``connect``), or maintenance of the exchange (phase
        ``send``).
    ClosedError
        The client was closed.
    """
    allowed_s = self._settings.timeout_or(timeout)
    self._core.check_may_wait()
    link = self._core.account.opened()
    if not link.is_open.wait(allowed_s):
        reason = link.last_error
        raise timeout_error("the account", allowed_s, False, reason) from reason
    # Set when the connection has ended as well.
    self._core.lifetime.check_open()


def caps(self: HasAccount) -> Capabilities:
    """Return the permissions of the key; see `WebSocketClient.caps`."""
    found = self._core.account.caps
    if found is None:
        raise UsageError(
            "the permissions of the key are known after wait_authenticated()"
        )
    return found


def account(self: AccountClient) -> Account:
    """Return the current state of the account; see `WebSocketClient.account`."""
    return lazily(_account_class)(self)


def inputs(self: HasAccount) -> Inputs:
    """Return the inputs of the account; see `WebSocketClient.inputs`."""
    return self._core.account.inputs


def notify(
    self: HasAccount,
    info: Any,
    message_id: int | None = None,
    *,
    type: str = "ucm-test",
) -> Reply[None]:
    """
    Send a message to the other connections of the account.

    The official client's name for `Inputs.notify`, which describes it.
    """
    return inputs(self).notify(info, message_id, type=type)


def _account_class() -> type[Account]:
    # Imported lazily: streaming public data does not need it.
    from bfxsync.ws.account import Account

    return Account


def inputs_class() -> type[Inputs]:
    """Import the class of `WebSocketClient.inputs`."""
    from bfxsync.ws.inputs import Inputs

    return Inputs


def subscribe_account(
    self: HasAccount,
    callback: Callable[[AccountUpdate], object] | None = None,
    *,
    wait: bool = True,
    sub_id: str | None = None,
    on_event: EventCallback = None,
    timeout: float | None = None,
    policy: Policy | str = Policy.RESYNC,
    mailbox_size: int | None = None,
    max_errors: int | None = None,
) -> Subscription[AccountUpdate]:
    """
    Subscribe to orders, positions, wallets, fills, funding and notifications of the account.

    Every update is an `AccountUpdate`; ``isinstance(update.data, Order)`` tells what it is about. A
    `Snapshot` has the whole state as updates of the kinds ``os``, ``ps``, ``ws``, … As elsewhere it
    comes first, and after every `Gap`. Fills that were missed in a gap are requested by REST, and
    delivered once.

    Parameters
    ----------
    callback : callable, optional
        Called with each update, on a dispatch thread.
    wait, sub_id, on_event, timeout, policy, mailbox_size, max_errors
        See `subscribe`. With the policy ``latest`` the latest state of each order, wallet, … is
        kept.

    Raises
    ------
    UsageError
        Invalid argument, or no key.
    AuthError
        The exchange refuses the key, which ends the client.
    NetworkError
        Not connected in time.
    ClosedError
        The client is closed.

    https://docs.bitfinex.com/reference/ws-auth-account-info
    """
    options: dict[str, Any] = {
        "sub_id": sub_id,
        "on_event": on_event,
        "timeout": timeout,
        "policy": policy,
        "mailbox_size": mailbox_size,
        "max_errors": max_errors,
    }
    if self._core.is_replay:
        channel = lazily(_account_channel)(self._settings.numbers)
    else:
        channel = self._core.account.channel
    return self._subscriptions.open(self, channel, {}, callback, wait, **options)


def _account_channel() -> type[AccountChannel]:
    # Programs that only stream public data need none of its models.
    from bfxsync.wire.channels.account import AccountChannel

    return AccountChannel
