"""What users of signed endpoints pass: checked at their line, and sent as the exchange reads it."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync._base.enums import OrderFlag, OrderType
from bfxsync.checks.containers import check_object, optional
from bfxsync.checks.ids import check_cid, check_gid, check_id, check_ids
from bfxsync.checks.numbers import (
    check_amount,
    check_leverage,
    check_positive,
    check_price,
)
from bfxsync.checks.options import check_order_flags, check_switch
from bfxsync.checks.texts import check_text, check_wallet
from bfxsync.checks.times import check_cid_date, check_tif
from bfxsync.errors import UsageError
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.wire import inputs

from .tables import AnswerTransport

UTC = timezone.utc
CET = timezone(timedelta(hours=1))


# --- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, text",
    [
        ("0.10", "0.10"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (Decimal("1E-8"), "0.00000001"),
        (Decimal("1E+3"), "1000"),
        (-5, "-5"),
        ("1e3", "1000"),
    ],
)
def test_r12_amount_leaves_without_an_exponent(value: Any, text: str) -> None:
    assert check_amount("amount", value) == text


@pytest.mark.parametrize("value", [0, 0.0, "0", "-0.00", "x", None, True, "nan", []])
def test_amount_that_is_none(value: Any) -> None:
    with pytest.raises(UsageError, match="^amount must"):
        check_amount("amount", value)


@pytest.mark.parametrize("value", [0, -1, "-0.1", "x", None])
def test_positive_amount_that_is_none(value: Any) -> None:
    with pytest.raises(UsageError, match="^amount must"):
        check_positive("amount", value)


@pytest.mark.parametrize(
    "value, text",
    [
        (30000, "30000"),
        ("30000.00", "30000.00"),
        (35000.0, "35000.0"),
        ("0.00012345", "0.00012345"),
        (123450000, "123450000"),
        (1e-8, "0.00000001"),
        (0, "0"),
    ],
)
def test_r12_price_of_five_digits_leaves_as_it_is(value: Any, text: str) -> None:
    assert check_price("price", value) == text
    assert check_price("price", value, True) == text


@pytest.mark.parametrize(
    "value, rounded",
    [
        ("30000.5", "30000"),
        (12345.6, "12346"),
        ("0.123456", "0.12346"),
        ("123456", "123460"),
        ("0.000000015", "0.00000002"),
        (Decimal("1.000001"), "1"),
    ],
)
def test_r12_price_of_more_digits_raises_unless_it_may_be_rounded(
    value: Any, rounded: str
) -> None:
    with pytest.raises(UsageError, match=f"round_price=True makes {rounded} of it"):
        check_price("price", value)
    assert check_price("price", value, True) == rounded


@given(st.decimals("0.00000001", "1000000", allow_nan=False))
def test_r12_rounded_price_is_one_that_the_exchange_takes(value: Decimal) -> None:
    text = check_price("price", value, True)
    assert "e" not in text.lower()
    assert check_price("price", text) == text


@pytest.mark.parametrize("value", [-1, "-0.5", "x", None, "inf"])
def test_price_that_is_none(value: Any) -> None:
    for is_rounded in (False, True):
        with pytest.raises(UsageError, match="^price must"):
            check_price("price", value, is_rounded)


# --- ids, dates, flags ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "check, largest, smallest",
    [
        (check_id, 2**63 - 1, 1),
        (check_cid, 2**45 - 1, 0),
        (check_gid, 2**45 - 1, 0),
        (check_leverage, 100, 1),
    ],
)
def test_integers_have_bounds(check: Any, largest: int, smallest: int) -> None:
    assert check("it", largest) == largest
    assert check("it", smallest) == smallest
    for wrong in (largest + 1, smallest - 1, "5", 1.0, True, None):
        with pytest.raises(UsageError, match="^it must be an integer from"):
            check("it", wrong)


@pytest.mark.parametrize("values", [[], (), "12", b"12", {1: 2}, 5, None, [0], ["x"]])
def test_list_of_ids_that_is_none(values: Any) -> None:
    with pytest.raises(UsageError, match="^ids must"):
        check_ids("ids", values)


def test_any_iterable_is_a_list_of_ids() -> None:
    assert check_ids("ids", iter((3, 1))) == [3, 1]


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31",
        date(2026, 1, 31),
        datetime(2026, 1, 31, 12, tzinfo=UTC),
        datetime(2026, 2, 1, 0, 30, tzinfo=CET),
    ],
)
def test_date_of_a_client_id_is_a_day_in_utc(value: Any) -> None:
    assert check_cid_date("cid_date", value) == "2026-01-31"


@pytest.mark.parametrize(
    "value", ["2026-1-31", "2026-02-30", "31.01.2026", 20260131, None, datetime.now()]
)
def test_date_that_is_none(value: Any) -> None:
    with pytest.raises(UsageError, match="^cid_date must"):
        check_cid_date("cid_date", value)


@pytest.mark.parametrize(
    "value, text",
    [
        (datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01-31 12:00:00"),
        (datetime(2026, 1, 31, 12, tzinfo=CET), "2026-01-31 11:00:00"),
        (datetime(2026, 1, 31, 23, 59, 59, 1, tzinfo=UTC), "2026-02-01 00:00:00"),
    ],
)
def test_end_of_an_order_is_sent_in_utc_and_not_earlier(
    value: datetime, text: str
) -> None:
    assert check_tif("tif", value) == text


@pytest.mark.parametrize(
    "value", [datetime(2026, 1, 31), "2026-01-31 12:00:00", 1_769_860_800_000, None]
)
def test_end_of_an_order_needs_a_time_zone(value: Any) -> None:
    with pytest.raises(
        UsageError, match="^tif must (be a datetime with|have) a time zone"
    ):
        check_tif("tif", value)


@pytest.mark.parametrize(
    "value",
    [
        datetime.max.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
        datetime.min.replace(tzinfo=CET),
    ],
    ids=str,
)
def test_end_of_an_order_beyond_the_calendar_is_refused(value: datetime) -> None:
    with pytest.raises(UsageError, match="^tif is out of range: datetime.datetime"):
        check_tif("tif", value)


@pytest.mark.parametrize(
    "value",
    [
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
        datetime.min.replace(tzinfo=CET),
    ],
    ids=str,
)
def test_date_of_a_client_id_beyond_the_calendar_is_refused(value: datetime) -> None:
    with pytest.raises(UsageError, match="^cid_date is out of range"):
        check_cid_date("cid_date", value)


def test_flags_are_added_up() -> None:
    both = OrderFlag.HIDDEN | OrderFlag.POST_ONLY
    assert check_order_flags("flags", both) == 4160
    assert type(check_order_flags("flags", both)) is int
    assert check_order_flags("flags", 0) == 0
    assert check_order_flags("flags", 64, OrderFlag.HIDDEN) == 64


@pytest.mark.parametrize("value", [1, 4069, -64, True, "64", 64.0, None])
def test_flag_that_is_none(value: Any) -> None:
    with pytest.raises(UsageError, match="HIDDEN .64., CLOSE"):
        check_order_flags("flags", value)


def test_flag_of_orders_is_none_of_offers() -> None:
    with pytest.raises(UsageError, match=r"a sum of HIDDEN \(64\), not"):
        check_order_flags("flags", 4096, OrderFlag.HIDDEN)


def test_other_checks() -> None:
    assert check_wallet("wallet", "exchange") == "exchange"
    assert check_switch("renew", True) == 1
    assert check_switch("renew", 0) == 0
    assert check_text("address", "1Boat") == "1Boat"
    assert check_object("meta", {"a": 1}) == {"a": 1}
    assert optional(check_id, "id", None) is None
    for check, wrong in (
        (check_wallet, "cash"),
        (check_switch, 2),
        (check_switch, "1"),
        (check_switch, None),
        (check_text, " "),
        (check_text, 5),
        (check_object, []),
        (check_object, {1: 2}),
    ):
        with pytest.raises(UsageError, match="^it must"):
            check("it", wrong)


def test_r15_text_that_may_be_a_secret_is_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        check_text("token", b"a-secret-token")
    assert "secret" not in str(caught.value)


# --- orders -----------------------------------------------------------------------------------

LIMIT = {"type": "LIMIT", "symbol": "tBTCUSD", "amount": 1, "price": 30000}


@pytest.mark.parametrize(
    "changes, match",
    [
        ({"type": "EXCHANGE"}, "^type must be one of LIMIT"),
        ({"type": None}, "^type must"),
        ({"symbol": "BTCUSD"}, "^symbol"),
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
        ({"flags": OrderFlag.OCO}, "belong together"),
        ({"price_oco_stop": 29000}, "belong together"),
        ({"tif": datetime(2026, 1, 1)}, "^tif must"),
        ({"meta": "x"}, "^meta must"),
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


@pytest.mark.parametrize("kind", list(OrderType), ids=str)
def test_every_type_can_be_given_by_name_or_as_text(kind: OrderType) -> None:
    needed: Any = {"price_trailing": 5, "price_aux_limit": 29000}
    for given_type in (kind, kind.value):
        body = inputs.submit_body(given_type, "tBTCUSD", 1, 30000, **needed)
        assert body["type"] == kind.value and type(body["type"]) is str


def test_type_may_be_of_an_enum_of_the_users_own() -> None:
    class Kind(str, Enum):
        RESTING = "EXCHANGE LIMIT"

    body = inputs.submit_body(Kind.RESTING, "tBTCUSD", 1, 30000)
    assert body["type"] == "EXCHANGE LIMIT" and type(body["type"]) is str


def test_market_orders_and_trailing_stops_need_no_price() -> None:
    body = inputs.submit_body("MARKET", "tBTCUSD", 1)
    assert body["price"] is None
    body = inputs.submit_body("TRAILING STOP", "tBTCUSD", 1, price_trailing="5.5")
    assert (body["price"], body["price_trailing"]) == (None, "5.5")


def test_r07_order_without_a_client_id_gets_one_by_which_it_is_found() -> None:
    cids = {inputs.submit_body("MARKET", "tBTCUSD", 1)["cid"] for _ in range(200)}
    assert len(cids) == 200
    assert all(0 <= cid < 2**45 for cid in cids)


@pytest.mark.parametrize(
    "call, options, match",
    [
        ("update_order", {"id": 0}, "^id must"),
        ("update_order", {"id": 1, "amount": 1, "delta": 1}, "only one of"),
        ("update_order", {"id": 1, "price": "1.00001"}, "^price 1.00001 has"),
        ("cancel_order", {}, "named by id, or by cid"),
        ("cancel_order", {"cid": 5}, "named by id, or by cid"),
        ("cancel_order", {"cid_date": "2026-01-31"}, "named by id, or by cid"),
        ("cancel_order", {"id": 1, "cid_date": "2026-01-31"}, "named by id, or"),
        ("cancel_order", {"id": 1, "cid": 5, "cid_date": "2026-01-31"}, "named by id"),
        ("cancel_order", {"cid": 5, "cid_date": "x"}, "^cid_date must"),
        ("cancel_order_multi", {}, "one of id, cid, gid and all"),
        ("cancel_order_multi", {"id": []}, "^id must not be empty"),
        ("cancel_order_multi", {"gid": ["x"]}, "^gid must"),
        ("cancel_order_multi", {"all": False}, "^all must be True"),
        ("cancel_order_multi", {"all": True, "id": [1]}, "^all must be True"),
        ("cancel_order_multi", {"cid": [5]}, "^cid must hold pairs"),
        ("cancel_order_multi", {"cid": ["56"]}, "^cid must hold pairs"),
        ("cancel_order_multi", {"cid": [(5, "x")]}, "^cid must be a date"),
        ("submit_order_multi", {"ops": []}, "^ops must not be empty"),
        ("submit_order_multi", {"ops": "on"}, "^ops must be a list"),
        ("submit_order_multi", {"ops": ["on"]}, "^ops must hold pairs"),
        ("submit_order_multi", {"ops": [("on", 5)]}, "^ops must hold pairs"),
        ("submit_order_multi", {"ops": [("no", {})]}, "^an operation of ops must be"),
        ("submit_order_multi", {"ops": [("on", {"x": 1})]}, "^'on' of ops: .*'x'"),
        ("submit_order_multi", {"ops": [("oc", {})]}, "named by id"),
        ("submit_order_multi", {"ops": [("oc", {"id": 1})] * 76}, "at most 75, not 76"),
        ("submit_order_multi", {"ops": [("on", {**LIMIT, "cid": 1})] * 2}, "same cid"),
        ("get_orders", {"cid": 5}, "belong together"),
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
    body, _ = inputs.operations_body(
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
