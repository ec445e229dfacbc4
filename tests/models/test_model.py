"""Models as tables: what the decorator makes of annotations, places and texts."""

from __future__ import annotations

import copy
import logging
import pickle
import subprocess
import sys
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, ClassVar, NoReturn

import attrs
import pytest

from bfxsync._base.aliases import Mts, Symbol
from bfxsync._base.enums import OrderFlag
from bfxsync.errors import RemoteError
from bfxsync.models import model as model_module
from bfxsync.models.market_model import MarketModel
from bfxsync.models.model import (
    ObjectModel,
    RestModel,
    Switch,
    annotation_text,
    at,
    key,
    model,
)
from bfxsync.models.moments import Moment, moment, moment_name
from bfxsync.models.partial_rows import (
    N,
    PartialMoment,
    WholeOrPartial,
    read_whole_or_partial,
)
from bfxsync.models.reference import field_texts


@model
class _ParcelFields(RestModel, WholeOrPartial[N]):
    id: int | N = at(1)
    """Number of the parcel."""
    label: str | None = at(0)
    weight: float | N = at(2)
    """
    In kg,
    with the box.
    """
    mts_create: Mts | N = at(3)
    mts_tif: Mts | None = at(4)
    flags: OrderFlag | None = at(6)

    created_at: ClassVar[PartialMoment] = PartialMoment(mts_create)
    expires_at = moment(mts_tif)


@model
class Parcel(_ParcelFields[NoReturn]):
    """
    A parcel.

    https://example.com
    """


@model
class PartialParcel(_ParcelFields[None]):
    """A parcel of a notification."""


@model
class Part(ObjectModel):
    """A part, by number."""

    number: int = key("partNo")


@model
class Machine(ObjectModel):
    """A machine."""

    name: str = key("machineName")
    main: Part = key("main")
    spare: Part | None = key("spare")
    parts: list[Part] = key("parts")
    more: list[Part] | None = key("more")
    is_on: bool | None = key("isOn")


@model
class Nested(RestModel):
    """A row with rows in it."""

    name: str = at(0)
    low: float = at(1, 0)
    high: float | None = at(1, 2)
    deep: int | None = at(1, 3, 0)
    fee: float | None = at(3, 1)

    _optional_parts = (3,)


ROW = ["box", 7, 1.5, 1573476748001, None, None, 4096]


def test_row_is_read_by_index_not_by_order() -> None:
    found = Parcel.from_row(ROW)
    assert (found.id, found.label, found.weight) == (7, "box", 1.5)
    assert found.flags is OrderFlag.POST_ONLY
    assert not hasattr(found, "__dict__")
    assert type(Parcel.from_row(ROW, Decimal).weight) is Decimal


@pytest.mark.parametrize(
    "flags, expected", [(None, None), (0, OrderFlag(0)), ("64", OrderFlag.HIDDEN)]
)
def test_flags_are_flags(flags: Any, expected: Any) -> None:
    found = Parcel.from_row([*ROW[:6], flags]).flags
    assert found == expected and type(found) is type(expected)


def test_flags_that_are_not_an_integer_are_an_error() -> None:
    with pytest.raises(RemoteError) as caught:
        Parcel.from_row([*ROW[:6], "x"])
    assert str(caught.value) == "Parcel.flags: expected an integer or null, got 'x'"


def test_objects_are_read_by_their_keys() -> None:
    found = Machine.from_object(
        {
            "machineName": "m",
            "main": {"partNo": 1},
            "spare": None,
            "parts": [{"partNo": 2}, {"partNo": 3}],
            "isOn": 1,
            "new": [],
        }
    )
    assert found == Machine("m", Part(1), None, [Part(2), Part(3)], None, True)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"main": None}, "Machine.main: Part: expected an object, got None"),
        ({"spare": 5}, "Machine.spare: Part: expected an object, got 5"),
        ({"parts": None}, "Machine.parts: expected a list, got None"),
        ({"parts": {}}, "Machine.parts: expected a list or null, got {}"),
        (
            {"more": [{"partNo": "x"}]},
            "Machine.more: Part.number: expected an integer, got 'x'",
        ),
        ({"isOn": 2}, "Machine.is_on: expected true, false or null, got 2"),
        ({"machineName": 1}, "Machine.name: expected text, got 1"),
    ],
)
def test_error_names_the_field_of_an_object(changes: Any, message: str) -> None:
    fields = {"machineName": "m", "main": {"partNo": 1}, "parts": [], **changes}
    with pytest.raises(RemoteError) as caught:
        Machine.from_object(fields)
    assert str(caught.value) == message
    assert caught.value.raw is fields


