"""The account, its keys and its fees, from rows as the JSON readers return them."""

from __future__ import annotations

import json
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
    read,
)
from strategies import APPENDED, JSON_VALUES

from bfxsync.errors import RemoteError
from bfxsync.models import account
from bfxsync.models.account import AuthToken, UserInfo
from bfxsync.models.summary import Summary, TradeVolume

# Rows of the exchange's documentation, with values in place of its nulls.
TABLE = {
    "UserInfo": Case(
        account.UserInfo,
        '[123456,"email@email.com","AccountName",1613492801000,1,3,null,"Lisbon","en","bitfinex",'
        "1,null,null,null,1613492801001,79,123457,1,0,1,null,0,1,0,null,null,"
        '["u2f","otp"],null,0,1,0,1,null,null,null,null,null,null,0,1,null,null,null,null,'
        '"2022-09-06T12:14:14.600Z",null,null,2,null,["FR","PT"],["FR"],"individual",null,null,1]',
        {
            0: ("id", "int"),
            1: ("email", "text"),
            2: ("username", "text"),
            3: ("mts_account_create", "int"),
            4: ("verified", "switch"),
            5: ("verification_level", "int"),
            7: ("timezone", "text?"),
            8: ("locale", "text?"),
            9: ("company", "text?"),
            10: ("email_verified", "switch?"),
            14: ("mts_master_account_create", "int?"),
            15: ("group_id", "int?"),
            16: ("master_account_id", "int?"),
            17: ("inherit_master_account_verification", "switch?"),
            18: ("is_group_master", "switch?"),
            19: ("group_withdraw_enabled", "switch?"),
            21: ("ppt_enabled", "switch?"),
            22: ("merchant_enabled", "switch?"),
            23: ("competition_enabled", "switch?"),
            26: ("two_factors_authentication_modes", "any?"),
            28: ("is_securities_master", "switch?"),
            29: ("securities_enabled", "switch?"),
            30: ("is_securities_investor_accredited", "switch?"),
            31: ("is_securities_el_salvador", "switch?"),
            38: ("allow_disable_ctxswitch", "switch?"),
            39: ("ctxtswitch_disabled", "switch?"),
            44: ("time_last_login", "text?"),
            47: ("verification_level_submitted", "int?"),
            49: ("comp_countries", "any?"),
            50: ("compl_countries_resid", "any?"),
            51: ("compl_account_type", "text?"),
            54: ("is_merchant_enterprise", "switch?"),
        },
    ),
    "LoginHistory": Case(
        account.LoginHistory,
        '[78404724,null,1579202754000,null,"184.214.55.220",null,null,'
        '{"user_agent":{"browser":"Chrome"}}]',
        {
            0: ("id", "int"),
            2: ("time", "int"),
            4: ("ip", "text"),
            7: ("extra_info", "object?"),
        },
    ),
    "KeyPermission": Case(
        account.KeyPermission,
        '["account",1,0]',
        {0: ("scope", "text"), 1: ("read", "switch"), 2: ("write", "switch")},
    ),
    "ChangeLog": Case(
        account.ChangeLog,
        '[1574332100000,null,"settings: api key created",null,null,"182.64.34.9","Mozilla/5.0"]',
        {
            0: ("mts_create", "int"),
            2: ("log", "text"),
            5: ("ip", "text?"),
            6: ("user_agent", "text?"),
        },
    ),
}

CASES = pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)


def test_table_has_every_model() -> None:
    members = vars(account).values()
    names = {m.__name__ for m in members if hasattr(m, "from_row")}
    # Which has tests of its own.
    assert set(TABLE) == names - {"AuthToken"}


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


@CASES
def test_r14_any_field_may_be_hostile(case: Case) -> None:
    check_hostile(case)


@NUMBERS
@settings(max_examples=50)
@given(appended=APPENDED)
def test_r14_appended_fields_change_nothing(number: Any, appended: list[Any]) -> None:
    for model, text, _ in TABLE.values():
        row = read(text, number)
        assert model.from_row(row + appended, number) == model.from_row(row, number)


@NUMBERS
@settings(max_examples=50)
@given(row=st.lists(JSON_VALUES, max_size=56) | JSON_VALUES)
def test_r14_any_row_is_read_or_is_a_remote_error(number: Any, row: Any) -> None:
    for case in [*TABLE.values(), Case(Summary, "[]", {})]:
        check_any_row(case, row, number)


