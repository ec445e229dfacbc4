"""What must hold of every model that is read from a row or an object, by one table of all."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Iterator

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_tables import CASES, NUMBERS, Case, Place, inner
from strategies import APPENDED, JSON_VALUES

from bfxsync import models
from bfxsync._base.enums import OrderFlag
from bfxsync.errors import RemoteError
from bfxsync.models.market_model import MarketModel
from bfxsync.models.model import Model, ObjectModel, RestModel
from bfxsync.models.moments import Moment, moment_name

HOSTILE: dict[str, list[Any]] = {
    "int": [1.5, "x", [1], {}, True, 2**63, -(2**63) - 1],
    "switch": [1.5, "x", [1], {}, 2**63],
    "one": ["yes", "1", 0.5, [1], {}],
    "number": ["x", "", [1], {}, True, float("nan"), float("inf")],
    "text": [1, 1.5, ["x"], {}, True],
    "object": [1, 1.5, ["x"], "x", "[1]", "1", True],
    "any": [],
    "list": ["x", 1, {}],
    "texts": ["FR", 1, {}, ["FR", 1], [None], True],
    "flags": [1.5, "x", [1], {}, True, 2**63],
    "anyflags": [],
    "bool": [2, -1, 1.5, "true", [], {}],
    "true": [2, "true", 1.0, [], {}],
    "profile": ["x", 1, {}, [1], [[]], [{}]],
    "model": ["x", 5, [], True],
    "models": ["x", 5, {}, True, [None], ["x"]],
}
# What one sum() over the row lets through: true counts as 1, and NaN is a float.
SCREENED_HOSTILE = ["", "x", [1], {}, {"a": []}]

DTYPES = {
    "int": "int64",
    "int?": "Int64",
    "switch": "int64",
    "switch?": "Int64",
    "one?": "Int64",
    "number": "float64",
    "number?": "float64",
    "text": "string",
    "text?": "string",
    "true": "bool",
    "bool?": "boolean",
    "flags?": "Int64",
    "anyflags": "Int64",
    "anyflags?": "Int64",
}

# With rows or objects that the table cannot describe, and tests of their own.
OTHERS = {"AuthToken", "Notification", "Summary"}

# Fields that may be null and must be there all the same.
LEAST = {"Ticker": 10, "FundingTicker": 13}

EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)

PLAIN_ROWS = {
    name: case
    for name, case in CASES.items()
    if case.text[0] == "[" and all(len(place.path) == 1 for place in case.places)
}
NESTED_ROWS = {
    name: case
    for name, case in CASES.items()
    if case.text[0] == "[" and name not in PLAIN_ROWS
}
OBJECTS = {name: case for name, case in CASES.items() if case.text[0] == "{"}
SCREENED = {"Ticker", "Trade", "TradeUpdate", "BookUpdate", "RawBookUpdate", "Candle"}

PARTIAL = {
    name: case
    for name, case in CASES.items()
    if f"Partial{name}" in models.__all__ and case.text[0] == "["
}


def every_model() -> Iterator[Any]:
    for module in pkgutil.iter_modules(models.__path__):
        full_name = f"{models.__name__}.{module.name}"
        for thing in vars(importlib.import_module(full_name)).values():
            is_class = isinstance(thing, type) and thing.__module__ == full_name
            if is_class and (
                hasattr(thing, "from_row") or hasattr(thing, "from_object")
            ):
                if thing is MarketModel or thing.__name__.startswith("_"):
                    continue
                if attrs.has(thing):
                    yield thing


def check_value(case: Case, place: Place, value: Any, number: Any) -> None:
    sent, kind = case.value(place, number), place.plain_kind
    assert sent is not None, f"nothing at {place.path}"
    if kind == "number" and case.model.__name__ in SCREENED and number is float:
        assert type(value) in (int, float) and value == sent
    elif kind == "number":
        assert (type(value), str(value)) == (number, str(number(sent)))
    elif kind in ("int", "switch", "one"):
        assert (type(value), value) == (int, sent)
    elif kind in ("flags", "anyflags"):
        assert type(value) is OrderFlag and value == sent
    elif kind == "profile":
        assert value == models.PulseProfile.from_row(sent[0], number)
    elif kind == "model":
        assert type(value).from_object(sent, number) == value
    elif kind == "models":
        assert [type(v).from_object(s, number) for v, s in zip(value, sent)] == value
        assert len(value) == len(sent) > 0
    else:
        assert (type(value), value) == (type(sent), sent)


def test_table_has_every_model() -> None:
    names = {m.__name__ for m in every_model() if not m.__name__.startswith("Partial")}
    assert set(CASES) | OTHERS == names
    screened = {m.__name__ for m in every_model() if "_screened" in vars(m)}
    assert screened | {"TradeUpdate", "Candle"} == SCREENED


@NUMBERS
@EVERY
def test_r12_everything_sent_is_in_its_field(case: Case, number: Any) -> None:
    found = case.build(case.read(number), number)
    assert type(found) is case.model
    assert not hasattr(found, "__dict__")
    fields = attrs.fields(case.model)
    names = [field.name for field in fields if field.metadata.get("path") != ()]
    assert names == [place.name for place in case.places]
    for field in fields[len(names) :]:
        assert getattr(found, field.name) is None
    for place in case.places:
        check_value(case, place, getattr(found, place.name), number)


@EVERY
def test_numbers_are_floats_unless_asked_for(case: Case) -> None:
    is_object = case.text[0] == "{"
    build = case.model.from_object if is_object else case.model.from_row
    assert build(case.read()) == case.build(case.read(), float)


@EVERY
def test_r12_null_is_none_or_an_error_and_never_zero(case: Case) -> None:
    for place in case.places:
        rows = [case.changed(place, None)]
        if isinstance(place.path[0], str):
            rows.append(case.read())
            del rows[-1][place.path[0]]
        for row in rows:
            if place.is_optional:
                assert getattr(case.build(row), place.name) is None
            else:
                with pytest.raises(RemoteError, match=rf"\.{place.name}: .* None") as e:
                    case.build(row)
                assert e.value.raw is row


@EVERY
def test_r14_any_field_may_be_hostile(case: Case) -> None:
    for place in case.places:
        values = HOSTILE[place.plain_kind]
        if case.model.__name__ in SCREENED:
            values = SCREENED_HOSTILE
        for bad in values:
            row = case.changed(place, bad)
            with pytest.raises(RemoteError, match=rf"\.{place.name}: ") as caught:
                case.build(row)
            assert caught.value.raw is row


@NUMBERS
@EVERY
def test_numbers_may_be_sent_as_text(case: Case, number: Any) -> None:
    for place in case.places:
        if place.plain_kind in ("int", "switch", "number", "flags"):
            sent = json.loads(case.text, parse_float=str, parse_int=str)
            row = case.changed(place, inner(sent, place.path), number)
            value = getattr(case.build(row, number), place.name)
            if place.plain_kind == "number":
                expected = number(inner(sent, place.path))
                assert (type(value), str(value)) == (number, str(expected))
            else:
                check_value(case, place, value, number)


@EVERY
def test_integers_have_64_bits(case: Case) -> None:
    for place in case.places:
        if place.plain_kind in ("int", "switch"):
            for good in (2**63 - 1, -(2**63)):
                found = case.build(case.changed(place, good))
                assert getattr(found, place.name) == good
            for value in (7.0, Decimal("7.000")):
                found = getattr(case.build(case.changed(place, value)), place.name)
                assert (type(found), found) == (int, 7)


@EVERY
def test_switches_may_be_true_and_false(case: Case) -> None:
    for place in case.places:
        for sent in (True, False, 1, 0):
            if place.plain_kind in ("switch", "one"):
                found = getattr(case.build(case.changed(place, sent)), place.name)
                assert (type(found), found) == (int, int(sent))
            elif place.plain_kind in ("bool", "true"):
                found = getattr(case.build(case.changed(place, sent)), place.name)
                assert found is bool(sent)


@EVERY
def test_objects_may_be_their_text_or_an_empty_list(case: Case) -> None:
    for place in case.places:
        if place.plain_kind == "object":
            as_text = case.changed(place, json.dumps(case.value(place)))
            assert case.build(as_text) == case.build(case.read())
            found = case.build(case.changed(place, []))
            assert getattr(found, place.name) == {}


@EVERY
def test_r14_integer_too_long_for_a_float_is_a_remote_error(case: Case) -> None:
    for place in case.places:
        if place.plain_kind == "number":
            row = case.changed(place, 10**400)
            if case.model.__name__ in SCREENED:
                row[0 if place.path != (0,) else 1] = 0.5  # the sum of integers is one
            with pytest.raises(RemoteError):
                case.build(row)


@EVERY
def test_columns_follow_from_the_kinds(case: Case) -> None:
    columns = case.model.columns()
    exact = case.model.columns(Decimal)
    times = {column.field: column for column in case.model.table_columns()}
    for place in case.places:
        name = times[place.name].name
        if name != place.name or columns[name].startswith("datetime64"):
            annotation = attrs.fields_dict(case.model)[place.name].type
            assert annotation.startswith("Mts") or place.name == "mts"
            assert name in (moment_name(place.name), place.name, "time")
            assert columns[name] == exact[name] == "datetime64[ns, UTC]"
            continue
        assert columns[name] == DTYPES.get(place.kind, "object")
        is_number = place.plain_kind == "number"
        assert exact[name] == ("object" if is_number else columns[name])


@EVERY
def test_first_required_time_is_the_index(case: Case) -> None:
    columns = case.model.table_columns()
    times = [
        field.name
        for field in attrs.fields(case.model)
        if field.type == "Mts" or (field.name, field.type) == ("mts", "float")
    ]
    index = [column for column in columns if column.is_index]
    assert [column.field for column in index] == times[:1]
    assert index == columns[: len(index)]
    assert all(column.name == "time" for column in index)
    assert len({column.name for column in columns}) == len(columns)


@EVERY
def test_dict_has_all_fields(case: Case) -> None:
    found = case.build(case.read())
    plain = found.to_dict()
    assert list(plain) == [field.name for field in attrs.fields(case.model)]
    for place in case.places:
        if place.plain_kind not in ("model", "models", "profile"):
            assert plain[place.name] == getattr(found, place.name)
        else:
            json.dumps(plain[place.name])


@EVERY
def test_milliseconds_have_their_datetime(case: Case) -> None:
    found = case.build(case.read())
    for place in case.places:
        name = moment_name(place.name)
        if name is not None:
            time = getattr(found, name)
            assert isinstance(getattr(case.model, name), Moment)
            assert time.tzinfo is timezone.utc
            epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
            milliseconds = (time - epoch).total_seconds() * 1000
            assert milliseconds == pytest.approx(getattr(found, place.name), abs=0.01)
            if place.is_optional:
                without = case.build(case.changed(place, None))
                assert getattr(without, name) is None


@EVERY
def test_id_alone_makes_the_hash(case: Case) -> None:
    first, second = case.build(case.read()), case.build(case.read())
    if "id" in attrs.fields_dict(case.model):
        assert hash(first) == hash(second) == hash((case.model, first.id))
    else:
        with pytest.raises(TypeError, match="unhashable"):
            hash(first)


# --- rows -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLAIN_ROWS)
def test_r12_row_may_end_after_what_must_be_there(name: str) -> None:
    case = PLAIN_ROWS[name]
    row = case.read()
    needed = [int(p.path[0]) for p in case.places if not p.is_optional]
    shortest = max([LEAST.get(name, 0), *(1 + index for index in needed)])
    for length in range(len(row)):
        if name == "AlertDeletion":
            with pytest.raises(RemoteError, match="expected true or false, got None"):
                case.build(row[:length])
        elif length < shortest:
            with pytest.raises(RemoteError, match=f"at least {shortest} values"):
                case.build(row[:length])
        else:
            found = case.build(row[:length])
            for place in case.places:
                is_missing = int(place.path[0]) >= length
                assert (getattr(found, place.name) is None) is is_missing


@NUMBERS
@settings(max_examples=25)
@given(appended=APPENDED)
def test_r14_appended_columns_change_no_field(number: Any, appended: Any) -> None:
    for case in CASES.values():
        if case.text[0] == "[":
            row = case.read(number)
            found = case.build(row + appended, number)
            assert found == case.build(row, number)
            if issubclass(case.model, RestModel):
                known = 1 + max(int(place.path[0]) for place in case.places)
                extra = (row + appended)[known:]
                while extra and extra[-1] is None:
                    extra.pop()
                assert found.extra == tuple(extra)
            else:
                assert not hasattr(found, "extra")


@settings(max_examples=25)
@given(appended=APPENDED)
def test_r14_inner_rows_may_grow(appended: Any) -> None:
    for case in NESTED_ROWS.values():
        for part in {place.path[:-1] for place in case.places if len(place.path) > 1}:
            row = case.read()
            inner(row, part).extend([None] * 20 + appended)
            assert case.build(row) == case.build(case.read())


@pytest.mark.parametrize("name", NESTED_ROWS)
def test_r14_part_that_is_no_list_is_a_remote_error(name: str) -> None:
    case = NESTED_ROWS[name]
    for part in {place.path[:-1] for place in case.places if len(place.path) > 1}:
        for bad in (1, "x", {}, True):
            row = case.read()
            inner(row, part[:-1])[part[-1]] = bad
            with pytest.raises(RemoteError, match="expected a list") as caught:
                case.build(row)
            assert caught.value.raw is row


@NUMBERS
@given(
    row=st.lists(st.lists(JSON_VALUES, max_size=5) | JSON_VALUES, max_size=56)
    | JSON_VALUES
)
def test_r14_any_json_is_a_model_or_a_remote_error(number: Any, row: Any) -> None:
    for model in every_model():
        if model.__name__ == "Notification":
            continue
        for build in (
            getattr(model, name)
            for name in ("from_row", "from_object", "from_partial_row")
            if hasattr(model, name)
        ):
            try:
                found = build(row, number)
            except RemoteError as error:
                assert error.raw is row or model is models.AuthToken
            else:
                assert isinstance(found, Model)


# --- objects ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OBJECTS)
def test_unknown_keys_are_ignored(name: str) -> None:
    case = OBJECTS[name]
    assert list(case.read()) == [place.path[0] for place in case.places]
    grown = {"new": {"a": [1]}, **case.read(), "_new": None}
    assert case.build(grown) == case.build(case.read())


@pytest.mark.parametrize("name", OBJECTS)
def test_fields_have_the_names_of_the_keys_in_snake_case(name: str) -> None:
    for place in OBJECTS[name].places:
        key = str(place.path[0])
        assert place.name.replace("_", "") == key.replace("_", "").lower()


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("bad", [None, 1, "x", [], [{}]], ids=repr)
def test_r14_what_is_no_object_is_a_remote_error(name: str, bad: Any) -> None:
    with pytest.raises(RemoteError, match=f"^{name}: expected an object") as caught:
        OBJECTS[name].build(bad)
    assert caught.value.raw is bad


# --- rows of notifications --------------------------------------------------------------------


@pytest.mark.parametrize("name", PARTIAL)
def test_row_of_a_notification_may_lack_anything(name: str) -> None:
    case, partial = PARTIAL[name], getattr(models, f"Partial{name}")
    length = 1 + max(int(place.path[0]) for place in case.places)
    for row in ([], [None] * length, [None] * (length + 3)):
        found = case.model.from_partial_row(row)
        assert type(found) is partial
        assert set(found.to_dict().values()) == {None}
    for place in case.places:
        found = case.model.from_partial_row(case.changed(place, None))
        assert type(found) is (case.model if place.is_optional else partial)
        assert getattr(found, place.name) is None
        others = [other for other in case.places if other is not place]
        for other in others:
            check_value(case, other, getattr(found, other.name), float)


@NUMBERS
@pytest.mark.parametrize("name", PARTIAL)
def test_whole_row_of_a_notification_is_a_whole_model(name: str, number: Any) -> None:
    case = PARTIAL[name]
    found = case.model.from_partial_row(case.read(number), number)
    assert found == case.build(case.read(number), number)


@pytest.mark.parametrize("name", PARTIAL)
def test_r14_row_of_a_notification_may_be_hostile(name: str) -> None:
    case = PARTIAL[name]
    for place in case.places:
        for bad in HOSTILE[place.plain_kind]:
            with pytest.raises(RemoteError, match=rf"^{name}\.{place.name}: "):
                case.model.from_partial_row(case.changed(place, bad))


def test_every_partial_model_has_its_whole() -> None:
    names = {name for name in models.__all__ if name.startswith("Partial")}
    assert names == {f"Partial{name}" for name in (*PARTIAL, "InvoiceSubmission")}
    for name in names:
        whole, partial = getattr(models, name[len("Partial") :]), getattr(models, name)
        fields = [field.name for field in attrs.fields(whole)]
        assert [field.name for field in attrs.fields(partial)] == fields
        known = {"id"} if whole is models.InvoiceSubmission else set()
        for field in attrs.fields(partial):
            assert field.type.endswith(" | None") or field.name in known


# --- classes ----------------------------------------------------------------------------------


def test_market_models_and_others_keep_apart() -> None:
    for model in every_model():
        if model.__name__ != "Notification":
            assert (
                sum(map(model.__mro__.count, (MarketModel, RestModel, ObjectModel)))
                == 1
            )
    market = {"bfxsync.models.market", "bfxsync.models.status"}
    for model in every_model():
        assert issubclass(model, MarketModel) is (model.__module__ in market)


@EVERY
def test_help_describes_every_field(case: Case) -> None:
    doc = str(case.model.__doc__)
    assert "\nAttributes\n----------\n" in doc
    for field in attrs.fields(case.model):
        assert re.search(rf"^{field.name} : ", doc, re.MULTILINE)
