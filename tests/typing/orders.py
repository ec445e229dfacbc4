"""The types of orders over the WebSocket, for type checkers alone: nothing here is ever run."""

from __future__ import annotations

from typing import List, Optional, Tuple, Union

from typing_extensions import assert_type

from bfxsync import (
    AccountTrade,
    AccountUpdate,
    Client,
    FundingOffer,
    Notification,
    Order,
    OrderReply,
    PartialOrder,
    Reply,
)
from bfxsync.models.funding import PartialFundingOffer

AnyOrder = Union[Order, PartialOrder]
AnyOffer = Union[FundingOffer, PartialFundingOffer]


def on_update(update: AccountUpdate) -> None: ...


def on_order(order: Order) -> None: ...


def on_fill(trade: AccountTrade) -> None: ...


def on_done(reply: OrderReply) -> None: ...


def on_note(note: Notification[Order]) -> None: ...


def a_callback_of_the_account_gets_updates(bfx: Client) -> None:
    bfx.wss.subscribe_account(on_update, on_event=print, policy="latest")
    bfx.wss.subscribe_account(on_order)  # type: ignore[arg-type]  # pyright: ignore


def a_reply_has_the_type_of_its_result(bfx: Client) -> None:
    inputs = bfx.wss.inputs
    reply = inputs.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.1", "50000")
    assert_type(reply, OrderReply)
    assert_type(reply.result(5), AnyOrder)
    assert_type(reply.wait_filled(), AnyOrder)
    assert_type(reply.wait_done(60.0), AnyOrder)
    assert_type(reply.order, Union[Order, PartialOrder, None])
    assert_type(reply.fills, List[AccountTrade])
    assert_type(reply.executed, float)
    assert_type(reply.remaining, Optional[float])
    assert_type((reply.is_open, reply.is_closed), Tuple[bool, bool])
    # Of an optional union mypy infers `object`.
    assert_type(bfx.wss.wait_for(lambda: reply.remaining, 5), float)
    assert_type(bfx.wss.wait_for(lambda: reply.is_closed), bool)
    assert_type(reply.cid, int)
    assert_type(reply.done(), bool)
    assert_type(reply.cancel_order(), Reply[AnyOrder])
    assert_type(reply.update_order(price="50100").result(), AnyOrder)
    assert_type(inputs.cancel_order(id=1).result(), AnyOrder)
    assert_type(inputs.update_order(1, delta="0.1"), Reply[AnyOrder])
    offer = inputs.submit_funding_offer("LIMIT", "fUSD", "150", "0.0002", 2)
    assert_type(offer, Reply[AnyOffer])
    assert_type(inputs.cancel_funding_offer(1), Reply[AnyOffer])


def callbacks_of_an_order_are_checked(bfx: Client) -> None:
    submit, terms = bfx.wss.inputs.submit_order, ("EXCHANGE MARKET", "tBTCUSD", "0.1")
    submit(*terms, on_fill=on_fill, on_done=on_done)
    submit(*terms, on_fill=print, on_done=print)
    submit(*terms, on_fill=on_done)  # type: ignore[arg-type]  # pyright: ignore
    submit(*terms, queue_for_s="5")  # type: ignore[arg-type]  # pyright: ignore
    submit(*terms).add_done_callback(on_done)
    submit(*terms).add_done_callback(on_fill)  # type: ignore[arg-type]  # pyright: ignore


def a_handler_of_the_account_keeps_its_type(bfx: Client, order: Order) -> None:
    @bfx.wss.on("order_new")
    def handler(order: Order) -> int:
        return order.id

    assert_type(handler(order), int)
    bfx.wss.on("on-req-notification", on_note)
