"""One subscription on the wire and its users, without a connection."""

from __future__ import annotations

import gc
import weakref
from datetime import timedelta

import pytest

from bfxsync import (
    ClosedError,
    Degraded,
    Gap,
    Snapshot,
    Status,
    SubscriptionStatus,
    Trade,
    TradeUpdate,
)
from bfxsync._base.enums import Policy
from bfxsync.wire.channels import channel_for
from bfxsync.ws.core.shared_subscription import SharedSubscription
from bfxsync.ws.core.subscriber import Subscriber
from bfxsync.ws.dispatch.dispatcher import CallbackQueue, Dispatcher
from bfxsync.ws.dispatch.mailbox import Mailbox

FRAME = [7, [[1, 1_574_694_475_039, 0.5, 100.0]]]


@pytest.fixture
def stream():
    channel = channel_for("trades", number=float, symbol="tBTCUSD")
    return SharedSubscription(channel, {"channel": "trades"})


def subscriber(stream):
    fields = dict(stream.subscription)
    return Subscriber(stream.channel, fields, None, size=10, policy=Policy.RESYNC)


def go_live(stream):
    stream.deliver(stream.channel.feed_many([FRAME]))
    stream.resolve(None)


@pytest.mark.parametrize(
    "item, status",
    [
        (None, SubscriptionStatus.LIVE),
        (Gap("the link"), SubscriptionStatus.GAP),
        (Degraded("of no help"), SubscriptionStatus.DEGRADED),
        (Status(SubscriptionStatus.MAINTENANCE), SubscriptionStatus.MAINTENANCE),
    ],
    ids=["live", "gap", "degraded", "maintenance"],
)
def test_a_late_subscriber_finds_the_present_state(stream, item, status):
    early, late = subscriber(stream), subscriber(stream)
    stream.attach(early)
    go_live(stream)
    if item is not None:
        stream.deliver([item])
    stream.attach(late)
    assert early.status is late.status is status
    assert late.resolved.is_set and late.error is None
    stream.deliver([Status(SubscriptionStatus.LIVE)])
    assert early.status is late.status is SubscriptionStatus.LIVE


def test_r03_a_subscriber_that_comes_in_a_gap_waits(stream):
    early, late = subscriber(stream), subscriber(stream)
    stream.attach(early)
    go_live(stream)
    stream.channel.lose()
    stream.deliver([Gap("the link")])
    stream.attach(late)
    assert late.status is SubscriptionStatus.GAP and not late.resolved.is_set
    stream.deliver([Status(SubscriptionStatus.MAINTENANCE)])
    assert not late.resolved.is_set
    stream.deliver(stream.channel.feed_many([FRAME]))
    assert late.status is SubscriptionStatus.LIVE
    assert late.resolved.is_set and late.error is None


def test_timeouts_count_from_the_first_request_wherever_it_moves(stream):
    user = subscriber(stream)
    stream.attach(user)
    for now in (1.0, 2.0):
        stream.mark_requested(now)
        assert stream.requested_at == user.requested_at == 1.0
    # Where there was no room it was not requested.
    stream.mark_requested(None)
    assert user.requested_at is None
    stream.mark_requested(3.0)
    assert stream.requested_at == user.requested_at == 3.0


def test_a_reader_that_is_asked_for_twice_gets_everything_once(stream):
    user = subscriber(stream)
    stream.attach(user)
    go_live(stream)
    user.reader = Mailbox(10)
    stream.read(user, user.reader)
    stream.read(user, user.reader)
    stream.deliver([Trade(2, 0, 1.0, 1.0)])
    assert [type(item) for item in user.reader.next_batch(10)] == [Snapshot, Trade]


def test_an_earlier_reader_is_filled_from_the_attachment_on(stream):
    user = subscriber(stream)
    user.reader = Mailbox(10)
    go_live(stream)
    stream.attach(user)
    stream.deliver([Trade(2, 0, 1.0, 1.0)])
    assert [type(item) for item in user.reader.next_batch(10)] == [Snapshot, Trade]


def test_r09_a_detached_subscriber_leaves_nothing(stream):
    early = subscriber(stream)
    stream.attach(early)
    go_live(stream)
    late = subscriber(stream)
    late.reader = Mailbox(10)
    stream.attach(late)
    left = weakref.ref(late), weakref.ref(late.reader)
    assert not stream.detach(late)
    del late
    gc.collect()
    assert [reference() for reference in left] == [None, None]


def test_merged_subscribers_go_on_with_a_snapshot(stream):
    other = SharedSubscription(stream.channel, stream.subscription)
    users = [subscriber(stream), subscriber(stream)]
    for user in users:
        user.reader = Mailbox(10)
        stream.attach(user)
    go_live(other)
    stream.merge_into(other)
    assert stream.subscribers == [] and other.subscribers == users
    assert {user.status for user in users} == {SubscriptionStatus.LIVE}
    for user in users:
        assert [type(item) for item in user.reader.next_batch(10)] == [Snapshot]


