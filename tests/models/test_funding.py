"""Funding, collateral, alerts and settings, from rows as the JSON readers return them."""

from __future__ import annotations

from typing import Any

import pytest
from model_tables import NUMBERS, read

from bfxsync._base.enums import OrderFlag
from bfxsync.errors import RemoteError
from bfxsync.models import alerts, funding, funding_info
from bfxsync.models.order_status import Fill

# --- what is not as its page says -------------------------------------------------------------


def test_flags_of_an_offer_are_flags() -> None:
    flags = funding.FundingOffer.from_row(read("FundingOffer")).flags
    assert flags is OrderFlag.HIDDEN


@pytest.mark.parametrize("sent", [{}, {"x": 1}, [], "x", None, True])
def test_r12_flags_of_an_offer_may_be_anything(sent: Any) -> None:
    row = read("FundingOffer")
    row[9] = sent
    assert funding.FundingOffer.from_row(row).flags is None


@NUMBERS
def test_status_of_an_offer_is_taken_apart(number: Any) -> None:
    row = read("FundingOffer", number)
    row[10] = "EXECUTED at 0.0368% (57.9)"
    status = funding.FundingOffer.from_row(row, number).status
    assert status.is_executed
    assert status.fills == (Fill(number("0.000368"), number("57.9")),)
    assert type(status.fills[0].price) is number
    assert funding.FundingOffer.from_partial_row([]).status.word == ""


def test_r12_info_may_lack_its_values() -> None:
    for values in ([], [None] * 4):
        found = funding_info.FundingInfo.from_row(["sym", "fUSD", values])
        assert found == funding_info.FundingInfo("fUSD", None, None, None, None)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        ["sym"],
        ["sym", "fUSD"],
        ["sym", 5, []],
        ["sym", "fUSD", None],
        ["sym", "fUSD", {}],
        ["sym", "fUSD", ["much"]],
    ],
    ids=repr,
)
def test_r14_info_that_is_none_is_a_remote_error(bad: Any) -> None:
    with pytest.raises(RemoteError, match="FundingInfo") as caught:
        funding_info.FundingInfo.from_row(bad)
    assert caught.value.raw is bad


@pytest.mark.parametrize(
    "row, ok", [([True], True), ([False], False), ([1], True), ([0, "x"], False)]
)
def test_deletion_of_an_alert_is_true_or_false(row: Any, ok: bool) -> None:
    assert alerts.AlertDeletion.from_row(row).ok is ok


@pytest.mark.parametrize("bad", [None, [], [None], [2], ["true"], [1.0], {}], ids=repr)
def test_r14_deletion_that_is_none_is_a_remote_error(bad: Any) -> None:
    with pytest.raises(RemoteError, match="AlertDeletion") as caught:
        alerts.AlertDeletion.from_row(bad)
    assert caught.value.raw is bad
