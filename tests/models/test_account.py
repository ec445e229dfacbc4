"""The account, its keys and its fees, from rows as the JSON readers return them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from model_tables import NUMBERS

from bfxsync.errors import RemoteError
from bfxsync.models.account import AuthToken
from bfxsync.models.summary import Summary, TradeVolume

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
    found = Summary.from_row(json.loads(SUMMARY, parse_float=number), number)

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
    row = json.loads(SUMMARY)
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
    row = json.loads(SUMMARY)
    row[index] = bad
    with pytest.raises(RemoteError) as caught:
        Summary.from_row(row)
    assert caught.value.raw is row