@pytest.mark.parametrize("policy", list(Policy))
def test_r09_confirmations_take_no_place_in_the_mailbox_of_a_handle(stream, policy):
    user = subscriber(stream)
    user.reader = Mailbox(4, policy)
    stream.attach(user)
    stream.channel.extras = True
    callback_queue = CallbackQueue("events", {}, Dispatcher("none"), size=100)
    stream.listen(callback_queue)
    go_live(stream)
    rows = [[number, 1_574_694_475_039 + number, 0.5, 100.0] for number in (2, 3)]
    frames = [[7, tag, row] for row in rows for tag in ("te", "tu")]
    assert stream.deliver(stream.channel.feed_many(frames)) == 2
    assert user.update_count == 2 and user.dropped_count == 0
    kinds = [type(item) for item in user.reader.next_batch(10)]
    assert kinds == [Snapshot, Trade, Trade]
    kinds = [type(item) for item in callback_queue.mailbox.next_batch(10)]
    assert kinds == [Snapshot] + [Trade, TradeUpdate] * 2


@pytest.mark.parametrize("is_live", [True, False])
def test_r10_what_belongs_to_a_parent_raises_and_waits_for_nothing(stream, is_live):
    user = subscriber(stream)
    stream.attach(user)
    user.reader = Mailbox(10)
    if is_live:
        go_live(stream)
    error = ClosedError("of the parent")
    user.detach_after_fork(error)
    assert user.status is SubscriptionStatus.CLOSED and user.error is error
    assert user.resolved.is_set and user.is_released
    with pytest.raises(ClosedError, match="of the parent"):
        user.reader.get(0.1)


def test_r10_what_had_ended_before_the_fork_keeps_its_error(stream):
    refused = subscriber(stream)
    error = ClosedError("no such symbol")
    refused.resolve(error)
    refused.detach_after_fork(ClosedError("of the parent"))
    assert refused.status is SubscriptionStatus.REJECTED and refused.error is error
    assert str(refused.detached) == "of the parent"


def test_a_gap_says_from_when_to_when(stream):
    """Until is set before the snapshot is delivered, and not by what comes in between."""
    early = subscriber(stream)
    stream.attach(early)
    go_live(stream)
    clock = stream.clock
    stream.channel.seen_at = seen_at = clock.now()
    stream.channel.lose()
    gap = Gap("the link")
    stream.deliver([gap])
    assert abs(gap.since - clock.utc(seen_at)) < timedelta(seconds=1)
    stream.deliver([Status(SubscriptionStatus.MAINTENANCE)])
    assert gap.until is None
    before = clock.utc(clock.now())
    stream.deliver([Snapshot([])])
    assert gap.until >= before > gap.since - timedelta(seconds=1)
    until = gap.until
    stream.deliver([Snapshot([])])
    assert gap.until is until and gap == Gap("the link")


def test_the_gap_of_a_channel_that_was_never_heard_has_no_begin(stream):
    gap = Gap("the link")
    stream.deliver([gap])
    assert gap.since is None


# --- the policy latest ------------------------------------------------------------------------

TICKER_FRAME = [7, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]]


def ticker_stream():
    channel = channel_for("ticker", number=float, symbol="tBTCUSD")
    return SharedSubscription(channel, {"channel": "ticker"})


def of_policy(stream, policy):
    return Subscriber(stream.channel, {}, None, size=10, policy=policy)


def test_the_last_state_is_enough_if_every_consumer_says_so():
    stream = ticker_stream()
    channel = stream.channel
    latest, all_of_them = (
        of_policy(stream, policy) for policy in (Policy.LATEST, Policy.DROP_OLDEST)
    )
    assert channel.wants_last, "nobody consumes anything"
    for subscriber in (latest, all_of_them):
        stream.attach(subscriber)
    stream.read(latest, latest.reading())
    assert channel.wants_last
    stream.read(all_of_them, all_of_them.reading())
    assert not channel.wants_last
    stream.detach(all_of_them)
    assert channel.wants_last
    stream.listen(CallbackQueue("test", {}, Dispatcher("test"), size=10))
    assert not channel.wants_last, "event handlers get everything"


def test_a_reader_that_is_gone_wants_nothing():
    stream = ticker_stream()
    subscriber = of_policy(stream, Policy.RESYNC)
    stream.attach(subscriber)
    stream.read(subscriber, subscriber.reading())
    assert not stream.channel.wants_last
    stream.stop_reading(subscriber.reader)
    assert stream.channel.wants_last


def test_of_changes_every_one_is_wanted(stream):
    stream.attach(of_policy(stream, Policy.LATEST))
    assert not stream.channel.wants_last


def test_updates_that_were_left_out_are_counted():
    stream = ticker_stream()
    subscriber = of_policy(stream, Policy.LATEST)
    stream.attach(subscriber)
    stream.deliver(stream.channel.feed_many([TICKER_FRAME]))
    stream.channel.skipped_count = 9
    assert stream.deliver(stream.channel.feed_many([TICKER_FRAME])) == 10
    assert stream.deliver(stream.channel.feed_many([TICKER_FRAME])) == 1
    assert subscriber.update_count == 12
