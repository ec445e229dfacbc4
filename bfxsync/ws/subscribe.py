"""The methods of `WebSocketClient` that subscribe to any channel, in the exchange's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, List, Mapping, overload

from bfxsync.models.raw import RawRow
from bfxsync.ws.core.subscription_table import SubscriptionTable
from bfxsync.ws.registry import EventCallback, SubscriptionRegistry
from bfxsync.ws.subscription import BookSubscription, Subscription

if TYPE_CHECKING:
    from typing_extensions import Literal, Protocol

    class HasRegistry(Protocol):
        """A client, as far as subscribing needs it."""

        _subscriptions: SubscriptionRegistry


@overload
def subscribe(
    self: HasRegistry,
    channel: Literal["book"],
    sub_id: str | None = None,
    *,
    callback: Callable[[Any], object] | None = None,
    on_event: EventCallback = None,
    wait: bool = True,
    timeout: float | None = None,
    policy: str = "resync",
    mailbox_size: int | None = None,
    max_errors: int | None = None,
    **arguments: object,
) -> BookSubscription[Any]: ...


@overload
def subscribe(
    self: HasRegistry,
    channel: str,
    sub_id: str | None = None,
    *,
    callback: Callable[[Any], object] | None = None,
    on_event: EventCallback = None,
    wait: bool = True,
    timeout: float | None = None,
    policy: str = "resync",
    mailbox_size: int | None = None,
    max_errors: int | None = None,
    **arguments: object,
) -> Subscription[Any]: ...


def subscribe(
    self: HasRegistry,
    channel: str,
    sub_id: str | None = None,
    *,
    callback: Callable[[Any], object] | None = None,
    on_event: EventCallback = None,
    wait: bool = True,
    timeout: float | None = None,
    policy: str = "resync",
    mailbox_size: int | None = None,
    max_errors: int | None = None,
    **arguments: object,
) -> Subscription[Any]:
    """
    Subscribe to a channel, in the exchange's own words.

    Parameters
    ----------
    channel : str
        ``ticker``, ``trades``, ``book``, ``candles`` or ``status``.
    sub_id : str, optional
        A name for the subscription, unique within this client.
    callback : callable, optional
        Gets the data, and nothing else, on the dispatch thread.
    on_event : callable, optional
        Gets `Snapshot`, `Gap`, `Status` and `Degraded`, in order with the data; without it gaps
        are logged.
    wait : bool
        Return when the first data has been applied (default), or at once.
    timeout : float, optional
        Seconds to wait for that, counted from when the request was sent; the client's by default.
    policy : str
        What happens when the consumer is too slow: ``resync``, ``latest``, ``drop_oldest``.
    mailbox_size : int, optional
        Updates that may be queued; the client's by default.
    max_errors : int, optional
        After this many exceptions of `callback` and `on_event` the subscription ends with status
        FAILED; by default it never does.
    **arguments
        ``symbol``, for books also ``prec``, ``freq`` and ``len``; ``key`` for candles and status.

    Raises
    ------
    UsageError
        Invalid argument.
    SubscriptionRejected
        Refused by the exchange.
    RequestTimeout
        No data in time; message and cause give the reason as far as it is known.
    NetworkError
        The request could not be sent in time: no connection (phase ``connect``), or maintenance
        of the exchange (phase ``send``).
    ClosedError
        The client is closed.

    https://docs.bitfinex.com/docs/ws-public
    """
    return self._subscriptions.open(
        self,
        channel,
        arguments,
        callback,
        wait,
        sub_id=sub_id,
        on_event=on_event,
        timeout=timeout,
        policy=policy,
        mailbox_size=mailbox_size,
        max_errors=max_errors,
    )


def subscribe_raw(
    self: HasRegistry,
    channel: str,
    callback: Callable[[RawRow], object] | None = None,
    *,
    has_snapshot: bool = True,
    sub_id: str | None = None,
    on_event: EventCallback = None,
    wait: bool = True,
    timeout: float | None = None,
    policy: str = "resync",
    mailbox_size: int | None = None,
    max_errors: int | None = None,
    **fields: object,
) -> Subscription[RawRow]:
    """
    Subscribe to any channel, known to bfxsync or not, and get its rows as they come.

    The callback gets a `RawRow` for each row after the first message, which is the `Snapshot`; if
    that is a single row, it is also the first update. Nothing is read, corrected or compared with
    a checksum. Gaps, reconnects, recordings and the other options are those of `subscribe`.

    A handle that joins later, or has fallen behind, starts with the rows since the exchange's
    snapshot, at most the latest 1,000; `Snapshot.has_hole` tells that there were more.

    Parameters
    ----------
    channel : str
        The exchange's name of the channel.
    callback : callable, optional
    has_snapshot : bool
        False if the channel sends nothing until something happens: then the subscription is ready,
        with an empty `Snapshot`, as soon as the exchange accepts it.
    sub_id, on_event, wait, timeout, policy, mailbox_size, max_errors
        See `subscribe`. With the policy ``latest`` the latest row of each `RawRow.tag` is kept.
    **fields
        Further fields of the request, sent as they are: text, numbers, bools, lists, dicts.

    https://docs.bitfinex.com/docs/ws-public
    """
    return self._subscriptions.open_raw(
        self,
        channel,
        fields,
        has_snapshot,
        callback,
        wait,
        sub_id=sub_id,
        on_event=on_event,
        timeout=timeout,
        policy=policy,
        mailbox_size=mailbox_size,
        max_errors=max_errors,
    )


def subscribe_many(
    self: HasRegistry, requests: Iterable[Mapping[str, Any]], *, wait: bool = True
) -> List[Subscription[Any]]:
    """
    Subscribe to several channels at once.

    Parameters
    ----------
    requests : iterable of mapping
        The arguments of `subscribe` for each: ``{"channel": "ticker", "symbol": "tBTCUSD",
        "callback": print}``.
    wait : bool
        Return when the first data of all has been applied, or at once. If one fails, its error is
        raised and all of them are unsubscribed.
    """
    return self._subscriptions.open_many(self, requests, wait)


def unsubscribe(self: HasRegistry, sub_id: str) -> None:
    """End a subscription by its `sub_id`; `UsageError` if there is none of this name."""
    subscriptions = self._subscriptions
    subscriptions.core.placement.detach(subscriptions.find(sub_id))


def resubscribe(self: HasRegistry, sub_id: str) -> None:
    """
    Subscribe a channel again with the same arguments: gap, snapshot, updates.

    Raises `UsageError` if there is no subscription of this name.
    """
    subscriber = self._subscriptions.find(sub_id)
    if subscriber.home is not None:
        subscriber.home.submit(SubscriptionTable.resubscribe, subscriber)
