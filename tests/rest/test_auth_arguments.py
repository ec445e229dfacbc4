"""What users of signed endpoints pass: checked at their line, and sent as the exchange reads it."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from enum import Enum
from typing import Any

import pytest

from bfxsync._base.enums import OrderFlag, OrderType
from bfxsync.checks.ids import WSS_GIDS
from bfxsync.client import Client
from bfxsync.errors import OutcomeUnknown, UsageError
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.client import RestClient
from bfxsync.wire.inputs import OrderInputs

from .tables import AnswerTransport

UTC = timezone.utc
CET = timezone(timedelta(hours=1))

INPUTS = OrderInputs()


# --- orders -----------------------------------------------------------------------------------

LIMIT = {"type": "LIMIT", "symbol": "tBTCUSD", "amount": 1, "price": 30000}


@pytest.mark.parametrize(
    "changes, match",
    [
        ({"type": "EXCHANGE"}, "^type must be one of LIMIT"),
        ({"type": None}, "^type must"),
        ({"symbol": "BTC-USD"}, "^symbol"),
        ({"symbol": "fUSD"}, "^symbol"),
        ({"amount": 0}, "^amount must not be zero"),
        ({"price": "30000.5"}, "^price 30000.5 has more than 5"),
        ({"price": None}, "LIMIT needs price$"),
        ({"type": "FOK", "price": None}, "FOK needs price$"),
        ({"type": "STOP LIMIT"}, "needs price_aux_limit"),
        ({"type": "EXCHANGE TRAILING STOP"}, "needs price_trailing"),
        ({"price_trailing": 0}, "^price_trailing must"),
        ({"price_aux_limit": "1.234567"}, "^price_aux_limit 1.234567 has"),
        ({"lev": 0}, "^lev must"),
        ({"gid": -1}, "^gid must"),
        ({"cid": 2**45}, "^cid must"),
        ({"flags": 1}, "^flags must"),
        ({"flags": OrderFlag.OCO}, "must be used together"),
        ({"price_oco_stop": 29000}, "must be used together"),
        ({"tif": datetime(2026, 1, 1)}, "^tif must"),
        ({"tif": "2026-01-31"}, "^tif must"),
        ({"meta": "x"}, "^meta must"),
        ({"meta": {"a": object()}}, "^meta must be a dict of JSON values"),
        ({"hidden": 1}, "^hidden must be True or False"),
        ({"hidden": False, "flags": 64}, "^hidden=False contradicts HIDDEN"),
        ({"post_only": True, "type": "EXCHANGE IOC"}, "^post_only must not be set"),
        ({"flags": 4096, "type": "MARKET"}, "^post_only must not be set"),
        ({"close": True, "type": "EXCHANGE LIMIT"}, "^close must not be set"),
        ({"make_visible": True}, "^make_visible is for hidden orders only"),
        ({"protect_selfmatch": "no"}, "^protect_selfmatch must be True or False"),
        (
            {"protect_selfmatch": False, "meta": {"protect_selfmatch": 1}},
            "^protect_selfmatch=False contradicts",
        ),
    ],
    ids=str,
)
def test_impossible_order_is_refused_before_anything_is_sent(
    changes: Any, match: str
) -> None:
    transport: Any = AnswerTransport()
    with pytest.raises(UsageError, match=match):
        AuthEndpoints(transport).submit_order(**{**LIMIT, **changes})
    assert transport.requests == []


def test_client_id_of_a_stop_needs_the_flag() -> None:
    """Only inputs of the account channel have this argument."""
    with pytest.raises(UsageError, match="^cid_oco is for orders with the flag OCO"):
        INPUTS.submit(**LIMIT, cid_oco=5)


def test_client_ids_of_an_oco_order_differ() -> None:
    oco: Any = {"flags": OrderFlag.OCO, "price_oco_stop": 20000}
    with pytest.raises(UsageError, match="^cid_oco must differ from cid, not 5"):
        INPUTS.submit(**LIMIT, **oco, cid=5, cid_oco=5)
    ops = [
        ("on", {**LIMIT, **oco, "cid": 5, "cid_oco": 6}),
        ("on", {**LIMIT, "cid": 6}),
    ]
    with pytest.raises(UsageError, match="^two of the new orders have the same cid"):
        INPUTS.operations(ops)


@pytest.mark.parametrize("changes", [{}, {"cid": 5, "cid_date": "2026-01-31"}], ids=str)
def test_update_without_a_change_is_refused(changes: Any) -> None:
    transport: Any = AnswerTransport()
    auth = AuthEndpoints(transport)
    for act in (
        lambda: auth.update_order(7, **changes),
        lambda: auth.submit_order_multi([("ou", {"id": 7, **changes})]),
    ):
        with pytest.raises(UsageError, match="^an update needs a change: "):
            act()
    assert transport.requests == []


@pytest.mark.parametrize("kind", list(OrderType), ids=str)
def test_every_type_can_be_given_by_name_or_as_text(kind: OrderType) -> None:
    needed: Any = {"price_trailing": 5, "price_aux_limit": 29000}
    for given_type in (kind, kind.value):
        body = INPUTS.submit(given_type, "tBTCUSD", 1, 30000, **needed)
        assert body["type"] == kind.value and type(body["type"]) is str


def test_a_new_order_begins_as_in_the_documentation() -> None:
    """For people who compare a log with the exchange's page."""
    body = INPUTS.submit("EXCHANGE LIMIT", "tBTCUSD", 1, 30000, cid=5, gid=6)
    assert list(body)[:4] == ["type", "symbol", "amount", "price"]


