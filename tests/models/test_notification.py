"""Notifications, from rows as the JSON readers return them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import APPENDED, JSON_VALUES

from bfxsync.errors import (
    ApiError,
    NotReady,
    OrderRejected,
    RateLimited,
    RemoteError,
)
from bfxsync.models.notification import Notification, of_list, of_nothing, of_one
from bfxsync.models.public import Statistic

# Of the exchange's documentation.
TRANSFER = (
    '[1568736745789,"acc_tf",null,null,[1568736745790,"margin","exchange",null,"USD",null,'
    'null,50],null,"SUCCESS","50.0 US Dollar transferred from Margin to Exchange"]'
)

# A model that is simple enough to look at the envelope only: mts and value.
read_one, read_list = of_one(Statistic.from_row), of_list(Statistic.from_row)
DATA = [1573560420000, 2.5]


def row(**changes: Any) -> list[Any]:
    fields = {
        "mts": 1568736745789,
        "type": "acc_tf",
        "message_id": None,
        "placeholder": None,
        "data": DATA,
        "code": None,
        "status": "SUCCESS",
        "text": "Done.",
    }
    assert not changes.keys() - fields.keys()
    return list({**fields, **changes}.values())


def test_documented_row_is_read() -> None:
    found = of_nothing()(json.loads(TRANSFER), float)
    assert (found.mts, found.type, found.data) == (1568736745789, "acc_tf", None)
    assert (found.status, found.code, found.message_id) == ("SUCCESS", None, None)
    assert found.text == "50.0 US Dollar transferred from Margin to Exchange"
    assert found.raw == json.loads(TRANSFER)
    assert found.is_success
    found.raise_for_status()


@pytest.mark.parametrize(
    "sent, mts",
    [
        (1575287438.515, 1575287438515),
        (Decimal("1575287438.515"), 1575287438515),
        (1706762515, 1706762515000),
        (1568736745789, 1568736745789),
        (1568736745789.0, 1568736745789),
        (None, None),
    ],
    ids=repr,
)
def test_seconds_become_milliseconds(sent: Any, mts: Any) -> None:
    for number in (float, Decimal):
        found = read_one(row(mts=sent), number)
        assert found.mts == mts and type(found.mts) is type(mts)


def test_data_may_be_a_row_or_a_list_of_rows() -> None:
    wanted = Statistic(1573560420000, 2.5)
    assert read_one(row(), float).data == wanted
    found = read_one(row(data=[DATA, [1, 3.5]]), float)
    assert (found.data, found.more) == (wanted, [Statistic(1, 3.5)])
    assert read_list(row(data=[DATA]), float).data == [wanted]
    assert read_list(row(data=[]), float).data == []


@pytest.mark.parametrize("data", [None, 5, "x", {}, [], [None], [[]]], ids=repr)
@pytest.mark.parametrize("read", [read_one, read_list], ids=["one", "list"])
def test_data_that_cannot_be_read_matters_only_where_it_succeeded(
    read: Any, data: Any
) -> None:
    if not (read is read_list and data == []):
        with pytest.raises(RemoteError):
            read(row(data=data), float)
        found = read(row(data=data, status="ERROR"), float)
        assert (found.data, found.more) == (None, [])


@pytest.mark.parametrize(
    "code, kind",
    [(None, ApiError), (10001, ApiError), (11000, NotReady), (11010, RateLimited)],
)
def test_r13_refusal_is_raised_by_its_code(code: Any, kind: Any) -> None:
    sent = row(status="ERROR", code=code, text="No.")
    found = of_nothing()(sent, float)
    found.endpoint = "auth/w/transfer"
    assert not found.is_success
    with pytest.raises(kind, match="No") as caught:
        found.raise_for_status()
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.message, error.raw) == (code, "No.", sent)
    assert error.endpoint == "auth/w/transfer"


@pytest.mark.parametrize(
    "kind", ["on-req", "ou-req", "oc-req", "oc_multi-req", "ox_multi-req"]
)
def test_refusal_of_an_order_is_its_rejection(kind: str) -> None:
    found = of_nothing()(row(type=kind, status="FAILURE", code=10001), float)
    with pytest.raises(OrderRejected):
        found.raise_for_status()
    limited = of_nothing()(row(type=kind, status="ERROR", code=11010), float)
    with pytest.raises(RateLimited):
        limited.raise_for_status()


def test_refusal_without_a_text_says_its_status() -> None:
    found = of_nothing()(row(status="FAILURE", text=None), float)
    with pytest.raises(ApiError, match="^FAILURE$"):
        found.raise_for_status()


def test_first_refused_operation_is_raised() -> None:
    good = row(type="on-req")
    bad = row(type="oc-req", status="ERROR", text="Order not found.", code=10001)
    read = of_list(of_nothing())
    found = read(row(type="ox_multi-req", data=[good, bad]), float)
    found.endpoint = "auth/w/order/multi"
    with pytest.raises(OrderRejected, match="not found") as caught:
        found.raise_for_status()
    assert caught.value.endpoint == "auth/w/order/multi"
    found = read(row(data=[good, good]), float)
    assert found.raise_for_status() is found
    # Rows have no status.
    read_list(row(data=[DATA, DATA]), float).raise_for_status()


@pytest.mark.parametrize("value", ["x", 1.5, [], {}, True], ids=repr)
def test_what_stands_where_nothing_is_documented_is_no_code(value: Any) -> None:
    found = of_nothing()(row(code=value, message_id=value), float)
    assert (found.code, found.message_id) == (None, None)


@pytest.mark.parametrize(
    "changes", [{"type": None}, {"status": None}, {"status": 1}, {"mts": "x"}], ids=str
)
def test_row_that_is_no_notification_is_a_remote_error(changes: Any) -> None:
    with pytest.raises(RemoteError, match="^Notification"):
        read_one(row(**changes), float)


@given(appended=APPENDED)
def test_r14_appended_fields_change_nothing(appended: list[Any]) -> None:
    assert read_one(row() + appended, float) == read_one(row(), float)
    assert of_nothing()(row()[:7], float).text is None


@given(found=st.lists(JSON_VALUES, max_size=9) | JSON_VALUES)
def test_r14_any_row_is_read_or_is_a_remote_error(found: Any) -> None:
    for read in (read_one, read_list, of_nothing()):
        try:
            assert type(read(found, float)) is Notification
        except RemoteError:
            pass
