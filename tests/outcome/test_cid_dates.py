"""Which dates of client ids a client knows, and when it does not guess."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from bfxsync.errors import UsageError
from bfxsync.models.orders import Order, PartialOrder
from bfxsync.outcome import cid_dates
from bfxsync.outcome.cid_dates import MOST_KEPT, CidDates

MTS = {"2026-01-31": 1_769_860_800_000, "2026-02-01": 1_769_947_200_000}
YESTERDAY, TODAY = MTS


def order(
    cid: Any, date: str = TODAY, status: Any = "ACTIVE", mts: Any = None
) -> PartialOrder:
    row: list[Any] = [None] * 32
    row[0], row[2], row[4], row[13] = 5, cid, mts or MTS[date], status
    found = Order.from_partial_row(row)
    assert isinstance(found, PartialOrder)
    return found


@pytest.fixture
def dates() -> CidDates:
    return CidDates()


def unknown(dates: CidDates, cid: int) -> str:
    with pytest.raises(UsageError, match="^cid_date must be given: ") as caught:
        dates.date_for(cid)
    return str(caught.value)


def test_client_id_that_was_never_seen_has_no_date(dates: CidDates) -> None:
    dates.see(order(6))
    assert "neither sent nor received an order with cid 5" in unknown(dates, 5)


def test_order_that_was_sent_or_seen_has_its_date(dates: CidDates) -> None:
    dates.mark_sent([5], [TODAY])
    assert dates.see(order(6, YESTERDAY))
    assert (dates.date_for(5), dates.date_for(6)) == (TODAY, YESTERDAY)


def test_order_sent_around_midnight_has_either_date(dates: CidDates) -> None:
    sent = dates.mark_sent([5], [YESTERDAY, TODAY])
    assert f"created on {YESTERDAY}, {TODAY}" in unknown(dates, 5)
    dates.see(order(5, TODAY))
    dates.forget_sent(sent)
    assert dates.date_for(5) == TODAY


def test_orders_of_another_account_are_forgotten(dates: CidDates) -> None:
    dates.mark_sent([5], [TODAY])
    dates.clear()
    unknown(dates, 5)


def test_order_that_was_refused_is_forgotten(dates: CidDates) -> None:
    dates.forget_sent(dates.mark_sent([5, 6], [YESTERDAY, TODAY]))
    unknown(dates, 5)
    unknown(dates, 6)


def test_refused_order_leaves_an_earlier_one_of_its_id(dates: CidDates) -> None:
    dates.mark_sent([5], [TODAY])
    dates.forget_sent(dates.mark_sent([5], [TODAY]))
    assert dates.date_for(5) == TODAY
    dates.see(order(6))
    dates.forget_sent(dates.mark_sent([6], [TODAY]))
    assert dates.date_for(6) == TODAY


def test_two_open_orders_of_one_client_id_are_not_told_apart(dates: CidDates) -> None:
    dates.see(order(5, TODAY))
    dates.see(order(5, YESTERDAY))
    assert f"created on {YESTERDAY}, {TODAY}" in unknown(dates, 5)


def test_open_order_goes_before_closed_ones(dates: CidDates) -> None:
    dates.see(order(5, YESTERDAY))
    dates.see(order(5, TODAY))
    dates.mark_closed(5, TODAY)
    assert dates.date_for(5) == YESTERDAY
    dates.mark_closed(5, YESTERDAY)
    assert dates.date_for(5) == TODAY
    dates.see(order(5, YESTERDAY))
    assert dates.date_for(5) == YESTERDAY


@pytest.mark.parametrize(
    "status, is_open",
    [
        ("ACTIVE", True),
        ("PARTIALLY FILLED @ 1(0.5)", True),
        (None, True),
        ("EXECUTED @ 1(1)", False),
        ("CANCELED", False),
        ("POSTONLY CANCELED", False),
    ],
)
def test_status_of_an_order_says_whether_it_is_open(
    dates: CidDates, status: Any, is_open: bool
) -> None:
    dates.see(order(5, YESTERDAY))
    dates.mark_closed(5, YESTERDAY)
    dates.mark_sent([5], [TODAY])
    dates.see(order(5, TODAY, status))
    dates.see(order(5, YESTERDAY))
    if is_open:
        unknown(dates, 5)
    else:
        assert dates.date_for(5) == YESTERDAY


@pytest.mark.parametrize("cid, mts", [(None, 5), (5, 10**17), (5, -(10**17))])
def test_order_without_client_id_or_sensible_time_is_passed_over(
    dates: CidDates, cid: Any, mts: int
) -> None:
    assert not dates.see(order(cid, mts=mts))
    assert not dates.see(Order.from_partial_row([5, None, 5, *[None] * 29]))
    unknown(dates, 5)


def test_closed_orders_of_others_are_not_kept(dates: CidDates) -> None:
    dates.see(order(5, status="CANCELED"))
    dates.mark_closed(6, TODAY)
    unknown(dates, 5)
    unknown(dates, 6)


def test_oldest_client_ids_are_forgotten_first(dates: CidDates) -> None:
    dates.mark_sent(range(MOST_KEPT + 2), [TODAY])
    unknown(dates, 1)
    assert dates.date_for(2) == dates.date_for(MOST_KEPT + 1) == TODAY


def test_threads_share_the_dates_without_a_lock(
    dates: CidDates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cid_dates, "MOST_KEPT", 50)
    errors: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for cid in range(first, first + 500):
                sent = dates.mark_sent([cid], [YESTERDAY, TODAY])
                dates.see(order(cid))
                dates.forget_sent(sent)
                dates.mark_closed(cid - 1, TODAY)
                try:
                    assert dates.date_for(cid) == TODAY
                except UsageError:
                    pass  # the others have displaced it
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n * 1000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(dates._states) <= 50 + len(threads)
