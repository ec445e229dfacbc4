"""
Takes the frames of channel 0 to the order tracker and to the user.

Strategy: the tracker sees each update before it is delivered, so that a callback finds the reply of
its order complete. After a loss, fills are fetched from the last known one, but never from before
the account was first followed: they would be news to the user.
"""

from __future__ import annotations

from typing import Any, Collection, Hashable, Iterable, Mapping, Sequence, TypeVar

from bfxsync._base.aliases import Mts
from bfxsync._base.enums import SubscriptionStatus
from bfxsync.errors import ClosedError
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.account_update import AccountUpdate
from bfxsync.models.orders import Order
from bfxsync.models.stream import AccountMessage, Gap, Status
from bfxsync.wire.channels.account import AccountChannel
from bfxsync.wire.commands import RestoreOrders, RestoreTrades, Subscribe
from bfxsync.wire.frames import HEARTBEAT
from bfxsync.wire.input_queue import InputQueue
from bfxsync.wire.orders import OrderTracker
from bfxsync.wire.outputs import (
    AccountReplaced,
    AnyOutput,
    Deliver,
    FetchMissed,
    Report,
    Requested,
    Resolve,
)

M = TypeVar("M", Order, AccountTrade)

REPLACED = "the key was replaced by one of another account"

# The filters that let all orders and offers through.
_WHOLE = {"trading", "funding"}
# Before the symbol of a filter.
_TRADING = "trading-"


