"""Subscribing to any channel, in the exchange's own words."""

from __future__ import annotations

import uuid
import weakref
from typing import Any, Callable, Iterable, List, Mapping, Optional

from bfxsync._base.plain import plain_items, plain_text
from bfxsync.checks.callbacks import check_callback
from bfxsync.checks.options import check_bool, check_timeout
from bfxsync.errors import UsageError
from bfxsync.models.stream import Degraded, Gap, Snapshot, Status
from bfxsync.wire.channels import Channel, channel_for
from bfxsync.ws.core.core import Core
from bfxsync.ws.core.shared_subscription import Subscriber
from bfxsync.ws.dispatch.dispatcher import CallbackQueue, Routes
from bfxsync.ws.dispatch.event_log import EventLog
from bfxsync.ws.dispatch.events import data_classes, kind_of
from bfxsync.ws.dispatch.mailbox import check_policy, check_size
from bfxsync.ws.io.connection import ConnectionSettings
from bfxsync.ws.subscription import BookSubscription, Subscription

Callback = Optional[Callable[[Any], object]]


class Subscribing:
    """The part of a client that subscribes and unsubscribes."""

    def __init__(self, settings: ConnectionSettings, core: Core) -> None:
        self._settings = settings
        self._core = core
        self._sub_ids: weakref.WeakValueDictionary[str, Subscriber] = (
            weakref.WeakValueDictionary()
        )

    def subscribe(
        self,
        channel: str,
        sub_id: str | None = None,
        *,
        callback: Callback = None,
        on_event: Callback = None,
        wait: bool = True,
        timeout: float | None = None,
        policy: str = "resync",
        mailbox_size: int | None = None,
        **arguments: object,
    ) -> Subscription:
        """
        Subscribe to a channel, in the exchange's own words.

        Parameters
        ----------
        channel : str
            ``ticker``, ``trades``, ``book``, ``candles`` or ``status``.
        sub_id : str, optional
            A name for it, different from all others of this client.
        callback : callable, optional
            Gets the data, and nothing else, on the dispatch thread.
        on_event : callable, optional
            Gets `Snapshot`, `Gap`, `Status` and `Degraded`, between the data and in the same
            order; without it gaps are logged.
        wait : bool
            Return when the first data has been applied (default), or at once.
        timeout : float, optional
            Seconds to wait for that, from the moment in which the request went out; the client's
            without it.
        policy : str
            What happens when the consumer is too slow: ``resync``, ``latest``, ``drop_oldest``.
        mailbox_size : int, optional
            The client's without it.
        **arguments
            ``symbol``, for books also ``prec``, ``freq`` and ``len``; ``key`` for candles and
            status.

        Raises
        ------
        UsageError
            An argument is impossible.
        SubscriptionRejected
            The exchange refused it.
        RequestTimeout
            No data in time; the message and the cause say what is known of why.
        NetworkError
            It could not be requested in time: with phase ``connect``, as there is no connection;
            with phase ``send``, as the exchange is in maintenance.
        ClosedError
            The client is closed.

        References
        ----------
        https://docs.bitfinex.com/docs/ws-public
        """
        request = {
            "channel": channel,
            "sub_id": sub_id,
            "callback": callback,
            "on_event": on_event,
            "timeout": timeout,
            "policy": policy,
            "mailbox_size": mailbox_size,
            **arguments,
        }
        return self.subscribe_many([request], wait=wait)[0]

    def subscribe_many(
        self, requests: Iterable[Mapping[str, Any]], *, wait: bool = True
    ) -> List[Subscription]:
        """
        Subscribe to several channels without waiting for each in turn.

        Parameters
        ----------
        requests : iterable of mapping
            The arguments of `subscribe` for each: ``{"channel": "ticker", "symbol": "tBTCUSD",
            "callback": print}``.
        wait : bool
            Return when the first data of all has been applied, or at once. If one fails, its
            error is raised and none of them stays.
        """
        wait = check_bool("wait", wait)
        items = None if isinstance(requests, Mapping) else plain_items(requests)
        if items is None:
            raise UsageError(f"requests must be a list of mappings, not {requests!r}")
        # All are checked before the first is sent.
        prepared = [self._prepare(**_check_request(request)) for request in items]
        if wait:
            self._core.check_may_wait()
        try:
            for _, subscriber in prepared:
                subscriber.is_awaited = wait
                self._core.place(subscriber)
            if wait:
                for subscription, _ in prepared:
                    subscription.wait_ready()
        except BaseException:
            # Also at Ctrl-C: a call that raises leaves nothing behind. All of them, as one may be
            # on its way to its place just now.
            self._core.detach(*(subscriber for _, subscriber in prepared))
            raise
        return [subscription for subscription, _ in prepared]

    def unsubscribe(self, sub_id: str) -> None:
        """
        End a subscription by its name.

        Raises
        ------
        UsageError
            There is none of that name.
        """
        self._core.detach(self._subscriber(sub_id))

    def resubscribe(self, sub_id: str) -> None:
        """
        Subscribe one channel anew, with its first arguments: gap, snapshot, updates.

        Raises
        ------
        UsageError
            There is none of that name.
        """
        subscriber = self._subscriber(sub_id)
        home = self._core.home(subscriber)
        if home is not None:
            home.resubscribe(subscriber)

    def _subscriber(self, sub_id: str) -> Subscriber:
        subscriber = self._sub_ids.get(plain_text(sub_id) or "")
        if subscriber is None or not subscriber.is_active:
            raise UsageError(f"there is no subscription with sub_id {sub_id!r}")
        return subscriber

    def _prepare(
        self,
        channel: str,
        sub_id: str | None = None,
        callback: Callback = None,
        on_event: Callback = None,
        timeout: float | None = None,
        policy: str = "resync",
        mailbox_size: int | None = None,
        **arguments: object,
    ) -> tuple[Subscription, Subscriber]:
        """Check the arguments of one subscription and make its parts."""
        check_callback("callback", callback, "update")
        check_callback("on_event", on_event, "event")
        checked_policy = check_policy(policy)
        settings = self._settings
        size = (
            settings.mailbox_size if mailbox_size is None else check_size(mailbox_size)
        )
        timeout_s = settings.timeout_s if timeout is None else check_timeout(timeout)
        made = channel_for(channel, number=settings.numbers, **arguments)
        callback_queue = None
        if callback is not None or on_event is not None:
            name = " ".join(made.identity)
            callback_queue = CallbackQueue(
                name,
                _routes(made, name, callback, on_event),
                self._core.dispatcher,
                size=size,
                policy=checked_policy,
            )
        fields = {
            "channel": made.name,
            "sub_id": self._new_sub_id(sub_id),
            **made.arguments,
        }
        subscriber = Subscriber(
            made,
            fields,
            callback_queue,
            size=size,
            policy=checked_policy,
            stale_after_s=settings.stale_after_s,
            clock=settings.clock,
            has_callback=callback is not None,
        )
        kind = BookSubscription if made.name == "book" else Subscription
        subscription = kind(self, self._core, subscriber, timeout_s)
        self._sub_ids[subscription.sub_id] = subscriber
        return subscription, subscriber

    def _new_sub_id(self, sub_id: str | None) -> str:
        if sub_id is None:
            return str(uuid.uuid4())
        text = plain_text(sub_id)
        if not text:
            raise UsageError(f"sub_id must be text, not {sub_id!r}")
        taken = self._sub_ids.get(text)
        if taken is not None and taken.is_active:
            raise UsageError(f"sub_id {sub_id!r} is taken by another subscription")
        return text


def _check_request(request: object) -> Mapping[str, Any]:
    if not isinstance(request, Mapping) or "channel" not in request:
        raise UsageError(
            "a request must be a mapping with the channel and its arguments, such as "
            f"{{'channel': 'ticker', 'symbol': 'tBTCUSD'}}, not {request!r}"
        )
    return request


def _routes(
    channel: Channel, name: str, callback: Callback, on_event: Callback
) -> Routes:
    """Return which function gets what: data the callback, events `on_event` or the log."""
    routes: Routes = {}
    if callback is not None:
        kind = kind_of(channel)
        routes.update((model, callback) for model in data_classes(kind))
    if on_event is not None:
        routes.update((model, on_event) for model in (Snapshot, Gap, Status, Degraded))
    else:
        log = EventLog(name)
        routes.update((model, log) for model in (Gap, Degraded))
    return routes