def test_type_may_be_of_an_enum_of_the_users_own() -> None:
    class Kind(str, Enum):
        RESTING = "EXCHANGE LIMIT"

    body = INPUTS.submit(Kind.RESTING, "tBTCUSD", 1, 30000)
    assert body["type"] == "EXCHANGE LIMIT" and type(body["type"]) is str


def test_market_orders_and_trailing_stops_need_no_price() -> None:
    body = INPUTS.submit("MARKET", "tBTCUSD", 1)
    assert body["price"] is None
    body = INPUTS.submit("TRAILING STOP", "tBTCUSD", 1, price_trailing="5.5")
    assert (body["price"], body["price_trailing"]) == (None, "5.5")


def test_r07_order_without_a_client_id_gets_one_by_which_it_is_found() -> None:
    cids = {INPUTS.submit("MARKET", "tBTCUSD", 1)["cid"] for _ in range(200)}
    assert len(cids) == 200
    assert all(0 <= cid < 2**45 for cid in cids)


@pytest.mark.parametrize(
    "call, options, match",
    [
        ("update_order", {"id": 0}, "^id must"),
        ("update_order", {"id": 1, "amount": 1, "delta": 1}, "only one of"),
        ("update_order", {"id": 1, "price": "1.00001"}, "^price 1.00001 has"),
        ("update_order", {"id": 1, "hidden": False}, "^hidden must not be False"),
        ("update_order", {"id": 1, "make_visible": 1}, "^make_visible must be True"),
        ("update_order", {"id": 1, "gid": 2**45}, "^gid must be an integer from 0 to"),
        ("cancel_order", {}, "either id, or cid"),
        ("cancel_order", {"cid": 5}, "^cid_date must be given: this client has"),
        ("cancel_order", {"cid": 2**45}, "^cid must be an integer"),
        ("cancel_order", {"id": 1, "cid": 5}, "either id, or cid"),
        ("cancel_order", {"cid_date": "2026-01-31"}, "either id, or cid"),
        ("cancel_order", {"id": 1, "cid_date": "2026-01-31"}, "either id, or"),
        ("cancel_order", {"id": 1, "cid": 5, "cid_date": "2026-01-31"}, "either id"),
        ("cancel_order", {"cid": 5, "cid_date": "x"}, "^cid_date must"),
        ("cancel_order_multi", {}, "one of id, cid, gid and all"),
        ("cancel_order_multi", {"id": []}, "^id must not be empty"),
        ("cancel_order_multi", {"gid": ["x"]}, "^gid must"),
        ("cancel_order_multi", {"all": False}, "^all must be True"),
        ("cancel_order_multi", {"all": True, "id": [1]}, "^all must be True"),
        ("cancel_order_multi", {"cid": [5]}, "^cid_date must be given: this client"),
        ("cancel_order_multi", {"cid": [-1]}, "^cid must be an integer"),
        (
            "cancel_order_multi",
            {"cid": [True]},
            "^cid must be a list of .cid, date. pairs",
        ),
        (
            "cancel_order_multi",
            {"cid": ["56"]},
            "^cid must be a list of .cid, date. pairs",
        ),
        ("cancel_order_multi", {"cid": [(5, "x")]}, "^cid must be a date"),
        ("submit_order_multi", {"ops": []}, "^ops must not be empty"),
        ("submit_order_multi", {"ops": "on"}, "^ops must be a list"),
        ("submit_order_multi", {"ops": ["on"]}, "^ops must hold pairs"),
        ("submit_order_multi", {"ops": [("on", 5)]}, "^ops must hold pairs"),
        ("submit_order_multi", {"ops": [("no", {})]}, "^an operation of ops must be"),
        ("submit_order_multi", {"ops": [("on", {})]}, "^'on' of ops: .*'amount'"),
        ("submit_order_multi", {"ops": [("on", {**LIMIT, "x": 1})]}, "^'on' .*'x'$"),
        ("submit_order_multi", {"ops": [("ou", {"id": 1, "x": 1})]}, "^'ou' .*'x'$"),
        (
            "submit_order_multi",
            {"ops": [("on", {**LIMIT, "close": False, "flags": 512})]},
            "^close=False contradicts CLOSE",
        ),
        ("submit_order_multi", {"ops": [("oc", {})]}, "either id"),
        (
            "submit_order_multi",
            {"ops": [("on", {**LIMIT, "price": "30000.5"})]},
            "^price 30000.5 has more than 5",
        ),
        (
            "submit_order_multi",
            {"ops": [("ou", {"id": 1, "price": "1.00001"})]},
            "^price",
        ),
        ("submit_order_multi", {"ops": [("oc", {"id": 1})] * 76}, "at most 75, not 76"),
        ("submit_order_multi", {"ops": [("on", {**LIMIT, "cid": 1})] * 2}, "same cid"),
        ("get_orders", {"cid": 5}, "^cid_date must be given: this client has"),
        ("get_orders", {"cid": "5"}, "^cid must be an integer"),
        ("get_orders", {"cid_date": "2026-01-31"}, "belong together"),
        ("get_orders", {"symbol": "fUSD"}, "^symbol"),
        ("get_orders", {"ids": []}, "^ids must not be empty"),
        ("get_orders_history", {"limit": 0}, "^limit must"),
        ("get_orders_history", {"ids": "5"}, "^ids must"),
        ("iter_orders_history", {"symbol": "x"}, "^symbol"),
        ("iter_otc_orders_history", {"symbol": "x"}, "^symbol"),
        ("iter_trades_history", {"symbol": "x"}, "^symbol"),
        ("iter_trades_history", {"sort": 2}, "^sort must"),
        ("iter_orders_history", {"resume_after": 5}, "^resume_after must be a Order"),
        ("get_order_trades", {"symbol": "tBTCUSD", "id": 0}, "^id must"),
        ("get_trades_history", {"sort": 0}, "^sort must"),
        ("get_trades_weighted_averages", {"symbol": "fUSD"}, "^symbol"),
        (
            "get_trades_weighted_averages",
            {"symbol": "tBTCUSD", "limit": 0},
            "^limit must",
        ),
    ],
    ids=str,
)
def test_impossible_call_is_refused_before_anything_is_sent(
    call: str, options: Any, match: str
) -> None:
    transport: Any = AnswerTransport()
    with pytest.raises(UsageError, match=match):
        getattr(AuthEndpoints(transport), call)(**options)
    assert transport.requests == []


