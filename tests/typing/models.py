"""
The types of models, for type checkers alone: nothing here is ever run.

An expected error is marked for both checkers, which report a mark that is not needed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Optional, Union

from typing_extensions import assert_type

from bfxsync import Client
from bfxsync.models import Order, PartialOrder, PositionHistory, Trade


def whole_orders_have_all_fields(client: Client) -> None:
    for order in client.rest.auth.get_orders():
        assert_type(order, Order)
        assert_type(order.amount, float)
        assert_type(order.created_at, datetime)
        assert_type(order.expires_at, Optional[datetime])


def the_order_of_an_answer_may_lack_some(client: Client) -> None:
    order = client.rest.auth.cancel_order(id=5).data
    assert_type(order, Union[Order, PartialOrder])
    print(order.amount + 1)  # type: ignore[operator]  # pyright: ignore[reportOptionalOperand]
    if isinstance(order, Order):
        assert_type(order.amount, float)
    partial = Order.from_partial_row([7])
    print(partial.amount + 1)  # type: ignore[operator]  # pyright: ignore[reportOptionalOperand]


def models_are_made_with_their_fields() -> None:
    assert_type(Trade(1, 2, 3.5, 4.5).time, datetime)
    Trade(1, 2, 3.5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert_type(PositionHistory.from_row([]), PositionHistory)
    assert_type(PositionHistory.from_row([]).base_price, float)