@pytest.mark.parametrize("index", [26, 49, 50])
@pytest.mark.parametrize("bad", ["FR", 1, {}, ["FR", 1], [None], True])
def test_r14_lists_of_a_user_are_lists_of_texts(index: int, bad: Any) -> None:
    row = read(TABLE["UserInfo"].text)
    row[index] = bad
    with pytest.raises(RemoteError, match=r"UserInfo\.\w+: expected a list") as caught:
        UserInfo.from_row(row)
    assert caught.value.raw is row


def test_login_may_have_its_object_as_text() -> None:
    row = read(TABLE["LoginHistory"].text)
    plain = account.LoginHistory.from_row(row)
    row[7] = json.dumps(row[7])
    assert account.LoginHistory.from_row(row) == plain


# --- tokens -----------------------------------------------------------------------------------


def test_r15_token_shows_in_no_repr() -> None:
    token = AuthToken.from_row(["pub:api:sentinel-51d2", 1])
    assert token.token == "pub:api:sentinel-51d2"
    assert "sentinel" not in repr(token)


@pytest.mark.parametrize(
    "bad", [[], None, {}, "sentinel-51d2", [None], [5], [""], [["sentinel-51d2"]]]
)
def test_r15_answer_that_is_no_token_shows_nowhere(bad: Any) -> None:
    with pytest.raises(RemoteError, match="AuthToken") as caught:
        AuthToken.from_row(bad)
    assert "sentinel" not in str(caught.value) and caught.value.raw is None


# --- fees and volumes -------------------------------------------------------------------------

SUMMARY = (
    "[null,null,null,null,[[0.001,0.0011,0.0012,null,null,-0.0002],"
    "[0.002,0.0021,0.0022,null,null,0.00065]],"
    '[[{"curr":"BTC","vol":1.10,"vol_safe":1.25,"vol_maker":1,"vol_BFX":0.5,'
    '"vol_BFX_safe":0.25,"vol_BFX_maker":0.125,"new":[]}],{"USD":12.50,"BTC":"0.1"},13.75],'
    '[null,{"USD":3.5},3.5],null,null,{"leo_lev":2,"leo_amount_avg":0.6470697827185}]'
)


@NUMBERS
def test_summary_is_read_from_its_parts(number: Any) -> None:
    found = Summary.from_row(read(SUMMARY, number), number)

    def n(text: str) -> Any:
        return number(text)

    assert found == Summary(
        n("0.001"),
        n("0.0011"),
        n("0.0012"),
        n("-0.0002"),
        n("0.002"),
        n("0.0021"),
        n("0.0022"),
        n("0.00065"),
        [
            TradeVolume(
                "BTC", n("1.10"), n("1.25"), n("1"), n("0.5"), n("0.25"), n("0.125")
            )
        ],
        {"USD": n("12.50"), "BTC": n("0.1")},
        n("13.75"),
        {"USD": n("3.5")},
        n("3.5"),
        2,
        n("0.6470697827185"),
    )
    assert {type(value) for value in found.fees_trading_30d.values()} == {number}
    if number is Decimal:
        assert str(found.fees_trading_30d["USD"]) == "12.50"


def test_r12_what_a_summary_lacks_is_none() -> None:
    row = read(SUMMARY)
    row[4], row[9] = [[], [None]], None
    row[5][0], row[5][1] = None, []
    found = Summary.from_row(row)
    assert found.maker_fee_to_crypto is found.deriv_taker_fee is None
    assert found.leo_lev is found.leo_amount_avg is None
    assert (found.trade_vol_30d, found.fees_trading_30d) == ([], {})
    assert Summary.from_row(row[:7]) == found


@pytest.mark.parametrize(
    "index, bad",
    [
        (4, None),
        (4, []),
        (4, [[0.1], None]),
        (4, [["x"], []]),
        (5, None),
        (5, [[], {}]),
        (5, [[], {}, None]),
        (5, ["x", {}, 0]),
        (5, [[{}], {}, 0]),
        (5, [[], None, 0]),
        (5, [[], {"USD": None}, 0]),
        (5, [[], {"USD": {}}, 0]),
        (5, [[], [1], 0]),
        (6, None),
        (6, [None, {}, None]),
        (6, [None, "x", 0]),
        (9, 5),
        (9, {"leo_lev": "x"}),
    ],
)
def test_r14_summary_with_other_parts_is_a_remote_error(index: int, bad: Any) -> None:
    row = read(SUMMARY)
    row[index] = bad
    with pytest.raises(RemoteError) as caught:
        Summary.from_row(row)
    assert caught.value.raw is row
