"""Updates of the account reach the handlers of their events, and keep their keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

import pytest

from bfxsync._base.enums import Policy
from bfxsync.models import AccountUpdate, Gap, Snapshot
from bfxsync.models.account_streams import ACCOUNT_UPDATE_EVENTS as EVENTS_OF_STREAMS
from bfxsync.models.account_streams import (
    ROW_MODELS,
    SNAPSHOTS,
    read_update,
    snapshot_update,
)
from bfxsync.wire.channels.account import AccountChannel
from bfxsync.ws.core.shared_subscription import SharedSubscription
from bfxsync.ws.core.subscriber import Subscriber
from bfxsync.ws.dispatch.account_events import ACCOUNT_UPDATE_EVENTS, key_of
from bfxsync.ws.dispatch.dispatcher import CallbackQueue, Dispatcher
from bfxsync.ws.dispatch.events import Listeners, events_of, routes_for
from bfxsync.ws.dispatch.update_kinds import (
    ACCOUNT,
    data_classes,
    kind_of,
)

DATA = Path(__file__).parents[1] / "data" / "account-frames.jsonl"
FRAMES = {
    record["kind"]: json.loads(record["frame"])
    for record in map(json.loads, DATA.read_text("utf-8").splitlines())
}


def update_of(kind: str) -> AccountUpdate:
    _, code, row = FRAMES[kind][:3]
    if isinstance(row[0], list):
        rows = [ROW_MODELS[code].from_row(each) for each in row]
        return snapshot_update(code, rows)
    return read_update(code, row, float)


@pytest.fixture
def calls() -> List[Any]:
    return []


@pytest.fixture
def routes(calls: List[Any]) -> Any:
    listeners = Listeners()
    for event in events_of(ACCOUNT):
        listeners.add(event, lambda data, event=event: calls.append((event, data)))

    def fail(exc: BaseException) -> None:
        raise exc

    source: Any = None
    return routes_for(ACCOUNT, source, listeners, fail)


def test_the_account_channel_has_a_kind_of_its_own() -> None:
    assert kind_of(AccountChannel()) == ACCOUNT
    assert data_classes(ACCOUNT) == (AccountUpdate,)
    assert ACCOUNT_UPDATE_EVENTS == EVENTS_OF_STREAMS


@pytest.mark.parametrize(
    "kind, event",
    [
        ("on", "order_new"),
        ("oc.executed", "order_cancel"),
        ("pc", "position_close"),
        ("auth.te", "trade_execution"),
        ("auth.tu", "trade_execution_update"),
        ("auth.fte", "funding_trade_execution"),
        ("miu.base", "base_margin_info"),
        ("miu.sym", "symbol_margin_info"),
        ("n.on-req.success", "on-req-notification"),
        ("n.uca", "notification"),
        ("bu", "balance_update"),
        ("ws", "wallet_snapshot"),
    ],
)
def test_handlers_of_one_event_get_the_data_only(
    routes: Any, calls: List[Any], kind: str, event: str
) -> None:
    update = update_of(kind)
    routes[AccountUpdate](update)
    assert calls == [(event, update.data)]


def test_a_snapshot_calls_the_handler_of_each_kind(
    routes: Any, calls: List[Any]
) -> None:
    orders, offers = update_of("os"), snapshot_update("fos", [])
    routes[Snapshot](Snapshot([orders, offers, update_of("bu")]))
    assert calls == [
        ("order_snapshot", orders.data),
        ("funding_offer_snapshot", []),
    ]


def test_latest_keeps_one_update_of_each_object() -> None:
    keys = {
        kind: key_of(update_of(kind))
        for kind in FRAMES
        if FRAMES[kind][2] and not FRAMES[kind][1].startswith("h")
    }
    order = keys["oc.canceled"]
    assert order == keys["ou"] != keys["on"]
    assert keys["pn"] == keys["pu.calculated"] != keys["pc"]
    assert keys["wu.engine"] != keys["wu.calculated"]
    assert keys["fcn"] == keys["fcu"] != keys["fln"]
    # Fills and notifications are never replaced by others.
    assert keys["auth.te.old"] != keys["auth.tu.old"]
    other = update_of("n.uca"), update_of("n.uca")
    assert key_of(other[0]) != key_of(other[1])
    assert keys["bu"] == ("b", None) and keys["os"] == ("o", None)
    assert keys["miu.sym"] != keys["miu.base"]


def order_frames(count: int) -> List[Any]:
    rows = [[identity, *FRAMES["on"][2][1:]] for identity in range(1, count + 1)]
    return [[0, "on", row] for row in rows]


@pytest.fixture
def shared() -> SharedSubscription:
    channel = AccountChannel()
    shared = SharedSubscription(channel, {"channel": "account"})
    channel.begin(0.0)
    shared.deliver(channel.feed_many([[0, code, []] for code in SNAPSHOTS]))
    shared.resolve(None)
    return shared


def test_a_full_mailbox_gets_a_gap_and_the_whole_state(
    shared: SharedSubscription,
) -> None:
    fields = {"channel": "account"}
    user = Subscriber(shared.channel, fields, None, size=3, policy=Policy.RESYNC)
    shared.attach(user)
    reader = user.reading()
    shared.read(user, reader)
    for frame in order_frames(9):
        shared.deliver(shared.channel.feed_one(frame))
    items = [reader.get(0.0) for _ in range(len(reader))]
    gap, snapshot, *rest = items
    assert isinstance(gap, Gap) and gap.dropped + len(rest) == 9
    # State and later updates together are the whole of it.
    seen = {order.id for order in snapshot.rows[0].data}
    assert seen | {update.data.id for update in rest} == set(range(1, 10))


def test_a_slow_handler_gets_the_whole_state(
    shared: SharedSubscription, calls: List[Any], routes: Any
) -> None:
    queue = CallbackQueue("events", routes, Dispatcher("none"), size=3)
    shared.listen(queue)
    for frame in order_frames(9):
        shared.deliver(shared.channel.feed_one(frame))
    for item in queue.mailbox.next_batch(100):
        routes.get(type(item), lambda item: None)(item)
    known: dict[int, Any] = {}
    for event, data in calls:
        if event == "order_snapshot":
            known = {order.id: order for order in data}
        elif event == "order_new":
            known[data.id] = data
    assert sorted(known) == list(range(1, 10))
