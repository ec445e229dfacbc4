"""Funding, collateral, alerts and settings, from rows as the JSON readers return them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
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

from bfxsync._base.enums import OrderFlag
from bfxsync.errors import RemoteError
from bfxsync.models import alerts, derivatives, funding, funding_info
from bfxsync.models import settings as user_settings
from bfxsync.models.order_status import Fill

LOAN = {
    0: ("id", "int"),
    1: ("symbol", "text"),
    2: ("side", "int"),
    3: ("mts_create", "int"),
    4: ("mts_update", "int"),
    5: ("amount", "number"),
    6: ("flags", "any?"),
    7: ("status", "text"),
    8: ("rate_type", "text?"),
    11: ("rate", "number"),
    12: ("period", "int"),
    13: ("mts_opening", "int?"),
    14: ("mts_last_payout", "int?"),
    15: ("notify", "any?"),
    16: ("hidden", "any?"),
    18: ("renew", "any?"),
    19: ("rate_real", "number?"),
    20: ("no_close", "any?"),
}
RENEW = {
    0: ("currency", "text"),
    1: ("period", "int"),
    2: ("rate", "number"),
    3: ("threshold", "number"),
}

# Rows of the exchange's documentation, with values in place of its nulls.
TABLE = {
    "FundingOffer": Case(
        funding.FundingOffer,
        '[41215275,"fUSD",1524784806000,1524784807000,900.5,1000,"FRRDELTAVAR",null,null,64,'
        '"PARTIALLY FILLED",null,null,null,0.0001,30,1,0,null,1,0.00207328]',
        {
            0: ("id", "int"),
            1: ("symbol", "text"),
            2: ("mts_create", "int"),
            3: ("mts_update", "int"),
            4: ("amount", "number"),
            5: ("amount_orig", "number"),
            6: ("offer_type", "text"),
            9: ("flags", "int?"),
            10: ("offer_status", "text"),
            14: ("rate", "number"),
            15: ("period", "int"),
            16: ("notify", "any?"),
            17: ("hidden", "any?"),
            19: ("renew", "any?"),
            20: ("rate_real", "number?"),
        },
    ),
    "FundingLoan": Case(
        funding.FundingLoan,
        '[2993678,"fUSD",-1,1524786468000,1524786469000,200.25,0,"ACTIVE","FIXED",null,null,0.002,'
        "7,1524786468000,1524786468001,1,0,null,1,0.0021,0]",
        LOAN,
    ),
    "FundingCredit": Case(
        funding.FundingCredit,
        '[26190108,"fUSD",1,1524846786000,1524846787000,32.91281465,0,"ACTIVE","VAR",null,null,'
        '0.002,7,1524786468000,1524786469000,0,1,null,0,0.002,1,"tBTCUST"]',
        {**LOAN, 21: ("position_pair", "text?")},
    ),
    "AccountFundingTrade": Case(
        funding.AccountFundingTrade,
        '[636040,"fUST",1574077528000,41237922,-100.5,0.0024,2,1]',
        {
            0: ("id", "int"),
            1: ("currency", "text"),
            2: ("mts_create", "int"),
            3: ("offer_id", "int"),
            4: ("amount", "number"),
            5: ("rate", "number"),
            6: ("period", "int"),
            7: ("maker", "switch?"),
        },
    ),
    "FundingAutoRenew": Case(
        funding_info.FundingAutoRenew, '["USD",2,0.0002,123.45]', RENEW
    ),
    "FundingAutoRenewStatus": Case(
        funding_info.FundingAutoRenewStatus, '["USD",5,0.00034405,0]', RENEW
    ),
    "DerivativePositionCollateral": Case(
        derivatives.DerivativePositionCollateral, "[1]", {0: ("status", "switch")}
    ),
    "DerivativePositionCollateralLimits": Case(
        derivatives.DerivativePositionCollateralLimits,
        "[71.6,1150.61]",
        {0: ("min_collateral", "number"), 1: ("max_collateral", "number")},
    ),
    "Alert": Case(
        alerts.Alert,
        '["price:tETHUSD:220.5","price","tETHUSD",220.5,100]',
        {
            0: ("key", "text"),
            1: ("alert_type", "text"),
            2: ("symbol", "text"),
            3: ("price", "number"),
            4: ("countdown", "int"),
        },
    ),
    "UserSetting": Case(
        user_settings.UserSetting,
        '["api:colour",{"a":["dark"]}]',
        {0: ("key", "text"), 1: ("value", "any?")},
    ),
    "CoreSetting": Case(
        user_settings.CoreSetting,
        '["theme","dark"]',
        {0: ("key", "text"), 1: ("value", "any?")},
    ),
    "SettingsWriteResult": Case(
        user_settings.SettingsWriteResult, "[2]", {0: ("number_of_settings", "int?")}
    ),
}

# Their rows are no plain lists of fields, and have tests of their own.
OTHERS = {
    "FundingInfo": funding_info.FundingInfo,
    "AlertDeletion": alerts.AlertDeletion,
}

SWITCHES = {
    "FundingOffer": {16: "notify", 17: "hidden", 19: "renew"},
    "FundingLoan": {15: "notify", 16: "hidden", 18: "renew", 20: "no_close"},
    "FundingCredit": {15: "notify", 16: "hidden", 18: "renew", 20: "no_close"},
}

CASES = pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)


def without_flags(name: str) -> Case:
    """Return a case whose flags are looked at elsewhere, as they may be anything."""
    model, text, fields = TABLE[name]
    return Case(model, text, {i: f for i, f in fields.items() if f[0] != "flags"})


def test_table_has_every_model() -> None:
    modules = (funding, funding_info, derivatives, alerts, user_settings)
    members = [member for module in modules for member in vars(module).values()]
    models = {m.__name__ for m in members if hasattr(m, "from_row")}
    assert set(TABLE) | set(OTHERS) == models


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


@pytest.mark.parametrize("name", TABLE)
def test_r14_any_field_may_be_hostile(name: str) -> None:
    check_hostile(without_flags(name))


@NUMBERS
@settings(max_examples=50)
@given(appended=APPENDED)
def test_r14_appended_fields_change_nothing(number: Any, appended: list[Any]) -> None:
    for model, text, _ in TABLE.values():
        row = read(text, number)
        assert model.from_row(row + appended, number) == model.from_row(row, number)


@NUMBERS
@settings(max_examples=50)
@given(row=st.lists(JSON_VALUES, max_size=23) | JSON_VALUES)
def test_r14_any_row_is_read_or_is_a_remote_error(number: Any, row: Any) -> None:
    for case in TABLE.values():
        check_any_row(case, row, number)
    for model in OTHERS.values():
        check_any_row(Case(model, "", {}), row, number)


@pytest.mark.parametrize("name", ["FundingOffer", "FundingAutoRenew", "Alert"])
def test_row_of_a_notification_may_lack_anything(name: str) -> None:
    check_tolerant(TABLE[name])


# --- what is not as its page says -------------------------------------------------------------


@pytest.mark.parametrize("sent, wanted", [(True, 1), (False, 0), (1, 1), (0, 0)])
@pytest.mark.parametrize("name", SWITCHES)
def test_r12_switch_may_be_true_or_false(name: str, sent: Any, wanted: int) -> None:
    model, text, _ = TABLE[name]
    for index, field in SWITCHES[name].items():
        row = read(text)
        row[index] = sent
        value = getattr(model.from_row(row), field)
        assert type(value) is int
        assert value == wanted


@pytest.mark.parametrize("bad", ["yes", 0.5, [1], {}])
@pytest.mark.parametrize("name", SWITCHES)
def test_r14_switch_that_is_none_is_a_remote_error(name: str, bad: Any) -> None:
    model, text, _ = TABLE[name]
    for index, field in SWITCHES[name].items():
        row = read(text)
        row[index] = bad
        with pytest.raises(RemoteError, match=rf"{name}\.{field}: ") as caught:
            model.from_row(row)
        assert caught.value.raw is row


def test_flags_of_an_offer_are_flags() -> None:
    flags = funding.FundingOffer.from_row(read(TABLE["FundingOffer"].text)).flags
    assert flags is OrderFlag.HIDDEN


@pytest.mark.parametrize("sent", [{}, {"x": 1}, [], "x", None, True])
def test_r12_flags_of_an_offer_may_be_anything(sent: Any) -> None:
    row = read(TABLE["FundingOffer"].text)
    row[9] = sent
    assert funding.FundingOffer.from_row(row).flags is None


@NUMBERS
def test_status_of_an_offer_is_taken_apart(number: Any) -> None:
    row = read(TABLE["FundingOffer"].text, number)
    row[10] = "EXECUTED at 0.0368% (57.9)"
    status = funding.FundingOffer.from_row(row, number).status
    assert status.is_executed
    assert status.fills == (Fill(number("0.000368"), number("57.9")),)
    assert type(status.fills[0].price) is number
    assert funding.FundingOffer.from_partial_row([]).status.word == ""


@NUMBERS
def test_info_is_read_from_its_list(number: Any) -> None:
    text = '["sym","fUSD",[0.10,0,1.8444560185185186,2.5,9],null]'
    found = funding_info.FundingInfo.from_row(read(text, number), number)
    assert found.symbol == "fUSD"
    assert (type(found.yield_loan), found.yield_loan) == (number, number("0.10"))
    assert str(found.yield_loan) == ("0.10" if number is Decimal else "0.1")
    assert (found.yield_lend, found.duration_lend) == (0, number("2.5"))
    assert found.duration_loan == number("1.8444560185185186")


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