def test_rows_in_rows_are_read_by_path() -> None:
    found = Nested.from_row(["n", [1.5, None, 2.5, [7]], None, [None, 0.5], "new"])
    assert found == Nested("n", 1.5, 2.5, 7, 0.5)
    assert found.extra == ("new",)
    assert Nested.from_row(["n", [1.5, 0, 0, []]]) == Nested("n", 1.5, 0, None, None)


@pytest.mark.parametrize(
    "row, message",
    [
        (["n"], "Nested: expected a list, got None"),
        (["n", []], "Nested: expected at least 1 values, got 0"),
        (["n", ["x", 1, 2, []]], "Nested.low: expected a number, got 'x'"),
        (["n", [1, 1, 2, {}]], "Nested: expected a list, got {}"),
        (["n", [1, 1, 2, []], 0, 5], "Nested: expected a list, got 5"),
    ],
)
def test_error_in_an_inner_row_has_the_whole_row(row: Any, message: str) -> None:
    with pytest.raises(RemoteError) as caught:
        Nested.from_row(row)
    assert str(caught.value) == message
    assert caught.value.raw is row


# --- mistakes in a table stop the import ------------------------------------------------------


def test_annotation_without_a_meaning_stops_the_import() -> None:
    with pytest.raises(TypeError, match=r"Bad\.x: the annotation 'set\[str\]' has no"):

        @model
        class Bad(RestModel):
            x: set[str] = at(0)


def test_model_that_is_not_known_stops_the_import() -> None:
    with pytest.raises(TypeError, match="'Parcels | None' has no meaning"):

        @model
        class Bad(ObjectModel):
            x: Parcels | None = key("x")  # type: ignore[name-defined]  # noqa: F821


def test_field_without_a_place_stops_the_import() -> None:
    with pytest.raises(TypeError, match=r"Bad\.y needs at\(\) or key\(\)"):

        @model
        class Bad(RestModel):
            x: int = at(0)
            y: int = attrs.field()


def test_milliseconds_without_a_moment_stop_the_import() -> None:
    with pytest.raises(TypeError, match=r"Bad\.mts_create needs created_at = moment"):

        @model
        class Bad(RestModel):
            mts_create: Mts = at(0)


def test_field_that_may_be_missing_needs_a_generic_base() -> None:
    with pytest.raises(TypeError, match=r"Bad\.x: the annotation 'int | N' has no"):

        @model
        class Bad(RestModel):
            x: int | N = at(0)  # type: ignore[valid-type]


def test_partial_model_has_the_types_of_what_may_be_missing() -> None:
    types = [field.type for field in attrs.fields(PartialParcel)]
    assert types == [
        "int | None",
        "str | None",
        "float | None",
        "Mts | None",
        "Mts | None",
        "OrderFlag | None",
    ]
    assert PartialParcel.columns()["id"] == "Int64"


def test_annotations_that_are_objects_have_the_same_meaning() -> None:
    """As from Python 3.14 on in a module without the future import."""
    types = {"a": int, "b": Symbol, "c": Mts, "d": Any, "e": Switch}
    plain = type(
        "Plain",
        (RestModel,),
        {"__annotations__": types, **{n: at(i) for i, n in enumerate(types)}},
    )
    found: Any = model(plain)
    assert attrs.astuple(found.from_row([1, "x", 2, [3], 4])) == (1, "x", 2, [3], 4)


@pytest.mark.parametrize(
    "annotation, text",
    [
        (float, "float"),
        (OrderFlag, "OrderFlag"),
        ("float | None", "float | None"),
        ("bfxsync.types.OrderFlag | None", "OrderFlag | None"),
        (list[str], "list[str]"),
        (dict[str, Any], "dict[str, Any]"),
    ],
)
def test_text_of_an_annotation_names_no_modules(annotation: Any, text: str) -> None:
    assert annotation_text(annotation) == text


# --- what all models can ----------------------------------------------------------------------