class AccountDelivery:
    """
    Feeds the channel, informs the tracker, and delivers updates to the subscription.

    `filters` are those of the authentication.
    """

    def __init__(
        self, channel: AccountChannel, tracker: OrderTracker, filters: Collection[str]
    ) -> None:
        self.channel = channel
        self._tracker = tracker
        self._sees_all = not filters or _WHOLE.issubset(filters)
        # Of which orders and fills the user is told; None for all.
        self._symbols: set[str] | None = None
        if filters and "trading" not in filters:
            self._symbols = {
                text[len(_TRADING) :] for text in filters if text.startswith(_TRADING)
            }
        self._token: Hashable = None
        # Time of the exchange from which on the account is followed, and of which account.
        self._since_mts: Mts | None = None
        self._account: object = None
        self._has_lost = False

    @property
    def has_wallets(self) -> bool:
        """Whether the wallet snapshot of this socket has arrived."""
        return self.channel.state.wallets.is_current

    def subscribe(self, command: Subscribe, is_requested: bool) -> list[AnyOutput]:
        """Deliver to this token from now on, beginning with the current state."""
        if self._token is not None:
            return []
        self._token = command.token
        outputs = self.requested() if is_requested else []
        if self.channel.is_live:
            outputs += self._deliver(self.channel.restart())
            outputs.append(Resolve(self._token))
        return outputs

    def unsubscribe(self) -> None:
        """Deliver no more; the state of the account is kept current all the same."""
        self._token = None

    def requested(self) -> list[AnyOutput]:
        """Return that the data was requested from the exchange."""
        return [] if self._token is None else [Requested(self._token)]

    def announce(self, messages: Iterable[Any]) -> list[AnyOutput]:
        """Deliver messages as they came, if there are handlers for them."""
        if not self.channel.extras:
            return []
        return self._deliver([AccountMessage(message) for message in messages])

    def begin(
        self, body: Mapping[str, Any], inputs: InputQueue, now: float
    ) -> list[AnyOutput]:
        """
        Start on a socket that was authenticated; `body` is the exchange's answer.

        If the account is another one, end what is about the former one, and drop the `inputs`.
        """
        account = body.get("userId")
        outputs = self.announce([body])
        if account != self._account:
            if self._account is not None:
                outputs += inputs.drop(REPLACED)
                outputs.append(AccountReplaced(ClosedError(REPLACED)))
                self._tracker.forget()
            self._account = account
            self._since_mts = None
        return outputs + self._finish(self.channel.begin(now, account), False, now)

    def follow_from(self, mts: object) -> None:
        """Note the time of the exchange; the first one is when the account is followed from."""
        if self._since_mts is None and type(mts) is int:
            self._since_mts = mts

    def feed(self, frames: list[Any], now: float) -> list[AnyOutput]:
        """Process frames of channel 0, in order."""
        channel = self.channel
        was_live = channel.is_live
        channel.seen_at = now
        # Consumed for handlers only.
        messages = self.announce(map(_content, frames))
        return messages + self._finish(channel.feed_many(frames), was_live, now)

    def deadline(self) -> float | None:
        """Return when to call `tick`, or None."""
        return self.channel.deadline

    def tick(self, now: float) -> list[AnyOutput]:
        """Start without the snapshots that do not come."""
        was_live = self.channel.is_live
        return self._finish(self.channel.tick(now), was_live, now)

    def restore(
        self, command: RestoreTrades | RestoreOrders, now: float
    ) -> list[AnyOutput]:
        """Deliver what was missed during an outage."""
        outputs: list[AnyOutput] = [*self._tracker.restore(command, now)]
        if isinstance(command, RestoreTrades):
            updates = self.channel.restore_trades(self._covered(command.trades))
        else:
            updates = self.channel.restore_orders(self._covered(command.orders))
        return outputs + self._deliver(updates)

    def _covered(self, items: Sequence[M]) -> list[M]:
        """Return the orders or trades that the filters let through."""
        symbols = self._symbols
        if symbols is None:
            return list(items)
        return [item for item in items if item.symbol in symbols]

    def pause(self) -> list[AnyOutput]:
        """Deliver that the exchange is in maintenance."""
        status = Status(SubscriptionStatus.MAINTENANCE)
        return self._deliver([status]) if self.channel.is_live else []

    def lose(self, reason: str) -> list[AnyOutput]:
        """Deliver the gap that begins with the loss of the socket."""
        outputs: list[AnyOutput] = []
        if self.channel.is_live:
            self._has_lost = True
            outputs += self._deliver([Gap(reason)])
        self.channel.lose()
        return outputs

    def _finish(
        self, updates: list[Any], was_live: bool, now: float
    ) -> list[AnyOutput]:
        channel = self.channel
        outputs: list[AnyOutput] = []
        if channel.is_live and not was_live:
            outputs += self._go_live(now)
        handle = self._tracker.handle
        for update in updates:
            if isinstance(update, AccountUpdate):
                outputs += handle(update, now)
        outputs += self._deliver(updates)
        if channel.is_live and not was_live and self._token is not None:
            outputs.append(Resolve(self._token))
        if channel.errors:
            outputs += map(Report, channel.errors)
            channel.errors = []
        return outputs

    def _go_live(self, now: float) -> list[AnyOutput]:
        state = self.channel.state
        outputs: list[AnyOutput] = []
        orders, offers = state.orders, state.offers
        is_complete = self._sees_all and orders.is_complete and offers.is_complete
        shown = self._tracker.snapshot(
            orders.items.values(), is_complete, now, offers.items.values()
        )
        fetch: FetchMissed | None = None
        for output in shown:
            if isinstance(output, FetchMissed):
                fetch = output
            else:
                outputs.append(output)
        if self._has_lost:
            outputs += self._fetch_missed(fetch)
        self._has_lost = False
        return outputs

    def _fetch_missed(self, fetch: FetchMissed | None) -> list[AnyOutput]:
        times = [time for time in (fetch and fetch.since_mts, self._since_mts) if time]
        if not times or (fetch is None and self._symbols == set()):
            return []
        ids = dict.fromkeys(
            (*(fetch.order_ids if fetch else ()), *self.channel.missing_orders)
        )
        return [FetchMissed(max(times), tuple(ids))]

    def _deliver(self, updates: list[Any]) -> list[AnyOutput]:
        if not updates or self._token is None:
            return []
        return [Deliver(self._token, updates)]


def _content(frame: list[Any]) -> list[Any]:
    """Return a message without the numbers that the flags of the socket add."""
    return frame[: 2 if frame[1] == HEARTBEAT else 3]