def test_operations_leave_out_what_is_not_given() -> None:
    body, _ = INPUTS.operations(
        [
            ("on", {**LIMIT, "price": 12345.6, "round_price": True, "cid": 5}),
            ("ou", {"id": 7, "delta": 0.5}),
            ["oc", {"cid": 5, "cid_date": date(2026, 1, 31)}],
            ("oc_multi", {"all": True}),
        ]
    )
    assert body == {
        "ops": [
            [
                "on",
                {
                    "type": "LIMIT",
                    "symbol": "tBTCUSD",
                    "amount": "1",
                    "price": "12346",
                    "cid": 5,
                },
            ],
            ["ou", {"id": 7, "delta": "0.5"}],
            ["oc", {"cid": 5, "cid_date": "2026-01-31"}],
            ["oc_multi", {"all": 1}],
        ]
    }


def test_operations_have_switches_and_affiliate_codes_too() -> None:
    new = {**LIMIT, "cid": 5, "hidden": True, "make_visible": True}
    body, _ = OrderInputs(affiliate_code="abc").operations(
        [
            ("on", new),
            ("ou", {"id": 7, "post_only": True, "tif": "2026-01-31 12:00:00"}),
        ]
    )
    (_, submitted), (_, updated) = body["ops"]
    assert submitted["flags"] == 64
    assert submitted["meta"] == {"aff_code": "abc", "make_visible": 1}
    assert updated == {"id": 7, "flags": 4096, "tif": "2026-01-31 12:00:00"}