def test_dict_has_the_fields_in_their_order() -> None:
    found = Parcel.from_row(ROW).to_dict()
    assert list(found) == ["id", "label", "weight", "mts_create", "mts_tif", "flags"]
    assert found["flags"] is OrderFlag.POST_ONLY
    machine = Machine("m", Part(1), None, [Part(2)], None, None).to_dict()
    assert machine["main"] == {"number": 1}
    assert machine["parts"] == [{"number": 2}]
    assert machine["spare"] is None


def test_columns_have_dtypes_of_pandas() -> None:
    assert list(Parcel.columns().items()) == [
        ("time", "datetime64[ns, UTC]"),
        ("id", "int64"),
        ("label", "string"),
        ("weight", "float64"),
        ("expires_at", "datetime64[ns, UTC]"),
        ("flags", "Int64"),
    ]
    assert Parcel.columns(Decimal)["weight"] == "object"
    assert Parcel.columns(Decimal)["id"] == "int64"
    assert Machine.columns()["is_on"] == "boolean"


def test_models_with_an_id_are_hashed_by_it() -> None:
    first, second = Parcel.from_row(ROW), Parcel.from_row(["other", *ROW[1:]])
    assert first != second
    assert hash(first) == hash(second) != hash(Parcel.from_row(["box", 8, *ROW[2:]]))
    assert len({first, second, Parcel.from_row(ROW)}) == 2
    assert hash(first) != hash(PartialParcel.from_row(ROW))
    with pytest.raises(TypeError, match="unhashable"):
        hash(Part(1))


def test_class_without_fields_of_its_own_reads_as_its_base() -> None:
    @model
    class Letter(Parcel):
        """A parcel that is flat."""

    found = Letter.from_row(ROW)
    assert type(found) is Letter and found != Parcel.from_row(ROW)
    with pytest.raises(RemoteError, match=r"^Parcel\.id: expected an integer"):
        Letter.from_row(["box", None, 1.5, 0])


# --- columns that are new ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "appended, extra",
    [
        ([], ()),
        ([None, None], ()),
        ([0], (0,)),
        ([None, "x", None], (None, "x")),
        ([[], {}, None, 5], ([], {}, None, 5)),
    ],
)
def test_new_columns_are_extra_without_nulls_at_the_end(
    appended: list[Any], extra: Any
) -> None:
    found = Parcel.from_row(ROW + appended)
    assert found.extra == extra
    assert found == Parcel.from_row(ROW)
    assert hash(found) == hash(Parcel.from_row(ROW))
    assert "extra" not in found.to_dict()


def test_short_rows_have_no_extra() -> None:
    assert Parcel.from_row(ROW[:4]).extra == ()


def test_extra_survives_copies() -> None:
    found = Parcel.from_row(ROW + ["new"])
    for other in (
        copy.copy(found),
        copy.deepcopy(found),
        pickle.loads(pickle.dumps(found)),
    ):
        assert other == found and other.extra == ("new",)
    assert copy.copy(Parcel.from_row(ROW)).extra == ()


def test_rows_of_every_frame_have_no_extra() -> None:
    @model
    class Tick(MarketModel):
        price: float = at(0)

    assert Tick.from_row([1, 2, 3]) == Tick(1)
    assert not hasattr(Tick(1), "extra")


def test_new_columns_are_logged_once_without_their_values(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_module, "_with_new_columns", set())
    with caplog.at_level(logging.INFO, logger=model_module.__name__):
        for _ in range(3):
            Parcel.from_row(ROW + ["new-7f3a"])
        Nested.from_row(["n", [1.5, 0, 0, []], None, [], 7])
    first, second = (record.getMessage() for record in caplog.records)
    assert first == (
        "Parcel: the exchange sends more columns than are known, from index 7 on"
    )
    assert second.startswith("Nested: ") and second.endswith("from index 4 on")


# --- moments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field, name",
    [
        ("mts", "time"),
        ("t", "time"),
        ("mts_create", "created_at"),
        ("mts_update", "updated_at"),
        ("mts_start", "started_at"),
        ("mts_tif", "expires_at"),
        ("mts_opening", "opened_at"),
        ("mts_last_payout", "last_payout_at"),
        ("mts_account_create", "account_created_at"),
        ("first_trade_mts", "first_trade_at"),
        ("next_funding_evt_mts", "next_funding_evt_at"),
        ("amount", None),
        ("created_at", None),
    ],
)
def test_name_of_a_moment_follows_from_its_field(field: str, name: Any) -> None:
    assert moment_name(field) == name


