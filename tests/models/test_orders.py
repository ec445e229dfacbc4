"""Orders and trades of an account, from rows as the JSON readers return them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from model_tables import CASES, read

from bfxsync._base.enums import OrderFlag, OrderType
from bfxsync.errors import RemoteError
from bfxsync.models import orders
from bfxsync.models.orders import Order

# --- what is special about orders -------------------------------------------------------------

ROW = read("Order")


def order(**changes: Any) -> Order:
    row = list(ROW)
    names = {place.name: place.path[0] for place in CASES["Order"].places}
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


def test_status_has_numbers_of_the_orders_type() -> None:
    text = "EXECUTED @ 107.6(-0.2)"
    (fill,) = order(order_status=text).status.fills
    assert (type(fill.price), fill.price, fill.amount) == (float, 107.6, -0.2)
    row = read("Order", Decimal)
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