@pytest.mark.parametrize(
    "meta, sent",
    [
        (None, {"aff_code": "abc"}),
        ({"x": 5}, {"aff_code": "abc", "x": 5}),
        ({"aff_code": "mine"}, {"aff_code": "mine"}),
        ({"aff_code": None}, {"aff_code": None}),
    ],
    ids=str,
)
def test_affiliate_code_is_sent_unless_the_meta_has_one(meta: Any, sent: Any) -> None:
    inputs = OrderInputs(affiliate_code="abc")
    assert inputs.submit("LIMIT", "tBTCUSD", 1, 5, meta=meta)["meta"] == sent
    # A change without meta leaves that of the order alone.
    changed = inputs.update(7, price=5, meta=meta)["meta"]
    assert changed == (None if meta is None else sent)


def test_groups_have_the_width_of_the_transport() -> None:
    narrow = OrderInputs(WSS_GIDS)
    assert narrow.submit("LIMIT", "tBTCUSD", 1, 5, gid=2**32 - 1)["gid"] == 2**32 - 1
    for act in (
        lambda gid: narrow.submit("LIMIT", "tBTCUSD", 1, 5, gid=gid),
        lambda gid: narrow.update(7, gid=gid),
        lambda gid: narrow.cancel_multi(gid=[gid]),
        lambda gid: narrow.operations([("ou", {"id": 7, "gid": gid})]),
    ):
        with pytest.raises(UsageError, match="^gid must be .* to 4294967295"):
            act(2**32)
    assert INPUTS.cancel_multi(gid=[2**45 - 1])["gid"] == [2**45 - 1]


def test_rest_client_sends_its_affiliate_code() -> None:
    transport: Any = AnswerTransport()
    auth = AuthEndpoints(transport, affiliate_code="abc")
    with pytest.raises(OutcomeUnknown):
        auth.submit_order(**LIMIT)
    ((_, _, kept),) = transport.requests
    assert kept["body"]["meta"] == {"aff_code": "abc"}


@pytest.mark.parametrize("value", ["", "a b", 5, True, b"abc"], ids=str)
def test_affiliate_code_is_checked_with_the_client(value: Any) -> None:
    for make in (Client, RestClient):
        with pytest.raises(UsageError, match="^affiliate_code must be non-empty text"):
            make(affiliate_code=value)


def test_client_id_without_a_date_needs_one_who_knows_it() -> None:
    with pytest.raises(UsageError, match="either id, or cid"):
        INPUTS.cancel(cid=5)
    known = OrderInputs(date_of_cid={5: "2026-01-31"}.__getitem__)
    dated = {"id": None, "cid": 5, "cid_date": "2026-01-31"}
    assert known.cancel(cid=5) == dated
    body, _ = known.operations([("oc", {"cid": 5}), ("oc_multi", {"cid": [5]})])
    assert body["ops"][0] == ["oc", {"cid": 5, "cid_date": "2026-01-31"}]
    assert body["ops"][1] == ["oc_multi", {"cid": [[5, "2026-01-31"]]}]
