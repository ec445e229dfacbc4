"""Amounts, prices, ids, dates and flags, as they are sent."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync._base.enums import OrderFlag
from bfxsync.checks.containers import check_object, optional
from bfxsync.checks.ids import WSS_GIDS, check_cid, check_gid, check_id, check_ids
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
        ("1.1000000000", "1.1000000000"),
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
    with pytest.raises(
        UsageError, match=f"round_price=True would round it to {rounded}"
    ):
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


def test_group_ids_have_the_width_of_the_transport() -> None:
    assert check_gid("gid", 2**32 - 1, WSS_GIDS) == 2**32 - 1
    with pytest.raises(
        UsageError, match="^gid must be an integer from 0 to 4294967295"
    ):
        check_gid("gid", 2**32, WSS_GIDS)


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
        ("2026-01-31 12:00:00", "2026-01-31 12:00:00"),
    ],
)
def test_end_of_an_order_is_sent_in_utc_and_not_earlier(value: Any, text: str) -> None:
    assert check_tif("tif", value) == text


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 31),
        date(2026, 1, 31),
        1_769_860_800_000,
        None,
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00",
        "2026-01-31 12:00:00Z",
        "2026-01-31 12:00:00.5",
        " 2026-01-31 12:00:00",
        "2026-02-30 12:00:00",
        "2026-01-31 24:00:00",
        "0000-01-31 12:00:00",
        "２０26-01-31 12:00:00",
        "",
    ],
)
def test_end_of_an_order_is_zoned_or_the_exchanges_text(value: Any) -> None:
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
