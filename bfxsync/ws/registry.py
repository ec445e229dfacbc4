"""Creates subscriptions, and finds them by `sub_id`."""

from __future__ import annotations

import uuid
import weakref
from collections import deque
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Deque,
    Iterable,
    List,
    Mapping,
    Optional,
)

from bfxsync._base.cells import in_cell, made_in_cell
from bfxsync._base.enums import Policy
from bfxsync._base.guesses import unexpected_argument
from bfxsync._base.plain import plain_items, plain_text
from bfxsync.checks.callbacks import check_callback
from bfxsync.checks.containers import optional
from bfxsync.checks.numbers import check_count
from bfxsync.checks.options import check_bool, check_mailbox_size, check_policy
from bfxsync.errors import UsageError
from bfxsync.models.stream import Degraded, Gap, Snapshot, Status
from bfxsync.wire.channels import (
    BookChannel,
    CandlesChannel,
    Channel,
    channel_for,
    raw_channel_for,
)
from bfxsync.ws.core.core import Core
from bfxsync.ws.core.subscriber import Subscriber
from bfxsync.ws.dispatch.dispatcher import CallbackQueue, Routes
from bfxsync.ws.dispatch.event_log import EventLog
from bfxsync.ws.dispatch.update_kinds import data_classes, kind_of
from bfxsync.ws.settings import ConnectionSettings
from bfxsync.ws.stateful_subscriptions import BookSubscription, CandleSubscription
from bfxsync.ws.subscription import Subscription

if TYPE_CHECKING:
    from typing_extensions import TypedDict

    class SubscribeOptions(TypedDict, total=False):
        """The options that every ``subscribe_*`` method has; see `subscribe`."""

        wait: bool
        sub_id: str | None
        on_event: EventCallback
        timeout: float | None
        policy: Policy | str
        mailbox_size: int | None
        max_errors: int | None


EventCallback = Optional[Callable[[Any], object]]

_OPTIONS = (
    "sub_id",
    "on_event",
    "timeout",
    "policy",
    "mailbox_size",
    "max_errors",
)

_ENDED_KEPT = 1_000

_HANDLES: Mapping[type, type[Subscription[Any]]] = {
    BookChannel: BookSubscription,
    CandlesChannel: CandleSubscription,
}


