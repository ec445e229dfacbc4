"""Every model of the public REST side alone, from rows as the JSON readers return them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import APPENDED, JSON_VALUES

from bfxsync.errors import RemoteError
from bfxsync.models import conf, public, pulse

PROFILE = (
    '["abc-1",1571253958000,null,"someone",null,"picture.png","About me",null,null,'
    '"somebird",null,25,3,null,null,null,1]'
)

# Model, the row's text on the wire, and the field at each index: its kind, "?" for one that may
# be null. Rows without a page of the exchange are constructed.
TABLE: dict[str, tuple[Any, str, dict[int, tuple[str, str]]]] = {
    "PlatformStatus": (public.PlatformStatus, "[1]", {0: ("status", "switch")}),
    "TickersHistory": (
        public.TickersHistory,
        '["tMKRF0:USTF0",643.57,null,648.82,null,null,null,null,null,null,null,null,'
        "1674061204000]",
        {
            0: ("symbol", "text"),
            1: ("bid", "number?"),
            3: ("ask", "number?"),
            12: ("mts", "int"),
        },
    ),
    "Statistic": (
        public.Statistic,
        "[1573560420000,369005353.5945115]",
        {0: ("mts", "int"), 1: ("value", "number")},
    ),
    "Leaderboard": (
        public.Leaderboard,
        '[1678420800000,null,"someone",1,null,null,-1234567.25,null,null,"somebird"]',
        {
            0: ("mts", "int"),
            2: ("username", "text"),
            3: ("ranking", "int"),
            6: ("value", "number"),
            9: ("twitter_handle", "text?"),
        },
    ),
    "FundingStatistic": (
        public.FundingStatistic,
        "[1678467900000,null,null,1.87e-06,68.88,null,null,3230660371.4429536,"
        "2988430006.4623938,null,null,1447938775.5708046]",
        {
            0: ("mts", "int"),
            3: ("frr", "number"),
            4: ("avg_period", "number"),
            7: ("funding_amount", "number"),
            8: ("funding_amount_used", "number"),
            11: ("funding_below_threshold", "number?"),
        },
    ),
    "TradingMarketAveragePrice": (
        public.TradingMarketAveragePrice,
        "[24187.614862350845,1.123]",
        {0: ("price_avg", "number"), 1: ("amount", "number")},
    ),
    "FundingMarketAveragePrice": (
        public.FundingMarketAveragePrice,
        "[0.00033,1000]",
        {0: ("rate_avg", "number"), 1: ("amount", "number")},
    ),
    "FxRate": (public.FxRate, "[8668.65]", {0: ("current_rate", "number")}),
    "AnnouncementPost": (
        pulse.AnnouncementPost,
        '[1023,1678465320000,null,"A new pair"]',
        {0: ("id", "int"), 1: ("mts", "int?"), 3: ("title", "text?")},
    ),
    "PulseProfile": (
        pulse.PulseProfile,
        PROFILE,
        {
            0: ("puid", "text"),
            1: ("mts", "int"),
            3: ("nickname", "text"),
            5: ("picture", "text?"),
            6: ("text", "text?"),
            9: ("twitter_handle", "text?"),
            11: ("followers", "int?"),
            12: ("following", "int?"),
            16: ("tipping_status", "switch?"),
        },
    ),
    "PulseMessage": (
        pulse.PulseMessage,
        '["pid-1",1587721957000,"pid-0","abc-1",null,"A title","Some *text*",null,null,0,1,0,'
        '["BTC"],["file-1"],[{"a":1}],12,1,null,[' + PROFILE + "],2,null,null]",
        {
            0: ("pid", "text"),
            1: ("mts", "int"),
            2: ("parent", "text?"),
            3: ("puid", "text"),
            5: ("title", "text?"),
            6: ("content", "text?"),
            9: ("is_pin", "switch?"),
            10: ("is_public", "switch?"),
            11: ("comments_disabled", "switch?"),
            12: ("tags", "list?"),
            13: ("attachments", "list?"),
            14: ("meta", "list?"),
            15: ("likes", "int?"),
            16: ("uid_liked", "switch?"),
            18: ("profile", "profile?"),
            19: ("comments", "int?"),
        },
    ),
    "TxStatus": (
        conf.TxStatus,
        '["BITCOIN",1,0,null,null,null,null,0,1,null,null,3]',
        {
            0: ("method", "text"),
            1: ("dep_status", "switch"),
            2: ("wd_status", "switch"),
            7: ("payment_id_dep", "switch"),
            8: ("payment_id_wd", "switch"),
            11: ("deposit_confirmations_required", "int?"),
        },
    ),
}

CASES = pytest.mark.parametrize("model, text, fields", TABLE.values(), ids=TABLE)

NUMBERS = pytest.mark.parametrize("number", [float, Decimal])

HOSTILE = {
    "int": [1.5, "x", [1], {}, True, 2**63],
    "switch": [1.5, "x", [1], {}, 2**63],
    "number": ["x", "", [1], {}, True, float("nan")],
    "text": [1, 1.5, ["x"], {}, True],
    "list": ["x", 1, {}],
    "profile": ["x", 1, {}, [1], [[]], [{}]],
}


def read(text: str, number: Any) -> list[Any]:
    row: list[Any] = json.loads(text, parse_float=number)
    return row


def assert_value(value: Any, sent: Any, kind: str, number: Any) -> None:
    if kind == "number":
        assert type(value) is number
        assert str(value) == str(number(sent))
    elif kind == "profile":
        assert value == pulse.PulseProfile.from_row(sent[0])
    else:
        assert type(value) is type(sent)
        assert value == sent


def assert_model(found: Any, row: list[Any], fields: Any, number: Any) -> None:
    names = [name for name, _ in fields.values()]
    assert [field.name for field in attrs.fields(type(found))] == names
    for index, (name, kind) in fields.items():
        assert_value(getattr(found, name), row[index], kind.rstrip("?"), number)


def models_of(module: Any) -> set[str]:
    members = vars(module).values()
    return {m.__name__ for m in members if hasattr(m, "from_row")}


def test_table_has_every_model() -> None:
    every = models_of(public) | models_of(pulse) | models_of(conf)
    assert set(TABLE) == every - {"PairInfo"}  # its row is in another, see below


@NUMBERS
@CASES
def test_row_becomes_a_model(model: Any, text: str, fields: Any, number: Any) -> None:
    row = read(text, number)
    found = model.from_row(row, number)
    assert type(found) is model
    assert not hasattr(found, "__dict__")
    assert_model(found, row, fields, number)


@CASES
def test_row_is_read_as_floats_without_being_told(
    model: Any, text: str, fields: Any
) -> None:
    assert model.from_row(read(text, float)) == model.from_row(read(text, float), float)


@CASES
def test_r12_null_is_none_or_an_error_and_never_zero(
    model: Any, text: str, fields: Any
) -> None:
    for index, (name, kind) in fields.items():
        row = read(text, float)
        row[index] = None
        if kind.endswith("?"):
            assert getattr(model.from_row(row), name) is None
        else:
            with pytest.raises(RemoteError, match=rf"\.{name}: .* got None"):
                model.from_row(row)


@CASES
def test_r12_row_may_end_after_what_must_be_there(
    model: Any, text: str, fields: Any
) -> None:
    row = read(text, float)
    shortest = 1 + max(i for i, (_, kind) in fields.items() if not kind.endswith("?"))
    for length in range(len(row)):
        if length < shortest:
            with pytest.raises(RemoteError, match=f"at least {shortest} values"):
                model.from_row(row[:length])
        else:
            found = model.from_row(row[:length])
            for index, (name, _) in fields.items():
                assert (getattr(found, name) is None) is (index >= length)


@CASES
def test_r14_any_field_may_be_hostile(model: Any, text: str, fields: Any) -> None:
    for index, (name, kind) in fields.items():
        for bad in HOSTILE[kind.rstrip("?")]:
            row = read(text, float)
            row[index] = bad
            with pytest.raises(RemoteError):
                model.from_row(row)


@NUMBERS
@given(appended=APPENDED)
def test_r14_appended_fields_change_nothing(number: Any, appended: list[Any]) -> None:
    for model, text, _ in TABLE.values():
        row = read(text, number)
        assert model.from_row(row + appended, number) == model.from_row(row, number)


@NUMBERS
@given(row=st.lists(JSON_VALUES, max_size=22) | JSON_VALUES)
def test_r14_any_row_is_read_or_is_a_remote_error(number: Any, row: Any) -> None:
    for model, _, _ in TABLE.values():
        try:
            found = model.from_row(row, number)
        except RemoteError as error:
            assert error.raw is row or model is pulse.PulseMessage
        else:
            assert type(found) is model


@pytest.mark.parametrize("profiles", [None, []], ids=str)
def test_pulse_message_may_come_without_its_author(profiles: Any) -> None:
    row = read(TABLE["PulseMessage"][1], float)
    row[18] = profiles
    assert pulse.PulseMessage.from_row(row).profile is None


# --- what is no plain row ---------------------------------------------------------------------

VASP = {"id": "did:example:1", "name": "Example"}


@given(st.dictionaries(st.text(max_size=3), JSON_VALUES, max_size=3))
def test_vasp_is_an_object_that_may_grow(appended: dict[str, Any]) -> None:
    appended = {name: appended[name] for name in appended if name not in VASP}
    found = public.Vasp.from_object({**appended, **VASP})
    assert found == public.Vasp(id="did:example:1", name="Example")


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        "x",
        {},
        {"id": "x"},
        {"name": "x"},
        {"id": None, "name": "x"},
        {"id": "x", "name": 5},
    ],
    ids=str,
)
def test_vasp_without_id_or_name_is_a_remote_error(fields: Any) -> None:
    with pytest.raises(RemoteError, match="^Vasp") as caught:
        public.Vasp.from_object(fields)
    assert caught.value.raw is fields


PAIR_INFO = (
    '["ADAUSD",[null,null,null,"4.0","250000.0",null,null,null,0.3,0.15,null,null]]'
)


@NUMBERS
def test_pair_info_sizes_are_numbers(number: Any) -> None:
    found = conf.PairInfo.from_row(read(PAIR_INFO, number), number)
    assert found == conf.PairInfo(
        pair="ADAUSD",
        min_order_size=number("4.0"),
        max_order_size=number("250000.0"),
        initial_margin=number("0.3"),
        min_margin=number("0.15"),
    )
    assert type(found.min_order_size) is number


def test_pair_info_of_a_pair_without_margin() -> None:
    row = ["ABSETH", [None, None, None, "1", "2", None, None, None, None, None]]
    assert conf.PairInfo.from_row(row).initial_margin is None
    assert conf.PairInfo.from_row([row[0], row[1][:5]]).min_margin is None


@given(appended=APPENDED)
def test_r14_pair_info_may_grow_inside_and_outside(appended: list[Any]) -> None:
    pair, info = read(PAIR_INFO, float)
    found = conf.PairInfo.from_row([pair, info + appended, *appended])
    assert found == conf.PairInfo.from_row([pair, info])


@pytest.mark.parametrize(
    "row",
    [
        None,
        [],
        ["ADAUSD"],
        ["ADAUSD", None],
        ["ADAUSD", []],
        ["ADAUSD", [None, None, None, None, "2"]],
        ["ADAUSD", [None, None, None, "1", "many"]],
        [5, [None, None, None, "1", "2"]],
    ],
    ids=str,
)
def test_pair_info_without_what_it_must_say_is_a_remote_error(row: Any) -> None:
    with pytest.raises(RemoteError, match="^PairInfo"):
        conf.PairInfo.from_row(row)
