"""Inputs of the account channel, without sockets."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bfxsync.paper import PaperAccount

from ..support import SEQ, read_data
from .channel import ChannelSession, codes_of, node_audit, plain_audit, rows_of
from .support import MTS, EngineHarness

INPUTS = {
    record["kind"]: json.loads(record["frame"])
    for record in read_data("account-inputs.jsonl")
    if record["frame"].startswith("[") and '[0,"fo' not in record["frame"]
}
TODAY = time.strftime("%Y-%m-%d", time.gmtime(MTS // 1000))
LIMIT = {"type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": "0.5", "price": "100"}
MARKET = {"type": "EXCHANGE MARKET", "symbol": "tBTCUSD", "amount": "0.1"}


@pytest.fixture
def channel(harness: EngineHarness) -> ChannelSession:
    channel = ChannelSession(harness)
    channel.log_in()
    return channel


def ask(channel: ChannelSession, kind: str, data: Any) -> tuple[Any, list[Any]]:
    """The notification that answers an input, and the events after it."""
    first, *events = channel.send([0, kind, None, data])
    assert first[:2] == [0, "n"] and len(first[2]) == 8
    return first[2], events


def submitted(channel: ChannelSession, **body: Any) -> Any:
    note, _ = ask(channel, "on", {**LIMIT, **body})
    assert note[6] == "SUCCESS", note
    return note[4]


def test_a_resting_order_is_acknowledged_then_new(channel: ChannelSession) -> None:
    note, events = ask(channel, "on", {**LIMIT, "cid": 7, "gid": 3})
    now = channel.harness.now
    text = "Submitting exchange limit buy order for 0.5 BTC."
    (order,) = channel.harness.account.orders.values()
    assert note == [now, "on-req", None, None, order.row(), None, "SUCCESS", text]
    assert len(note[4]) == 32 and note[4][:4] == [order.id, 3, 7, "tBTCUSD"]
    assert codes_of(events) == ["wu", "on"]


def test_a_filled_order_was_acknowledged_as_active(channel: ChannelSession) -> None:
    note, events = ask(channel, "on", {**MARKET, "cid": 7})
    assert (note[4][6], note[4][7], note[4][13]) == (0.1, 0.1, "ACTIVE")
    assert [code for code in codes_of(events) if code[0] == "o"] == ["oc"]
    (closed,) = rows_of("oc", events)
    assert closed[:3] == note[4][:3] and closed[13].startswith("EXECUTED @ ")


def test_an_oco_order_has_one_acknowledgement(channel: ChannelSession) -> None:
    body = {"amount": "-0.5", "price": "90000", "flags": 16384, "cid": 1}
    note, events = ask(channel, "on", {**LIMIT, **body, "price_oco_stop": "1000"})
    assert note[4][2] == 1
    assert [row[8] for row in rows_of("on", events)] == [
        "EXCHANGE LIMIT",
        "EXCHANGE STOP",
    ]


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"cid": "7"}, 10001, "cid: invalid"),
        ({"cid": 2**45}, 10001, "cid: invalid"),
        ({"type": "limit"}, 10001, "type: invalid"),
        ({"type": ["LIMIT"]}, 10001, "type: invalid"),
        ({"symbol": "tNOPE"}, 10001, "symbol: invalid"),
        ({"symbol": {}}, 10001, "symbol: invalid"),
        ({"amount": "0"}, 10001, "amount: invalid"),
        ({"amount": "nan"}, 10001, "amount: invalid"),
        ({"price": "x"}, 10001, "price: invalid"),
        ({"amount": "0.00000123"}, 10001, "Invalid order: minimum size"),
        ({"amount": "1500"}, 10001, "Invalid order: not enough exchange balance"),
    ],
)
def test_a_refused_order_is_named_by_its_cid(
    channel: ChannelSession, change: Any, code: int, text: str
) -> None:
    body = {**LIMIT, "price": "100", "cid": 7, "gid": 3, **change}
    note, events = ask(channel, "on", body)
    assert note[1:4] == ["on-req", None, None] and note[5:7] == [code, "ERROR"]
    assert note[7].startswith(text) and events == []
    assert len(note[4]) == 32
    assert note[4][:3] == [0, 3, body["cid"]]
    assert channel.harness.account.orders == {}


@pytest.mark.parametrize("data", [None, [], "x", 5, {}])
def test_an_order_without_a_body_is_refused(channel: ChannelSession, data: Any) -> None:
    note, _ = ask(channel, "on", data)
    assert note[5:] == [10001, "ERROR", "symbol: invalid"]
    assert note[4][:4] == [0, None, None, None]


def test_all_field_types_of_other_clients_are_read(channel: ChannelSession) -> None:
    nulls = dict.fromkeys("gid lev price_trailing price_aux_limit tif meta".split())
    row = submitted(channel, **nulls, cid=1.0, flags=None, hidden=0)
    assert (row[2], row[12]) == (1, 0)
    row = submitted(channel, amount=0.25, price=99.5, flags=64.0, gid=5)
    assert row[6:8] == [0.25, 0.25] and (row[1], row[12], row[16]) == (5, 64, 99.5)
    row = submitted(channel, tif="2099-01-01 10:45:23", meta={"aff_code": "abc"})
    assert row[10] == 4070947523000 and row[31] == {"aff_code": "abc"}


def test_an_update_names_its_order_by_id(channel: ChannelSession) -> None:
    row = submitted(channel, cid=7)
    note, events = ask(channel, "ou", {"id": row[0], "price": "200"})
    assert note[1] == "ou-req" and note[4][0] == row[0] and note[4][16] == 200
    assert note[7] == "Submitting update to exchange limit buy order for 0.5 BTC."
    assert rows_of("ou", events) == [note[4]]
    by_cid = {"cid": 7, "cid_date": TODAY, "delta": "-0.1"}
    note, events = ask(channel, "ou", by_cid)
    assert note[4][0] == row[0] and note[4][6] == 0.4
    # The amount before all updates, and the type before the last one.
    assert (row[9], note[4][7], note[4][9]) == (None, 0.5, "EXCHANGE LIMIT")
    note, events = ask(channel, "ou", {"id": row[0], "amount": "-1"})
    assert note[4][0] == row[0] and note[5:] == [10001, "ERROR", "amount: invalid"]
    assert events == []
    note, _ = ask(channel, "ou", {"id": 5, "amount": "1"})
    assert note[4][0] == 5 and note[7] == "Order not found."


def test_a_cancellation_by_id_names_the_order(channel: ChannelSession) -> None:
    row = submitted(channel, cid=7)
    note, events = ask(channel, "oc", {"id": row[0]})
    assert note[1] == "oc-req" and note[4] == row and note[6] == "SUCCESS"
    assert rows_of("oc", events)[0][13] == "CANCELED"
    note, events = ask(channel, "oc", {"id": row[0]})
    assert note[4][:3] == [row[0], None, None] and events == []
    assert note[5:] == [10001, "ERROR", "Order not found."]


def test_a_cancellation_by_cid_names_only_the_cid(channel: ChannelSession) -> None:
    row = submitted(channel, cid=7)
    note, events = ask(channel, "oc", {"cid": 7, "cid_date": TODAY})
    assert note[4][:4] == [None, None, 7, None] and len(note[4]) == 32
    assert str(row[0]) in note[7] and rows_of("oc", events)[0][0] == row[0]
    for body in ({"cid": 7}, {"cid": 7, "cid_date": 5}, {"id": "5"}, {}):
        note, _ = ask(channel, "oc", body)
        assert note[4][0] == body.get("id") and note[4][2] == body.get("cid")
        assert note[5:] == [10020, "ERROR", "id: invalid"]


def test_several_cancellations_are_acknowledged_by_a_list(
    channel: ChannelSession,
) -> None:
    rows = [submitted(channel, cid=n, gid=n % 2) for n in range(5)]

    def cancelled(**body: Any) -> list[int]:
        note, events = ask(channel, "oc_multi", body)
        assert note[1] == "oc_multi-req" and note[6] == "SUCCESS"
        closed = rows_of("oc", events)
        assert {row[0] for row in closed} == {row[0] for row in note[4]}
        return sorted(row[2] for row in note[4])

    assert cancelled(id=[rows[0][0]], cid=None, gid=None) == [0]
    assert cancelled(cid=[[1, TODAY], [2, "2020-01-01"]]) == [1]
    assert cancelled(gid=[1]) == [3]
    assert cancelled(all=1) == [2, 4]
    assert cancelled(all=1) == []
    note, _ = ask(channel, "oc_multi", {})
    assert note[4:] == [[], 10020, "ERROR", "id: invalid"]


def test_each_operation_of_a_batch_has_its_acknowledgement(
    channel: ChannelSession,
) -> None:
    row = submitted(channel, cid=1)
    batch = [
        ["on", {**LIMIT, "cid": 2}],
        ["on", {**LIMIT, "cid": 3, "amount": "5000"}],
        ["ou", {"id": row[0], "price": "90"}],
        ["oc", {"id": 5}],
        ["oc_multi", {"all": 1}],
    ]
    frames = channel.send([0, "ox_multi", None, batch])
    notes = rows_of("n", frames)
    assert [(note[1], note[6]) for note in notes] == [
        ("on-req", "SUCCESS"),
        ("on-req", "ERROR"),
        ("ou-req", "SUCCESS"),
        ("oc-req", "ERROR"),
        ("oc_multi-req", "SUCCESS"),
    ]
    # The events of each operation follow its acknowledgement.
    codes = [code for code in codes_of(frames) if code != "wu"]
    assert codes == ["n", "on", "n", "n", "ou", "n", "n", "oc", "oc"]


@pytest.mark.parametrize(
    "batch",
    [
        None,
        {},
        [],
        [["on"]],
        [["xx", {}]],
        [["on", []]],
        [[[], {}]],
        [["oc", {"id": 1}]] * 76,
    ],
    ids=lambda batch: str(batch)[:12],
)
def test_a_malformed_batch_is_refused_as_a_whole(
    channel: ChannelSession, batch: Any
) -> None:
    note, events = ask(channel, "ox_multi", batch)
    assert note[1:] == [
        *["ox_multi-req", None, None, None, 10020, "ERROR", "ops: invalid"]
    ]
    assert events == []
    assert len(channel.send([0, "ox_multi", None, [["oc", {"id": 1}]] * 75])) == 75


def test_only_the_sender_is_acknowledged(channel: ChannelSession) -> None:
    witness = ChannelSession(channel.harness)
    witness.log_in()
    submitted(channel)
    assert codes_of(witness.take()) == ["wu", "on"]


def test_without_notify_there_is_no_acknowledgement(harness: EngineHarness) -> None:
    channel = ChannelSession(harness)
    channel.log_in(filter=["trading"])
    assert codes_of(channel.send([0, "on", None, LIMIT])) == ["on"]


def test_a_key_needs_the_right_to_order() -> None:
    channel = ChannelSession(EngineHarness(PaperAccount(permissions={"orders": "r"})))
    channel.log_in()
    for kind in ("on", "ou", "oc", "oc_multi"):
        note, events = ask(channel, kind, {**LIMIT, "cid": 7, "id": 5, "all": 1})
        assert note[5:] == [10001, "ERROR", "api_key: permission invalid"]
        assert events == []
    assert channel.harness.account.orders == {}


@pytest.mark.parametrize("kind", list(INPUTS))
def test_sampled_inputs_are_understood(channel: ChannelSession, kind: str) -> None:
    row = submitted(channel, cid=555)
    _, name, _, data = json.loads(json.dumps(INPUTS[kind]))
    if name in ("ou", "oc") and "id" in data:
        data["id"] = row[0]
    frames = channel.send([0, name, None, data])
    notes = rows_of("n", frames)
    if name in ("on", "ou", "fon"):
        wanted = "SUCCESS" if "tif" not in data else "ERROR"
        assert [(note[1], note[6]) for note in notes] == [(f"{name}-req", wanted)]
    elif name == "oc":
        wanted = "SUCCESS" if "id" in data else "ERROR"
        assert [(note[1], note[6]) for note in notes] == [("oc-req", wanted)]
    elif name == "foc":
        assert [note[4][0] for note in notes] == [data["id"]]
    elif name == "oc_multi":
        assert [note[6] for note in notes] == ["SUCCESS"]
    elif name == "ox_multi":
        assert len(notes) == len(data)
    elif name == "n":
        assert [note[1] for note in notes] == [data["type"]]


def test_an_offer_is_acknowledged_as_accepted(channel: ChannelSession) -> None:
    harness = channel.harness
    harness.clear("fUSD")
    body = {"type": "LIMIT", "symbol": "fUSD", "period": 2, "rate": "0.0002"}
    note, events = ask(channel, "fon", {**body, "amount": "500", "flags": None})
    text = "Submitting funding offer of 500.0 USD at 0.020 for 2 days."
    assert note[1] == "fon-req" and note[5:] == [None, "SUCCESS", text]
    (row,) = rows_of("fon", events)
    assert note[4] == row and len(row) == 21
    # A bid that is filled at once.
    note, events = ask(channel, "fon", {**body, "amount": "-200"})
    assert (note[4][4], note[4][5], note[4][10]) == (-200, -200, "ACTIVE")
    (closed,) = rows_of("foc", events)
    assert closed[0] == note[4][0] and closed[10].startswith("EXECUTED")
    assert "fte" in codes_of(events) and rows_of("fon", events) == []
    note, events = ask(channel, "foc", {"id": row[0]})
    assert note[1] == "foc-req" and note[4][0] == row[0] and note[6] == "SUCCESS"
    (closed,) = rows_of("foc", events)
    assert closed[10].startswith("CANCELED")


def test_a_refused_offer_names_its_terms(channel: ChannelSession) -> None:
    body = {"type": "LIMIT", "symbol": "fUSD", "amount": "5", "rate": "0.01"}
    note, events = ask(channel, "fon", {**body, "period": 2})
    assert (
        note[4][:2] == [0, "fUSD"] and note[4][4] == 5 and note[4][14:16] == [0.01, 2]
    )
    assert len(note[4]) == 21 and note[5:7] == [10001, "ERROR"] and events == []
    note, _ = ask(channel, "fon", {**body, "period": 1})
    assert note[7] == "period: invalid"
    note, _ = ask(channel, "foc", {"id": 5})
    assert note[4][0] == 5 and note[7] == "Offer not found."
    reader = ChannelSession(EngineHarness(PaperAccount(permissions={"funding": "r"})))
    reader.log_in()
    for kind in ("fon", "foc"):
        note, _ = ask(reader, kind, body)
        assert note[5:] == [10001, "ERROR", "api_key: permission invalid"]


def test_messages_of_the_user_reach_all_sockets(channel: ChannelSession) -> None:
    harness = channel.harness
    second, other = ChannelSession(harness), ChannelSession(harness)
    second.log_in()
    other.log_in("other-key", "other-secret")
    message = {"type": "ucm-test", "info": {"foo": 1}}
    frames = channel.send([0, "n", 12, message])
    row = [harness.now, "ucm-test", 12, None, {"foo": 1}, None, "SUCCESS", ""]
    assert frames == second.take() == [[0, "n", row]]
    assert other.take() == []
    for wrong in ({"type": "test"}, {"type": 5}, [], None):
        note, _ = ask(channel, "n", wrong)
        assert note[5:] == [10001, "ERROR", "type: invalid"]
    assert second.take() == []


def calculated(channel: ChannelSession, *names: Any) -> list[Any]:
    return [frame[1:] for frame in channel.send([0, "calc", None, list(names)])]


def test_calculations_are_answered_by_events(channel: ChannelSession) -> None:
    harness = channel.harness
    harness.submit("MARKET", "0.1")
    channel.take()
    ((code, base),) = calculated(channel, ["margin_base"])
    assert (code, base[0], len(base[1])) == ("miu", "base", 5)
    ((code, pair),) = calculated(channel, ["margin_sym_tBTCUSD"])
    assert (code, pair[:2], len(pair[2])) == ("miu", ["sym", "tBTCUSD"], 8)
    ((code, position),) = calculated(channel, ["position_tBTCUSD"])
    assert code == "pu" and len(position) == 20
    assert position[6] is not None and position[7] is not None
    ((code, wallet),) = calculated(channel, "wallet_margin_USD")
    assert code == "wu" and len(wallet) == 7
    assert wallet[:2] == ["margin", "USD"] and 0 < wallet[4] < wallet[2]
    ((code, total),) = calculated(channel, ["balance"])
    assert code == "bu" and len(total) == 2
    assert total[1] - total[0] == pytest.approx(base[1][0], abs=1e-6)
    ((code, funding),) = calculated(channel, ["funding_sym_fUSD"])
    assert code == "fiu" and funding[:2] == ["sym", "fUSD"] and len(funding[2]) == 4
    assert total[0] > wallet[2]


def test_unknown_calculations_are_ignored(channel: ChannelSession) -> None:
    # fmt: off
    names = [
        ["nope"], ["margin_sym_tNOPE"], ["funding_sym_tBTCUSD"], ["funding_sym"],
        ["position_tETHUSD"], ["wallet_x_BTC"], ["wallet_exchange"], [5], [], 7,
        ["wallet_exchange_"], ["wallet_exchange_NOPE"],
        ["margin_base_x"], ["balance_x"], ["wallet"], {"a": 1}, ["margin_base"],
    ]
    # fmt: on
    assert [code for code, _ in calculated(channel, *names)] == ["miu"]
    assert channel.send([0, "calc", None, {"a": 1}]) == []


def test_too_many_calculations_are_refused(channel: ChannelSession) -> None:
    limit = {"event": "error", "msg": "calc: limit", "code": 11010}
    many = [0, "calc", None, [["balance"]] * 31]
    assert channel.send(many) == [limit]
    many[3].pop()
    for _ in range(8):
        assert codes_of(channel.send(many)) == ["bu"] * 30
    assert channel.send(many) == [limit]
    channel.pass_time(1.0)
    assert codes_of(channel.send(many)) == ["bu"] * 30


def test_inputs_need_authentication(harness: EngineHarness) -> None:
    channel = ChannelSession(harness)
    wanted = [{"event": "error", "msg": "auth: invalid", "code": 10100}]
    assert channel.send([0, "on", None, LIMIT]) == wanted
    assert harness.account.orders == {}
    for message in ([], [1, "on", None, LIMIT], ["0"], [[0]], [True]):
        assert channel.send(message) == []


def test_an_unknown_input_is_an_error(channel: ChannelSession) -> None:
    for message in ([0], [0, "nope", None, {}], [0, None], [0, [1], None, {}]):
        (error,) = channel.send(message)
        assert (error["event"], error["code"]) == ("error", 10000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*LIMIT, "id", "cid", "cid_date", "gid", "all", "flags"]),
            inner,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(
    kind=st.sampled_from("on ou oc oc_multi ox_multi fon foc calc n x".split()),
    data=JSON | st.dictionaries(st.sampled_from([*LIMIT, "cid", "flags"]), JSON),
)
def test_no_input_breaks_the_session(kind: str, data: Any) -> None:
    channel = ChannelSession(_HARNESS)
    channel.log_in()
    channel.send([0, kind, None, data])
    assert channel.session.is_in_use
    channel.session.close()


_HARNESS = EngineHarness()


@pytest.mark.parametrize("counts", [False, True])
def test_numbers_satisfy_a_client_that_audits_them(
    harness: EngineHarness, counts: bool
) -> None:
    channel = ChannelSession(harness, notification_seq=counts)
    channel.send({"event": "conf", "flags": SEQ})
    frames = channel.log_in()
    frames += channel.send(
        {"event": "subscribe", "channel": "trades", "symbol": "tBTCUSD"}
    )
    for message in (
        [0, "on", None, LIMIT],
        [0, "on", None, MARKET],
        [0, "on", None, {}],
        [0, "n", None, {"type": "ucm-test", "info": None}],
        [0, "calc", None, [["balance"]]],
        [0, "ox_multi", None, [["on", MARKET], ["oc_multi", {"all": 1}]]],
    ):
        frames += channel.send(message)
        channel.session.heartbeat()
        frames += channel.take()
    (plain_audit if counts else node_audit)(frames)
    with pytest.raises(AssertionError):
        (node_audit if counts else plain_audit)(frames)