class SubscriptionRegistry:
    """
    The subscriptions of a client.

    `admit` raises if a channel is not available, such as one that is not in a recording. With
    `never_waits` subscribing always returns immediately.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        core: Core,
        admit: Callable[[Channel], None] | None = None,
        never_waits: bool = False,
    ) -> None:
        self.core = core
        self._settings = settings
        self._admit = admit
        self._never_waits = never_waits
        self._by_id = weakref.WeakValueDictionary[str, Subscriber]()
        # Names of subscriptions that were ended most recently: a callback may still get updates
        # that were queued, and end its subscription at each of them.
        self._ended: Deque[str] = deque(maxlen=_ENDED_KEPT)

    def open(
        self,
        client: object,
        channel: str | Channel,
        arguments: dict[str, Any],
        callback: Any = None,
        /,
        wait: bool = True,
        **options: Any,
    ) -> Subscription[Any]:
        """Subscribe to one channel."""
        for name in options:
            if name not in _OPTIONS:
                known = (*arguments, "callback", "wait", *_OPTIONS)
                raise unexpected_argument(name, known)
        wait = check_bool("wait", wait)
        handle = self._prepare(client, channel, arguments, callback, **options)
        self._place([handle], wait)
        # Without a client it belongs to a history, which ends it.
        if client is not None:
            self._register_in_cell(handle)
        return handle

    def open_raw(
        self,
        client: object,
        channel: str,
        fields: dict[str, Any],
        has_snapshot: bool,
        callback: Any,
        wait: bool,
        **options: Any,
    ) -> Subscription[Any]:
        """Subscribe to a channel of any kind, for its rows as received."""
        made = raw_channel_for(
            channel, fields, number=self._settings.numbers, has_snapshot=has_snapshot
        )
        return self.open(client, made, {}, callback, wait, **options)

    def open_many(
        self, client: object, requests: Iterable[Mapping[str, Any]], wait: bool
    ) -> List[Subscription[Any]]:
        """Subscribe to several channels, or to none if one of the requests is impossible."""
        wait = check_bool("wait", wait)
        items = None if isinstance(requests, Mapping) else plain_items(requests)
        if items is None:
            raise UsageError(f"requests must be a list of mappings, not {requests!r}")
        # All are checked before the first is sent.
        handles = [self._prepare(client, **_arguments_of(item)) for item in items]
        self._place(handles, wait)
        for handle in handles:
            self._register_in_cell(handle)
        return handles

    def end(self, sub_id: str) -> None:
        """
        End the subscription of this name, or do nothing if it was ended by this method before.

        Raises `UsageError` if there is no such subscription.
        """
        name = plain_text(sub_id) or ""
        subscriber = self._by_id.get(name)
        if (subscriber is None or not subscriber.is_active) and name in self._ended:
            return
        self.core.placement.detach(self.find(sub_id))
        self._ended.append(name)

    def find(self, sub_id: str) -> Subscriber:
        """Return the active subscription of this name; raise `UsageError` if there is none."""
        subscriber = self._by_id.get(plain_text(sub_id) or "")
        if subscriber is None or not subscriber.is_active:
            raise UsageError(f"there is no subscription with sub_id {sub_id!r}")
        return subscriber

    def _prepare(
        self,
        client: object,
        channel: str | Channel,
        arguments: dict[str, Any],
        callback: Any = None,
        sub_id: str | None = None,
        on_event: EventCallback = None,
        timeout: float | None = None,
        policy: Policy | str = Policy.RESYNC,
        mailbox_size: int | None = None,
        max_errors: int | None = None,
    ) -> Subscription[Any]:
        """Check the arguments of one subscription, and create its handle."""
        check_callback("callback", callback, "update")
        check_callback("on_event", on_event, "event")
        checked_policy = check_policy(policy)
        settings = self._settings
        size = settings.mailbox_size
        if mailbox_size is not None:
            size = check_mailbox_size(mailbox_size)
        max_errors = optional(check_count, "max_errors", max_errors)
        if max_errors is not None and callback is None and on_event is None:
            raise UsageError("max_errors needs a callback or on_event")
        timeout_s = settings.timeout_or(timeout)
        made = channel
        if not isinstance(made, Channel):
            made = channel_for(made, number=settings.numbers, **arguments)
        if self._admit is not None:
            self._admit(made)
        callback_queue = None
        if callback is not None or on_event is not None:
            callback_queue = CallbackQueue(
                " ".join(made.identity),
                _routes(made, callback, on_event),
                self.core.dispatcher,
                size=size,
                policy=checked_policy,
                max_errors=max_errors,
            )
        name = self._free_id(sub_id)
        subscriber = Subscriber(
            made,
            {"channel": made.name, "sub_id": name, **made.arguments},
            callback_queue,
            size=size,
            policy=checked_policy,
            stale_after_s=settings.stale_after_s,
            clock=settings.clock,
            has_callback=callback is not None,
        )
        if callback_queue is not None and max_errors is not None:
            # Only then: the reference cycle delays the release of the objects that the callback
            # refers to.
            callback_queue.on_failed = partial(self.core.quarantine, subscriber)
        self._by_id[name] = subscriber
        kind = _HANDLES.get(type(made), Subscription)
        return kind(client, self.core, subscriber, timeout_s)

    def _register_in_cell(self, handle: Subscription[Any]) -> None:
        # Without the handle, which keeps the client alive.
        subscriber = handle._subscriber
        made_in_cell(
            partial(self.core.placement.detach, subscriber),
            lambda: not subscriber.is_active,
        )

    def _free_id(self, sub_id: str | None) -> str:
        if sub_id is None:
            return str(uuid.uuid4())
        text = plain_text(sub_id)
        if not text:
            raise UsageError(f"sub_id must be text, not {sub_id!r}")
        used = self._by_id.get(text)
        if used is not None and used.is_active:
            raise UsageError(f"sub_id {sub_id!r} is used by another subscription")
        return text

    def _place(self, handles: List[Subscription[Any]], wait: bool) -> None:
        wait = wait and not self._never_waits
        if wait:
            self.core.check_may_wait()
        subscribers = [handle._subscriber for handle in handles]
        try:
            for subscriber in subscribers:
                subscriber.is_awaited = wait
                self.core.placement.place(subscriber)
            if wait:
                for handle in handles:
                    handle.wait_ready()
        except BaseException:
            # Also after Ctrl-C: a call that raises leaves no subscription behind. All are ended, as
            # any one may be about to be placed.
            self.core.placement.detach(*subscribers)
            raise


def _arguments_of(request: object) -> dict[str, Any]:
    """Return one of several requests as the arguments of `_prepare`."""
    if not isinstance(request, Mapping) or "channel" not in request:
        raise UsageError(
            "a request must be a mapping with the channel and its arguments, such as "
            f"{{'channel': 'ticker', 'symbol': 'tBTCUSD'}}, not {request!r}"
        )
    arguments = dict(request)
    options = {
        name: arguments.pop(name)
        for name in ("callback", *_OPTIONS)
        if name in arguments
    }
    return {**options, "channel": arguments.pop("channel"), "arguments": arguments}


def _routes(channel: Channel, callback: Any, on_event: EventCallback) -> Routes:
    """Return `callback` for data, and `on_event` or the log for events."""
    routes: Routes = {}
    callback, on_event = in_cell(callback), in_cell(on_event)
    if callback is not None:
        routes = {model: callback for model in data_classes(kind_of(channel))}
    if on_event is not None:
        routes.update(dict.fromkeys((Snapshot, Gap, Status, Degraded), on_event))
    else:
        log = in_cell(EventLog(" ".join(channel.identity)))
        routes.update(dict.fromkeys((Gap, Degraded), log))
    return routes
