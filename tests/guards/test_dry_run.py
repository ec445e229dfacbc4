"""What a write is answered with in a dry run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import JSON_VALUES

from bfxsync._base.enums import OrderFlag
from bfxsync.guards.dry_run import dry_run_row, has_subject
from bfxsync.models.funding import FundingOffer, PartialFundingOffer
from bfxsync.models.notification import Notification, of_list, of_nothing, of_one
from bfxsync.models.orders import Order, PartialOrder, read_operation
from bfxsync.wire.inputs import OrderInputs, offer_body

NOW = 1_700_000_000_123

INPUTS = OrderInputs()
ORDER = INPUTS.submit("EXCHANGE LIMIT", "tBTCUSD", "-0.5", "50000", cid=7, flags=64)

PATHS = {
    "auth/w/order/submit": of_one(Order.from_partial_row),
    "auth/w/order/update": of_one(Order.from_partial_row),
    "auth/w/order/cancel": of_one(Order.from_partial_row),
    "auth/w/order/cancel/multi": of_list(Order.from_partial_row),
    "auth/w/order/multi": of_list(read_operation),
    "auth/w/funding/offer/submit": of_one(FundingOffer.from_partial_row),
    "auth/w/funding/offer/cancel": of_one(FundingOffer.from_partial_row),
}


def answer(path: str, body: Any, number: Any = float) -> Notification[Any]:
    row = dry_run_row(path, body, NOW, number)
    note = PATHS.get(path, of_nothing())(row, number)
    assert (note.mts, note.status, note.message_id, note.code) == (
        *(NOW, "DRY_RUN"),
        *(None, None),
    )
    assert not note.is_success
    assert note.raise_for_status() is note
    assert has_subject(path) is (path in PATHS)
    return note


@pytest.mark.parametrize("number", [float, Decimal])
def test_new_order_has_its_terms_and_no_id(number: Any) -> None:
    note = answer("auth/w/order/submit", ORDER, number)
    order = note.data
    assert note.type == "on-req" and type(order) is PartialOrder
    assert (order.id, order.cid, order.symbol) == (None, 7, "tBTCUSD")
    assert (order.order_type, order.price) == ("EXCHANGE LIMIT", 50_000)
    assert order.amount == order.amount_orig == number("-0.5")
    assert type(order.amount) is number and type(order.price) is number
    assert order.flags == OrderFlag.HIDDEN and order.status.word == ""


def test_other_prices_and_meta_are_kept() -> None:
    body = INPUTS.submit(
        *("STOP LIMIT", "tBTCUSD", "1", "5"),
        price_aux_limit="6",
        gid=3,
        meta={"aff_code": "x"},
    )
    order = answer("auth/w/order/submit", body).data
    assert (order.price, order.price_aux_limit, order.gid) == (5, 6, 3)
    assert order.meta == {"aff_code": "x"}


def test_changed_and_cancelled_orders_keep_their_ids() -> None:
    changed = answer("auth/w/order/update", INPUTS.update(5, price="7")).data
    assert (changed.id, changed.price, changed.amount) == (5, 7, None)
    assert answer("auth/w/order/cancel", INPUTS.cancel(5)).data.id == 5
    by_cid = INPUTS.cancel(cid=7, cid_date="2026-01-31")
    cancelled = answer("auth/w/order/cancel", by_cid).data
    assert (cancelled.id, cancelled.cid) == (None, 7)
    several = answer("auth/w/order/cancel/multi", INPUTS.cancel_multi(id=[1, 2]))
    assert [order.id for order in several.data] == [1, 2]
    assert answer("auth/w/order/cancel/multi", {"all": 1}).data == []


def test_batch_has_a_notification_for_each_operation() -> None:
    ops = [
        ("on", {"type": "MARKET", "symbol": "tBTCUSD", "amount": "1", "cid": 9}),
        ("ou", {"id": 5, "amount": "2"}),
        ("oc", {"id": 6}),
        ("oc_multi", {"id": [7, 8]}),
    ]
    body, _ = INPUTS.operations(ops)
    notes = answer("auth/w/order/multi", body).data
    kinds = ["on-req", "ou-req", "oc-req", "oc_multi-req"]
    assert [note.type for note in notes] == kinds
    assert {note.status for note in notes} == {"DRY_RUN"}
    assert [notes[0].data.cid, notes[1].data.amount, notes[2].data.id] == [9, 2, 6]
    assert [order.id for order in notes[3].data] == [7, 8]


def test_funding_offer_has_its_terms_and_no_id() -> None:
    body = offer_body("LIMIT", "fUSD", "500", "0.0002", 2)
    offer = answer("auth/w/funding/offer/submit", body).data
    assert type(offer) is PartialFundingOffer
    assert (offer.id, offer.symbol, offer.amount) == (None, "fUSD", 500)
    assert (offer.offer_type, offer.rate, offer.period) == ("LIMIT", 0.0002, 2)
    assert answer("auth/w/funding/offer/cancel", {"id": 4}).data.id == 4


@pytest.mark.parametrize("body", [None, {}, {"amount": "1"}, ORDER])
def test_nothing_is_invented_for_other_writes(body: Any) -> None:
    note = answer("auth/w/transfer", body)
    assert (note.type, note.data) == ("auth/w/transfer", None)


@given(
    st.sampled_from([*PATHS]),
    JSON_VALUES | st.fixed_dictionaries({"ops": JSON_VALUES, "id": JSON_VALUES}),
)
def test_any_raw_request_has_an_answer(path: str, body: Any) -> None:
    row = dry_run_row(path, body, NOW, float)
    assert (len(row), row[6]) == (8, "DRY_RUN")
