"""Channel 0: frames in, updates and state out."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.errors import RemoteError
from bfxsync.models import AccountTrade, AccountUpdate, Notification, Order, Snapshot
from bfxsync.models.account_streams import CODES, SNAPSHOTS
from bfxsync.wire.channels.account import SNAPSHOT_WAIT_S, AccountChannel
from bfxsync.wire.codec import loads_for

DATA = Path(__file__).parents[1] / "data" / "account-frames.jsonl"
RECORDS = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
FRAMES: Dict[str, List[Any]] = {
    record["kind"]: json.loads(record["frame"]) for record in RECORDS
}
# Of a test of sequence numbers, without content.
EMPTY = ("auth.seq.during-sync", "auth.seq.wu")
DEPRECATED = ("hos", "hfos", "hfcs", "hfls")
NOW = 1_000.0


def order(identity: int, status: str = "ACTIVE", mts: int = 5, cid: int = 7) -> Any:
    row = [None] * 32
    row[:9] = [identity, None, cid, "tBTCUSD", 1, mts, 0.1, 0.1, "EXCHANGE LIMIT"]
    row[13], row[16] = status, 30_000.0
    return row


def fill(identity: int, fee: Any = None) -> Any:
    return [identity, "tBTCUSD", 9, 55, 0.1, 3e4, "LIMIT", 3e4, 1, fee, None, 7]


def offer(identity: int) -> Any:
    row = list(FRAMES["fon"][2])
    row[0] = identity
    return row


def loan(identity: int) -> Any:
    row = list(FRAMES["fln"][2])
    row[0] = identity
    return row


def begun(**options: Any) -> AccountChannel:
    channel = AccountChannel(**options)
    assert channel.begin(NOW, 1) == []
    channel.seen_at = NOW
    return channel


def live(*frames: Any, **options: Any) -> AccountChannel:
    """Return a channel that has had these frames, and empty snapshots of all other kinds."""
    channel = begun(**options)
    synchronize(channel, *frames)
    return channel


def synchronize(channel: AccountChannel, *frames: Any) -> List[Any]:
    codes = {frame[1] for frame in frames}
    empty = [[0, code, []] for code in SNAPSHOTS if code not in codes]
    updates = channel.feed_many([*frames, *empty])
    assert channel.is_live
    return updates


def codes_of(updates: List[Any]) -> List[str]:
    return [
        "snapshot" if isinstance(update, Snapshot) else update.code
        for update in updates
    ]


def rows_of(snapshot: Any) -> Dict[str, Any]:
    return {row.code: row.data for row in snapshot.rows}


def errors_of(channel: AccountChannel) -> List[str]:
    errors, channel.errors = channel.errors, []
    assert all(isinstance(error, RemoteError) for error in errors)
    return [str(error) for error in errors]


# --- every message --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in FRAMES if kind not in EMPTY])
@pytest.mark.parametrize("number", [float, Decimal])
def test_every_sample_is_one_update(kind: str, number: Any) -> None:
    channel = live(number=number)
    text = next(record["frame"] for record in RECORDS if record["kind"] == kind)
    frame = loads_for(number)(text.encode())
    updates = channel.feed_one(frame)
    assert errors_of(channel) == []
    code = frame[1]
    if code in DEPRECATED:
        assert updates == [] and channel.unknown_codes == {repr(code): 1}
        return
    # A final form that comes first brings its fill with it.
    expected = {"tu": ["te", "tu"], "ftu": ["fte", "ftu"]}.get(code, [code])
    assert codes_of(updates) == expected


@pytest.mark.parametrize("kind", EMPTY)
def test_an_empty_row_is_reported(kind: str) -> None:
    channel = live()
    assert channel.feed_one(FRAMES[kind]) == []
    assert len(errors_of(channel)) == 1


def test_unknown_codes_are_ignored_and_counted() -> None:
    channel = live()
    assert channel.feed_many([[0, "ats", []], [0, "ats", []], [0, 7, []]]) == []
    assert channel.unknown_codes == {"'ats'": 2, "7": 1}
    channel.feed_many([[0, f"x{number}", []] for number in range(200)])
    assert len(channel.unknown_codes) == 100
    assert errors_of(channel) == []


def test_the_time_of_the_exchange_is_kept() -> None:
    channel = live()
    channel.is_timed = True
    (update,) = channel.feed_one([0, "on", order(1), 4, 2, 1786327545418])
    assert update.server_mts == 1786327545418
    (update,) = channel.feed_one([0, "on", order(1)])
    assert update.server_mts is None


@pytest.mark.parametrize("kind", ["on", "pu.nulls", "auth.te.old", "wu.old-5", "fiu"])
@pytest.mark.parametrize("more", [[None], ["new", 1, {}, [], None]])
def test_r14_appended_fields_change_nothing(kind: str, more: List[Any]) -> None:
    _, code, row = FRAMES[kind]
    width = {"on": 32, "pu": 20, "te": 12, "wu": 7, "fiu": 3}[code]
    row = row + [None] * (width - len(row))
    assert live().feed_one([0, code, row]) == live().feed_one([0, code, row + more])


def test_unreadable_data_of_a_notification_keeps_its_status() -> None:
    channel = live()
    row = [1, "on-req", None, None, {"odd": 1}, None, "SUCCESS", "text"]
    (update,) = channel.feed_one([0, "n", row])
    assert isinstance(update.data, Notification) and update.data.data is None
    assert update.event == "on-req-notification" and update.data.raw == row
    assert len(errors_of(channel)) == 1
    assert channel.feed_one([0, "n", None]) == []
    assert len(errors_of(channel)) == 1


# --- snapshots ------------------------------------------------------------------------------------


@given(st.permutations(sorted(SNAPSHOTS)))
def test_one_snapshot_after_all_snapshots_in_any_order(codes: List[str]) -> None:
    channel = begun()
    frames = [FRAMES[code] for code in codes]
    assert channel.feed_many(frames[:-1]) == [] and channel.restart() == []
    (snapshot,) = channel.feed_many(frames[-1:])
    assert list(rows_of(snapshot)) == list(SNAPSHOTS) and not snapshot.has_hole
    assert all(len(rows) == 1 for rows in rows_of(snapshot).values())
    assert channel.restart() == [snapshot]
    assert channel.deadline is None and channel.missing_orders == []


@pytest.mark.parametrize(
    "filters, codes",
    [
        (["trading", "notify"], ["os", "ps"]),
        (["trading-tBTCUSD"], ["os", "ps"]),
        (["funding-fUSD", "wallet-exchange-BTC"], ["ws", "fos", "fcs", "fls"]),
    ],
)
def test_only_snapshots_of_the_filters_are_awaited(
    filters: List[str], codes: List[str]
) -> None:
    channel = begun(filters=filters)
    (snapshot,) = channel.feed_many([[0, code, []] for code in codes])
    assert sorted(rows_of(snapshot)) == sorted(codes) and not snapshot.has_hole
    assert sorted(filter(channel.expects, SNAPSHOTS)) == sorted(codes)


def test_without_snapshots_the_channel_is_live_at_once() -> None:
    channel = AccountChannel(filters=["notify", "balance"])
    assert channel.begin(NOW) == [Snapshot([])]
    assert channel.is_live


def test_missing_snapshots_are_not_awaited_for_ever() -> None:
    channel = begun()
    assert channel.deadline == NOW + SNAPSHOT_WAIT_S
    channel.seen_at = NOW + 0.5
    channel.feed_many([[0, "os", []], [0, "n", FRAMES["n.ucm-test"][2]]])
    assert channel.deadline == NOW + 0.5 + SNAPSHOT_WAIT_S
    assert channel.tick(NOW + 1.2) == []
    snapshot, update = channel.tick(NOW + 1.5)
    assert snapshot.has_hole and rows_of(snapshot) == {"os": []}
    assert update.code == "n" and channel.tick(NOW + 9) == []
    # A late one is an update.
    (late,) = channel.feed_one(FRAMES["ws"])
    assert late.event == "wallet_snapshot" and len(late.data) == 1
    assert channel.state.wallets.is_complete


def test_a_suspend_moves_the_deadline() -> None:
    channel = begun()
    channel.suspend(60.0)
    assert channel.deadline == NOW + SNAPSHOT_WAIT_S - 60.0
    channel = live()
    channel.suspend(60.0)
    assert channel.deadline is None


def test_updates_between_snapshots_follow_the_snapshot() -> None:
    channel = begun()
    updates = synchronize(
        channel,
        [0, "on", order(1)],
        [0, "on", order(2)],
        [0, "oc", order(2, "CANCELED")],
        [0, "ou", order(3, mts=8)],
        [0, "te", fill(4)],
        [0, "os", [order(2), order(3, mts=6), order(5)]],
    )
    assert codes_of(updates) == ["snapshot", "on", "on", "oc", "ou", "te"]
    # The list may be from before these events, so what they said still counts.
    orders = channel.state.orders.items
    assert sorted(orders) == [1, 3, 5] and orders[3].mts_update == 8
    assert {item.id for item in rows_of(updates[0])["os"]} == {1, 3, 5}


def test_a_late_message_does_not_reopen_a_closed_order() -> None:
    channel = live([0, "os", [order(1)]])
    updates = channel.feed_many(
        [[0, "oc", order(1, "CANCELED")], [0, "ou", order(1)], [0, "on", order(1)]]
    )
    assert codes_of(updates) == ["oc", "ou", "on"]
    assert channel.state.orders.items == {}


def test_a_loan_may_become_a_credit_and_a_loan_again() -> None:
    channel = live([0, "fls", [loan(1)]])
    channel.feed_many([[0, "flc", loan(1)], [0, "fln", loan(1)]])
    assert list(channel.state.loans.items) == [1]


# --- losses ---------------------------------------------------------------------------------------


def test_the_state_of_a_lost_socket_stays_until_the_next_snapshot() -> None:
    channel = live([0, "os", [order(1), order(2)]], [0, "ws", [FRAMES["wu.engine"][2]]])
    channel.feed_one(FRAMES["bu"])
    channel.lose()
    orders = channel.state.orders
    assert not channel.is_live and channel.restart() == []
    assert sorted(orders.items) == [1, 2]
    assert orders.has_snapshot and not orders.is_current
    channel.begin(NOW + 5, 1)
    assert channel.state.balance is None
    updates = synchronize(channel, [0, "os", [order(2), order(3)]])
    assert codes_of(updates) == ["snapshot"]
    assert sorted(orders.items) == [2, 3] and channel.missing_orders == [1]


def test_closed_orders_from_rest_are_delivered_once() -> None:
    channel = live([0, "os", [order(1), order(2)]])
    channel.feed_one([0, "oc", order(2, "CANCELED")])
    channel.lose()
    channel.begin(NOW, 1)
    assert channel.restore_orders([]) == []
    synchronize(channel)
    assert channel.missing_orders == [1]
    closed = [Order.from_row(order(id, "EXECUTED")) for id in (1, 2)]
    (update,) = channel.restore_orders(closed)
    assert (update.code, update.event, update.data) == ("oc", "order_cancel", closed[0])
    assert channel.restore_orders(closed) == []


def test_what_lasts_of_held_updates_is_delivered_after_another_loss() -> None:
    channel = begun()
    channel.feed_many(
        [
            [0, "on", order(1)],
            [0, "oc", order(1, "EXECUTED")],
            [0, "te", fill(4)],
            FRAMES["n.ucm-test"],
            FRAMES["wu.engine"],
        ]
    )
    channel.lose()
    channel.begin(NOW, 1)
    trade = AccountTrade.from_row(fill(5, -0.1))
    assert channel.restore_trades([trade]) == []
    updates = synchronize(channel)
    assert codes_of(updates) == ["snapshot", "oc", "te", "n", "te", "tu"]


def test_another_account_starts_with_nothing() -> None:
    channel = live([0, "os", [order(1)]])
    channel.feed_one([0, "te", fill(4)])
    channel.lose()
    channel.feed_one([0, "te", fill(6)])
    channel.begin(NOW, 2)
    assert channel.state.orders.items == {} and channel.state.trades.items == {}
    assert codes_of(synchronize(channel, [0, "os", [order(9)]])) == ["snapshot"]
    assert channel.missing_orders == []


# --- fills ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("executed, final", [("te", "tu"), ("fte", "ftu")])
def test_a_fill_is_delivered_once_in_each_form(executed: str, final: str) -> None:
    def row(identity: int) -> Any:
        if executed == "te":
            return fill(identity)
        return [identity, *FRAMES["auth.fte"][2][1:]]

    channel = live()
    frames = [
        [0, executed, row(1)],
        [0, executed, row(1)],
        [0, final, row(1)],
        [0, final, row(1)],
        [0, final, row(2)],
        [0, executed, row(2)],
    ]
    updates = channel.feed_many(frames)
    assert codes_of(updates) == [executed, final, executed, final]
    assert [update.data.id for update in updates] == [1, 1, 2, 2]
    channel.lose()
    channel.begin(NOW, 1)
    assert codes_of(synchronize(channel, *frames)) == ["snapshot"]


def test_the_fee_of_a_fill_is_kept() -> None:
    channel = live()
    channel.feed_many(
        [[0, "te", fill(1)], [0, "tu", fill(1, -0.5)], [0, "te", fill(1)]]
    )
    assert channel.state.trades.items[1].fee == -0.5
    assert channel.state.trades.last_mts == 9
    assert channel.state.funding_trades.last_mts is None


def test_missed_fills_are_delivered_once() -> None:
    channel = live()
    channel.feed_many(
        [[0, "te", fill(1)], [0, "te", fill(2)], [0, "tu", fill(2, -0.1)]]
    )
    found = [AccountTrade.from_row(fill(id, -0.1)) for id in (1, 2, 3)]
    updates = channel.restore_trades(found)
    assert [(update.code, update.data.id) for update in updates] == [
        ("tu", 1),
        ("te", 3),
        ("tu", 3),
    ]
    assert {update.event for update in updates} == {
        "trade_execution",
        "trade_execution_update",
    }
    assert channel.restore_trades(found) == []


@given(
    st.lists(st.tuples(st.sampled_from(["te", "tu", "rest", "cut"]), st.integers(1, 4)))
)
def test_fills_in_any_order_are_delivered_once(steps: List[Any]) -> None:
    channel = live()
    delivered: List[Any] = []
    for step, identity in steps:
        if step == "cut":
            channel.lose()
            channel.begin(NOW, 1)
            delivered += synchronize(channel)
        elif step == "rest":
            delivered += channel.restore_trades(
                [AccountTrade.from_row(fill(identity, -0.1))]
            )
        else:
            delivered += channel.feed_one([0, step, fill(identity, None)])
    fills = [
        (item.code, item.data.id)
        for item in delivered
        if isinstance(item, AccountUpdate)
    ]
    assert len(fills) == len(set(fills))
    used = {identity for step, identity in steps if step != "cut"}
    assert {identity for code, identity in fills if code == "te"} == used
    final = {identity for step, identity in steps if step in ("tu", "rest")}
    assert {identity for code, identity in fills if code == "tu"} == final
    for code, identity in fills:
        if code == "tu":
            assert fills.index(("te", identity)) < fills.index(("tu", identity))


# --- unreadable rows ------------------------------------------------------------------------------


def test_an_unreadable_row_hides_no_order() -> None:
    channel = live([0, "os", [order(1), order(2), order(3)]])
    channel.lose()
    channel.begin(NOW, 1)
    bad = order(2)
    bad[13] = 5
    updates = synchronize(channel, [0, "os", [order(3), bad]])
    orders = channel.state.orders
    assert updates[0].has_hole and not orders.is_complete
    assert len(errors_of(channel)) == 1
    # 1 is certainly gone, 2 is there but not known, 3 is known.
    assert sorted(orders.items) == [2, 3] and channel.missing_orders == [1, 2]
    ((row, reason),) = orders.unreadable.values()
    assert row == bad and "Order.order_status" in reason
    channel.feed_one([0, "ou", order(2)])
    assert orders.is_complete


@pytest.mark.parametrize("bad", [None, [], {}, 7, ["x"], [None, 1], [[1]]])
def test_a_row_without_id_may_be_any_order(bad: Any) -> None:
    channel = live([0, "os", [order(1)]])
    channel.lose()
    channel.begin(NOW, 1)
    synchronize(channel, [0, "os", [order(3), bad]])
    orders = channel.state.orders
    assert sorted(orders.items) == [1, 3] and not orders.is_complete
    channel.lose()
    channel.begin(NOW, 1)
    synchronize(channel, [0, "os", [order(3)]])
    assert sorted(orders.items) == [3] and orders.is_complete


@pytest.mark.parametrize("rows", [None, 7, {}, "text"])
def test_an_unreadable_snapshot_is_reported_and_awaited_no_longer(rows: Any) -> None:
    channel = live([0, "os", [order(1)]])
    channel.lose()
    channel.begin(NOW, 1)
    synchronize(channel, [0, "os", rows])
    orders = channel.state.orders
    assert sorted(orders.items) == [1] and not orders.is_complete
    assert list(orders.unreadable.values())[0][0] == rows
    assert len(errors_of(channel)) == 1


@pytest.mark.parametrize(
    "code, row",
    [
        ("oc", [5, None]),
        ("wu", ["exchange", "BTC", "much"]),
        ("wu", ["exchange", 5]),
        ("pu", ["tBTCUSD"]),
        ("pu", [7]),
        ("fou", [5]),
    ],
)
def test_an_unreadable_update_makes_its_table_incomplete(code: str, row: Any) -> None:
    channel = live()
    assert channel.feed_one([0, code, row]) == [] and len(errors_of(channel)) == 1
    table = channel.state.table_of(code)
    assert table is not None and not table.is_complete
    assert [kept for kept, _ in table.unreadable.values()] == [row]


def test_two_unreadable_rows_of_one_key_are_both_kept() -> None:
    channel = live()
    channel.feed_many([[0, "ou", [5]], [0, "ou", [5, 1]]])
    assert len(channel.state.orders.unreadable) == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=8,
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(CODES) + ["ats"]) | json_values,
            json_values,
            st.lists(st.integers(), max_size=3),
        )
    )
)
def test_r14_any_frame_is_read_or_reported(frames: List[Any]) -> None:
    channel = live()
    channel.is_timed = True
    channel.feed_many([[0, code, row, *suffix] for code, row, suffix in frames])
    channel.feed_many([[0], [0, "on"], {}, None])  # type: ignore[list-item]
    errors_of(channel)
    (update,) = channel.feed_one([0, "bu", [1.5, 2.5]])
    assert update.event == "balance_update"


@given(st.data())
def test_r14_a_damaged_sample_never_raises(data: Any) -> None:
    channel = live()
    _, code, row = FRAMES[data.draw(st.sampled_from(sorted(FRAMES)))][:3]
    row = list(row)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, max(0, len(row) - 1)))
        row[place : place + 1] = [data.draw(json_values)]
    updates = channel.feed_one([0, code, row])
    assert updates or errors_of(channel) or code in DEPRECATED
