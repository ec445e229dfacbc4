"""The market maker against the local exchange, whose account says what has really happened."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from bfxsync.paper import PaperAccount

from market_maker.maker import GROUP, MarketMaker, client_options
from market_maker.quotes import BUY, SELL

SIZE = Decimal("0.01")


def arrived(exchange, name):
    """Return the inputs of one kind that have arrived at the exchange."""
    found = (entry for entry in exchange.journal if entry.via == "ws")
    return [
        entry.data for entry in found if (entry.kind, entry.name) == ("request", name)
    ]


def traded(account):
    """Return what the account has bought, as the exchange knows it; negative if sold."""
    return sum(Decimal(str(trade["amount"])) for trade in account.trades)


def test_both_sides_are_quoted(maker, until, orders, has_both):
    until(has_both)
    fair = float(maker.book.mid)
    assert orders()[BUY]["price"] == pytest.approx(0.9999 * fair, rel=1e-4)
    assert orders()[SELL]["price"] == pytest.approx(1.0001 * fair, rel=1e-4)
    assert {order["gid"] for order in orders().values()} == {GROUP}


def test_fill_moves_both_quotes(maker, until, fill, orders, has_both):
    until(has_both)
    before = orders()
    fill(BUY, "0.01")
    until(lambda: maker.position == SIZE and has_both())
    until(lambda: orders()[SELL]["price"] < before[SELL]["price"])
    after = orders()
    assert after[BUY]["price"] < before[BUY]["price"]
    # It was moved, not replaced.
    assert after[SELL]["id"] == before[SELL]["id"]


def test_part_of_an_order_counts(maker, until, fill, orders, has_both):
    until(has_both)
    order = orders()[BUY]
    fill(BUY, "0.004")
    until(lambda: maker.position == Decimal("0.004"))
    assert orders()[BUY]["id"] == order["id"]


def test_small_move_sends_nothing(bfx_exchange, maker, until, other, has_both):
    until(has_both)
    level = maker.book.best_bid
    # It joins the best bid, which moves the microprice a little.
    other("EXCHANGE LIMIT", "0.01", level.price)
    until(lambda: maker.book.best_bid.count > level.count)
    assert maker.sides[BUY].request is None and maker.sides[SELL].request is None
    assert arrived(bfx_exchange, "ou") == []


def test_largest_position_is_kept(maker, until, fill, orders, has_both, bfx_account):
    for _ in range(2):
        until(has_both)
        fill(BUY, "0.01")
        until(lambda: maker.position == traded(bfx_account))
    until(lambda: orders().keys() == {SELL})
    assert maker.position == maker.settings.max_position == traded(bfx_account)
    fill(SELL, "0.01")
    until(has_both)
    assert maker.position == SIZE


def test_order_that_would_take_is_placed_again(
    bfx_exchange, bfx_fault, maker, until, other, orders, has_both
):
    bfx_fault("silent_channel", channel="book")
    # Not in the book of the market maker any more.
    other("EXCHANGE LIMIT", "-300", "64200")
    until(lambda: len(arrived(bfx_exchange, "on")) >= 4)
    assert {each["status"] for each in bfx_exchange.account.closed_orders} == {
        "POSTONLY CANCELED"
    }
    assert maker.position == 0 and BUY not in orders()


@pytest.mark.bfx_exchange(
    accounts=[PaperAccount(balances={"exchange": {"BTC": 1, "USD": 10}})]
)
def test_too_little_money_leaves_one_side(bfx_exchange, maker, until, orders):
    until(lambda: len(arrived(bfx_exchange, "on")) == 3)
    assert orders().keys() == {SELL} and maker.position == 0


@pytest.mark.parametrize(
    "fault",
    ["cut_before_input", "cut_after_input", "cut_after_notification", "cut_after_on"],
)
def test_lost_link_leaves_one_order_a_side(
    bfx_fault, bfx_account, maker, until, fill, is_settled, fault
):
    bfx_fault(fault)
    until(is_settled)
    fill(SELL, "0.01")
    until(lambda: maker.position == -SIZE and is_settled())
    assert traded(bfx_account) == -SIZE
    assert len(bfx_account.orders) == 2


@pytest.mark.bfx_client(dms=4)
def test_exchange_cancels_what_the_link_leaves(
    bfx_exchange, bfx_account, maker, until, orders, has_both
):
    until(has_both)
    before = {order["id"] for order in orders().values()}
    bfx_exchange.drop_connections()
    until(lambda: has_both() and len(bfx_account.closed_orders) == 2)
    assert before.isdisjoint(order["id"] for order in orders().values())


@pytest.mark.parametrize("input", ["ou", "oc"])
def test_refused_change_ends_in_a_cancellation(
    bfx_exchange, bfx_fault, maker, until, fill, is_settled, input
):
    until(is_settled)
    bfx_fault("reject_order", input=input)
    if input == "ou":
        fill(BUY, "0")  # only better orders, which changes the fair price
    else:
        maker.had_gap.set()
    # A refused move is followed by a cancellation, a refused cancellation by another one.
    cancelled = 1 if input == "ou" else 3
    until(lambda: len(arrived(bfx_exchange, "oc")) == cancelled)
    until(is_settled)
    assert len(arrived(bfx_exchange, "oc")) == cancelled


@pytest.mark.parametrize("name", ["ou", "oc"])
def test_lost_link_while_an_order_is_changed(
    bfx_fault, bfx_account, bfx_exchange, maker, until, fill, is_settled, name
):
    until(is_settled)
    bfx_fault("cut_after_input", input=name)
    if name == "ou":
        fill(BUY, "0.01")
    else:
        maker.had_gap.set()
    until(lambda: arrived(bfx_exchange, name))
    until(is_settled)
    # Read from the wallet again if a move is only presumed lost, without the fee then.
    assert maker.position == pytest.approx(traded(bfx_account), abs=Decimal("0.0001"))
    assert len(bfx_account.orders) == 2


def test_fill_while_the_link_is_down_is_counted(
    bfx_exchange, bfx_fault, bfx_account, maker, until, fill, is_settled
):
    until(is_settled)
    bfx_fault("refuse_handshake", times=4)
    bfx_exchange.drop_connections()
    fill(BUY, "0.006")
    until(lambda: maker.position == Decimal("0.006") and is_settled())
    assert traded(bfx_account) == Decimal("0.006")
    assert len(bfx_account.orders) == 2


def test_wrong_book_withdraws_the_quotes(
    bfx_frozen_market, bfx_fault, maker, until, orders, has_both
):
    until(has_both)
    wrong = bfx_fault("wrong_checksum", times=2)
    while wrong.count < 2:
        bfx_frozen_market.step(3)
        maker.step()
    # The second one leaves no book for a second.
    until(lambda: not orders())
    assert not maker.book.is_live
    until(has_both)
    assert maker.book.is_live


def test_maintenance_is_waited_for(bfx_fault, bfx_account, maker, until, has_both):
    bfx_fault("maintenance", executed=False, length_s=0.3)
    until(has_both)
    assert len(bfx_account.orders) == 2


def test_after_a_maintenance_both_sides_are_quoted(
    bfx_exchange, bfx_account, maker, until, has_both
):
    until(has_both)
    # Whether the cancellations are still accepted is a race, as in reality.
    bfx_exchange.send_info(20060)
    until(lambda: not maker.book.is_live)
    bfx_exchange.send_info(20061)
    until(lambda: maker.book.is_live and has_both())
    assert maker.position == 0 and len(bfx_account.orders) == 2


def test_second_run_cancels_what_the_first_has_left(
    bfx_exchange, bfx_account, maker, until, fill, orders, has_both, settings
):
    options = {**client_options(settings), "cancel_on_exit": False}
    with bfx_exchange.client(**options) as bfx:
        first = MarketMaker(bfx, settings)
        while not has_both():
            first.step()
            bfx.wss.wait_on_update(timeout=0.05)
    left = {order["id"] for order in orders().values()}
    fill(SELL, "0.01")
    maker.target = first.target
    until(has_both)
    assert left.isdisjoint(order["id"] for order in orders().values())
    assert maker.position.quantize(SIZE) == traded(bfx_account) == -SIZE


def test_stop_leaves_no_order(bfx_account, maker, has_both):
    thread = threading.Thread(target=maker.run)
    thread.start()
    while not has_both():
        maker.bfx.wss.wait_on_update(timeout=0.05)
    maker.stop()
    thread.join(30)
    assert bfx_account.orders == [] and all(s.is_empty for s in maker.sides.values())


def test_error_in_the_program_leaves_no_order(bfx_account, maker, until, has_both):
    until(has_both)
    maker.state = None  # calling it raises
    with pytest.raises(TypeError):
        maker.run()
    assert bfx_account.orders == []


def test_order_beyond_the_guard_is_not_sent(bfx_exchange, maker, until):
    maker.settings = replace(maker.settings, size=Decimal(1), max_position=Decimal(9))
    until(lambda: all(side.paused_until for side in maker.sides.values()))
    assert arrived(bfx_exchange, "on") == []
