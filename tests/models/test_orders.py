"""Orders and trades of an account, from rows as the JSON readers return them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_tables import (
    NUMBERS,
    Case,
    check_any_row,
    check_hostile,
    check_lengths,
    check_nulls,
    check_reads,
    check_tolerant,
    read,
)
from strategies import APPENDED, JSON_VALUES

from bfxsync._base.enums import OrderFlag, OrderType
from bfxsync.errors import RemoteError
from bfxsync.models import account_trades as executions
from bfxsync.models import orders
from bfxsync.models.orders import Order

# Rows of the exchange's documentation, with values in place of its nulls.
TABLE = {
    "Order": Case(
        orders.Order,
        '[33950998275,7,1573476747887,"tETHUSD",1573476748000,1573476748001,-0.5,-0.75,"LIMIT",'
        '"STOP",1573476749000,null,4160,"ACTIVE",null,null,220.5,219.25,1.5,2.5,null,null,null,0,'
        '1,33950998274,null,null,"API>BFX",null,null,{"$F7":1}]',
        {
            0: ("id", "int"),
            1: ("gid", "int?"),
            2: ("cid", "int?"),
            3: ("symbol", "text"),
            4: ("mts_create", "int"),
            5: ("mts_update", "int"),
            6: ("amount", "number"),
            7: ("amount_orig", "number"),
            8: ("order_type", "text"),
            9: ("type_prev", "text?"),
            10: ("mts_tif", "int?"),
            12: ("flags", "int?"),
            13: ("order_status", "text"),
            16: ("price", "number?"),
            17: ("price_avg", "number?"),
            18: ("price_trailing", "number?"),
            19: ("price_aux_limit", "number?"),
            23: ("notify", "switch?"),
            24: ("hidden", "switch?"),
            25: ("placed_id", "int?"),
            28: ("routing", "text?"),
            31: ("meta", "object?"),
        },
    ),
    "OtcOrder": Case(
        orders.OtcOrder,
        '[1234567,"tBTCUSD",1678465320000,1678465380000,null,1,"me","you",null,-1.25,30000.5,'
        'null,"COMPLETED",1678469000000]',
        {
            0: ("id", "int"),
            1: ("symbol", "text"),
            2: ("mts_create", "int"),
            3: ("mts_update", "int"),
            5: ("initiator", "switch"),
            6: ("initiator_nickname", "text?"),
            7: ("counter_party_nickname", "text?"),
            9: ("amount", "number"),
            10: ("price", "number"),
            12: ("order_status", "text"),
            13: ("mts_tif", "int?"),
        },
    ),
    "AccountTrade": Case(
        executions.AccountTrade,
        '[402088407,"tETHUST",1574963975602,34938060782,-0.2,153.57,"MARKET",153.25,-1,-0.061668,'
        '"USD",1234]',
        {
            0: ("id", "int"),
            1: ("symbol", "text"),
            2: ("mts_create", "int"),
            3: ("order_id", "int"),
            4: ("exec_amount", "number"),
            5: ("exec_price", "number"),
            6: ("order_type", "text?"),
            7: ("order_price", "number?"),
            8: ("maker", "switch?"),
            9: ("fee", "number?"),
            10: ("fee_currency", "text?"),
            11: ("cid", "int?"),
        },
    ),
    "OrderTrade": Case(
        executions.OrderTrade,
        '[399251013,"tETHUSD",1573485493000,33963608932,0.26334268,187.37,"MARKET",null,1,'
        '-0.09868591,"USD",1234]',
        {
            0: ("id", "int"),
            1: ("symbol", "text"),
            2: ("mts_create", "int"),
            3: ("order_id", "int"),
            4: ("exec_amount", "number"),
            5: ("exec_price", "number"),
            6: ("order_type", "text?"),
            8: ("maker", "switch?"),
            9: ("fee", "number?"),
            10: ("fee_currency", "text?"),
            11: ("cid", "int?"),
        },
    ),
    "WeightedAverages": Case(
        executions.WeightedAverages,
        "[3,3000.5,0.1,null,1500.5,0.05,null,30005.5,30010.5,null,1678465320000,1678465380000]",
        {
            0: ("trade_count", "int"),
            1: ("sum_buying_spent", "number"),
            2: ("sum_buying_amount", "number"),
            4: ("sum_selling_spent", "number"),
            5: ("sum_selling_amount", "number"),
            7: ("buying_weighted_price", "number"),
            8: ("selling_weighted_price", "number"),
            10: ("first_trade_mts", "int?"),
            11: ("last_trade_mts", "int?"),
        },
    ),
}

CASES = pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)


def test_table_has_every_model() -> None:
    members = {**vars(orders), **vars(executions)}.values()
    models = {m.__name__ for m in members if hasattr(m, "from_row")}
    # Imported, and tested beside the others.
    assert set(TABLE) == models - {"Notification", "RestModel", "PartialOrder"}


@NUMBERS
@CASES
def test_row_becomes_a_model(case: Case, number: Any) -> None:
    check_reads(case, number)


@CASES
def test_r12_null_is_none_or_an_error_and_never_zero(case: Case) -> None:
    check_nulls(case)


@CASES
def test_r12_row_may_end_after_what_must_be_there(case: Case) -> None:
    check_lengths(case)


@CASES
def test_r14_any_field_may_be_hostile(case: Case) -> None:
    check_hostile(case)


@NUMBERS
@given(appended=APPENDED)
def test_r14_appended_fields_change_nothing(number: Any, appended: list[Any]) -> None:
    for model, text, _ in TABLE.values():
        row = read(text, number)
        assert model.from_row(row + appended, number) == model.from_row(row, number)


@NUMBERS
@given(row=st.lists(JSON_VALUES, max_size=33) | JSON_VALUES)
def test_r14_any_row_is_read_or_is_a_remote_error(number: Any, row: Any) -> None:
    for case in TABLE.values():
        check_any_row(case, row, number)


def test_order_of_a_notification_may_lack_anything() -> None:
    check_tolerant(TABLE["Order"])


# --- what is special about orders -------------------------------------------------------------

ROW = read(TABLE["Order"].text)


def order(**changes: Any) -> Order:
    row = list(ROW)
    names = {name: index for index, (name, _) in TABLE["Order"].fields.items()}
    for name, value in changes.items():
        row[names[name]] = value
    return Order.from_row(row)


def test_flags_are_flags() -> None:
    flags = order().flags
    assert type(flags) is OrderFlag
    assert flags == OrderFlag.POST_ONLY | OrderFlag.HIDDEN
    assert OrderFlag.OCO not in flags
    assert order(flags=None).flags is None
    assert order(flags=0).flags == OrderFlag(0)


def test_flag_that_is_not_known_yet_is_kept() -> None:
    flags = order(flags=4096 | 2**30).flags
    assert flags is not None and OrderFlag.POST_ONLY in flags
    assert int(flags) == 4096 | 2**30


def test_old_rows_have_numbers_as_text() -> None:
    found = order(gid="1227", flags="0")
    assert (found.gid, found.flags) == (1227, 0)


@pytest.mark.parametrize(
    "meta, wanted",
    [
        ({"aff_code": "abc"}, {"aff_code": "abc"}),
        ('{"aff_code":"abc"}', {"aff_code": "abc"}),
        ({}, {}),
        ([], {}),
        (None, None),
    ],
)
def test_meta_may_be_an_object_or_its_text(meta: Any, wanted: Any) -> None:
    assert order(meta=meta).meta == wanted


def test_status_has_numbers_of_the_orders_type() -> None:
    text = "EXECUTED @ 107.6(-0.2)"
    (fill,) = order(order_status=text).status.fills
    assert (type(fill.price), fill.price, fill.amount) == (float, 107.6, -0.2)
    row = read(TABLE["Order"].text, Decimal)
    row[13] = text
    (fill,) = Order.from_row(row, Decimal).status.fills
    assert (fill.price, fill.amount) == (Decimal("107.6"), Decimal("-0.2"))


def test_order_without_a_status_has_an_empty_one() -> None:
    assert Order.from_partial_row([5]).status.word == ""


def test_answers_to_operations_are_read_by_what_they_say_they_are() -> None:
    def answer(kind: Any, data: Any) -> Any:
        return [1706762515, kind, None, None, data, None, "SUCCESS", "Submitting."]

    one = orders.read_operation(answer("on-req", [ROW]), float)
    assert one.data == Order.from_row(ROW)
    many = orders.read_operation(answer("oc_multi-req", [ROW, [5]]), float)
    assert [order.id for order in many.data] == [33950998275, 5]
    for wrong in (None, [], [1], answer(None, [ROW]), answer("oc_multi-req", None)):
        with pytest.raises(RemoteError):
            orders.read_operation(wrong, float)


def test_an_order_type_reads_as_the_exchange_writes_it() -> None:
    assert str(OrderType.EXCHANGE_LIMIT) == "EXCHANGE LIMIT"
