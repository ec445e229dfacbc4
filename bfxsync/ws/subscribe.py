"""The methods of `WebSocketClient` that subscribe to any channel by name and fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, List, Mapping, overload

from bfxsync.models.raw import RawRow
from bfxsync.ws.core.subscription_table import SubscriptionTable
from bfxsync.ws.registry import EventCallback, SubscriptionRegistry
from bfxsync.ws.stateful_subscriptions import BookSubscription, CandleSubscription
from bfxsync.ws.subscription import Subscription

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
    channel: Literal["candles"],
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
) -> CandleSubscription: ...


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
    Subscribe to a channel, by the exchange's channel name and fields.

    Parameters
    ----------
    channel : str
        ``ticker``, ``trades``, ``book``, ``candles`` or ``status``.
    sub_id : str, optional
        A name for the subscription, unique within this client.
    callback : callable, optional
        Called with each update, on a dispatch thread; events go to `on_event`.
    on_event : callable, optional
        Called with each `Snapshot`, `Gap`, `Status` and `Degraded`, in order with the data; without
        it gaps are logged.
    wait : bool
        True (default): return when the first data has been applied. False: return at once.
    timeout : float, optional
        Seconds to wait for the first data, from the time of the request; default: the client's.
    policy : str
        What happens when the consumer is too slow: ``resync`` (default), ``latest`` or
        ``drop_oldest``; see `Policy`.
    mailbox_size : int, optional
        Maximum number of queued updates; default: the client's.
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
        No data in time; the message and the cause have the reason, if it is known.
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
    Subscribe to any channel, known to bfxsync or not, for its rows as received.

    The callback gets a `RawRow` for each row after the first message, which is the `Snapshot`; if
    that is a single row, it is also the first update. Rows are not parsed, and checksums are not
    verified. Gaps, reconnects, recordings and the other options are those of `subscribe`.

    A handle that joins later, or has fallen behind, starts with the rows since the exchange's
    snapshot, at most the latest 1,000; `Snapshot.has_hole` is true if there were more.

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
        True (default): return when the first data of all has been applied; if one fails, its error
        is raised and all of them are unsubscribed. False: return at once.
    """
    return self._subscriptions.open_many(self, requests, wait)


def unsubscribe(self: HasRegistry, sub_id: str) -> None:
    """
    End a subscription by its `sub_id`; updates queued for its callback are still delivered.

    May be called again, as by a callback at each of them. Raises `UsageError` if there has been
    no such subscription.
    """
    self._subscriptions.end(sub_id)


def resubscribe(self: HasRegistry, sub_id: str) -> None:
    """
    Subscribe to a channel again with the same arguments; its handles get a gap, a snapshot and
    updates.

    Raises `UsageError` if no subscription has this `sub_id`.
    """
    subscriber = self._subscriptions.find(sub_id)
    if subscriber.home is not None:
        subscriber.home.submit(SubscriptionTable.resubscribe, subscriber)