def test_moments_are_aware_datetimes() -> None:
    found = Parcel.from_row(ROW)
    assert found.created_at == datetime(
        2019, 11, 11, 12, 52, 28, 1000, tzinfo=timezone.utc
    )
    assert found.created_at.utcoffset() is not None
    assert found.expires_at is None
    assert PartialParcel.from_row([]).created_at is None
    later = Parcel.from_row([*ROW[:4], 2**40]).expires_at
    assert later is not None and later.year == 2004


def test_moment_keeps_fractions_of_milliseconds() -> None:
    @model
    class Event(MarketModel):
        mts: float = at(0)
        time = moment(mts)

    for number in (float, Decimal):
        event = Event.from_row([1574697680828.25], number)
        assert event.time.microsecond == 828250


@pytest.mark.parametrize("mts", [2**62, -(2**62), 10**15])
def test_time_beyond_the_calendar_is_a_remote_error(mts: int) -> None:
    found = Parcel.from_row([*ROW[:3], mts])
    assert found.mts_create == mts
    with pytest.raises(
        RemoteError, match=rf"^Parcel\.mts_create: {mts} is beyond the year"
    ):
        found.created_at


def test_moment_of_a_class_is_itself() -> None:
    assert isinstance(Parcel.created_at, Moment)
    assert Parcel.created_at.__doc__ == "`mts_create` as a `datetime` in UTC."


# --- partial rows -----------------------------------------------------------------------------


def test_row_without_what_it_needs_is_partial() -> None:
    for row in ([], [None, 7], [*ROW[:3], None], ["box", 7, None, 0, 1, 2, 3]):
        found = read_whole_or_partial(Parcel, PartialParcel, row, float)
        assert type(found) is PartialParcel
    assert type(read_whole_or_partial(Parcel, PartialParcel, ROW, float)) is Parcel
    short = read_whole_or_partial(Parcel, PartialParcel, ROW[:4], float)
    assert short == Parcel.from_row(ROW[:4])


def test_new_columns_of_a_partial_row_are_extra() -> None:
    for row in (ROW + ["new"], [None] * 7 + ["new"]):
        found = read_whole_or_partial(Parcel, PartialParcel, row, float)
        assert found.extra == ("new",)


def test_error_in_a_partial_row_names_the_whole() -> None:
    with pytest.raises(RemoteError, match=r"^Parcel\.id: expected an integer or null"):
        read_whole_or_partial(Parcel, PartialParcel, ["box", "x"], float)


# --- texts ------------------------------------------------------------------------------------

ATTRIBUTES = """A parcel.

https://example.com

Attributes
----------
id : int
    Number of the parcel.
label : str or None
weight : float
    In kg,
    with the box.
mts_create : Mts
mts_tif : Mts or None
flags : OrderFlag or None
created_at : datetime
    `mts_create` as a `datetime` in UTC.
expires_at : datetime or None
    `mts_tif` as a `datetime` in UTC."""


def test_docstring_has_the_attributes_with_their_texts() -> None:
    assert Parcel.__doc__ == ATTRIBUTES
    assert Parcel.from_row(ROW).__doc__ == ATTRIBUTES
    assert str(PartialParcel.__doc__).startswith("A parcel of a notification.\n\nAttr")
    assert "weight : float or None\n    In kg,\n" in str(PartialParcel.__doc__)


def test_table_of_texts_has_the_places() -> None:
    places = {name: place for name, _, place, _ in field_texts(Nested)}
    assert places == {"name": "0", "low": "1.0", "high": "1.2", "deep": "1.3.0"} | {
        "fee": "3.1"
    }
    assert [place for _, _, place, _ in field_texts(Part)] == ["partNo"]


def test_program_without_its_source_has_the_names() -> None:
    code = (
        "from __future__ import annotations\n"
        "from bfxsync.models.model import RestModel, at, model\n"
        "@model\n"
        "class Parcel(RestModel):\n"
        "    'A parcel.'\n"
        "    id: int = at(0)\n"
        "    'Number.'\n"
        "print(Parcel.__doc__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "A parcel.\n\nAttributes\n----------\nid : int\n"
