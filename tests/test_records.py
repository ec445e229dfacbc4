"""Records behave like the classes that attrs makes from the same definitions."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import weakref
from typing import Any, ClassVar, Generic, TypeVar

import attrs
import pytest

from bfxsync._base import records
from bfxsync._base.records import evolve, field, fields_of, frozen, make_record, record

T = TypeVar("T")


def shout(value: object) -> str:
    return str(value).upper()


def plain(define: Any, field: Any) -> Any:
    @define
    class Parcel:
        """Something sent."""

        label: str
        weight: float = 1.5
        notes: list[str] = field(factory=list)
        secret: str = field(default="s", repr=False)
        count: int = field(default=1, eq=False, repr=shout)
        _hidden: int = 3
        unit: ClassVar[str] = "kg"

        @property
        def double(self) -> float:
            return self.weight * 2

    return Parcel


def keywords(define: Any, field: Any) -> Any:
    @define
    class Options:
        url: str = field(converter=shout)
        size: int = field(default="7", converter=int, kw_only=True)
        names: list[str] = field(factory=list, converter=sorted, kw_only=True)
        state: str = field(default="new", init=False)
        late: list[str] = field(factory=list, init=False)

    return Options


def derived(define: Any, field: Any) -> Any:
    base = plain(define, field)

    @define
    class Letter(base):  # type: ignore[misc, valid-type]
        weight: float = 0.5
        pages: int = 2

        def heavier(self) -> Any:
            return super().double, __class__  # type: ignore[name-defined]

    return Letter


def own_methods(define: Any, field: Any) -> Any:
    @define
    class Own:
        x: int

        def __repr__(self) -> str:
            return "mine"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own) and self.x % 2 == other.x % 2

        def __hash__(self) -> int:
            return self.x % 2

        @classmethod
        def made(cls) -> Any:
            return __class__  # type: ignore[name-defined]

    return Own


def generic(define: Any, field: Any) -> Any:
    @define
    class Box(Generic[T]):
        content: T

    return Box


def empty(define: Any, field: Any) -> Any:
    @define
    class Empty:
        pass

    return Empty


PAIRS = {"record": (record, attrs.define), "frozen": (frozen, attrs.frozen)}
SHAPES = {
    each.__name__: (each, arguments)
    for each, arguments in [
        (plain, ("a",)),
        (keywords, ("a",)),
        (derived, ("a",)),
        (own_methods, (3,)),
        (generic, (1.5,)),
        (empty, ()),
    ]
}


@pytest.fixture(params=[f"{pair} {shape}" for pair in PAIRS for shape in SHAPES])
def case(request):
    """Both classes, and arguments of them."""
    pair, shape = request.param.split()
    ours, theirs = PAIRS[pair]
    make, arguments = SHAPES[shape]
    return make(ours, field), make(theirs, attrs.field), arguments


def outcome(call: Any, *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except Exception as exc:
        return type(exc), str(exc)


def signature_of(cls: Any) -> Any:
    """Return the parameters; attrs annotates those with a converter by its argument."""
    found = inspect.signature(cls)
    return found.return_annotation, [
        (name, each.kind, repr(each.default), name in CONVERTED or each.annotation)
        for name, each in found.parameters.items()
    ]


def dict_of(state: Any, cls: Any) -> Any:
    """Return a state as a dict, which attrs before 22.2 makes a tuple."""
    names = [each.name for each in attrs.fields(cls)]
    return dict(zip(names, state)) if isinstance(state, tuple) else state


CONVERTED = ("url", "size", "names")


def facts(cls: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
    one, two = cls(*arguments), cls(*arguments)
    copied = copy.copy(one)
    first = next(iter(attrs.fields(cls)), None)
    return {
        "signature": signature_of(cls),
        "repr": repr(one),
        "equal": (one == two, one != two, one == 1, one == copied, one == object()),
        "hash": isinstance(outcome(hash, one), int),
        "same hash": outcome(hash, one) == outcome(hash, two),
        "doc": cls.__doc__,
        "names": (cls.__name__, cls.__qualname__, cls.__module__),
        "match": sys.version_info < (3, 10) or cls.__match_args__,
        "slots": not hasattr(one, "__dict__"),
        "weak": weakref.ref(one)() is one,
        "state": dict_of(one.__reduce_ex__(4)[2], cls),
        "fields": attrs.fields(cls),
        "dict": attrs.asdict(one),
        "evolved": repr(attrs.evolve(one)),
        "missing": repr(outcome(cls)),
        "surplus": outcome(cls, *range(20)),
        "set": outcome(setattr, one, first.name, first.default) if first else None,
        "delete": outcome(delattr, two, first.name) if first else None,
        "closures": len(outcome(one.heavier)) if hasattr(one, "heavier") else None,
        "cell": cls.made() is cls if hasattr(cls, "made") else None,
        "class var": getattr(cls, "unit", None),
    }


def test_a_record_is_as_attrs_makes_it(case):
    ours, theirs, arguments = case
    assert facts(ours, arguments) == facts(theirs, arguments)


def test_fields_have_the_tuple_of_attrs(case):
    ours, theirs, _ = case
    assert attrs.has(ours)
    for mine, other in zip(attrs.fields(ours), attrs.fields(theirs)):
        assert (mine, mine.inherited) == (other, other.inherited)
        assert getattr(attrs.fields(ours), mine.name) is mine


def test_nan_is_equal_to_itself_in_one_field():
    made, nan = generic(record, field), float("nan")
    assert made(nan) == made(nan) and made(nan) != made(float("nan"))


@record
class Kept:
    a: int
    b: list[int] = field(factory=list)


def test_records_survive_pickling_and_old_pickles():
    found = Kept(1, [2])
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(found, protocol)) == found
    assert copy.deepcopy(found) == found
    # As attrs before 22.2 wrote it, and with a field that is no longer there.
    for state in ((1, [2]), {"a": 1, "b": [2], "c": 3}):
        read = Kept.__new__(Kept)
        read.__setstate__(state)
        assert read == found
    read.__setstate__({"a": 5})
    assert read == Kept(5, [2])


def test_evolve_takes_the_names_of_arguments():
    found = evolve(plain(record, field)("a"), label="b", hidden=9)
    assert (found.label, found._hidden, found.weight) == ("b", 9, 1.5)
    options = keywords(record, field)("a", size=2)
    assert evolve(options, url="b").size == 2
    with pytest.raises(TypeError, match="unexpected keyword"):
        evolve(found, weigth=1)


def test_a_record_without_slots_stays_the_same_class():
    class Open:
        x: int
        y: int = field(default=2)

        def __post_init__(self) -> None:
            self.z = self.x + self.y

    made = record(eq=False, repr=False, slots=False)(Open)
    assert made is Open and Open(1).z == 3 and Open(1) != Open(1)
    assert "x" not in vars(Open) and repr(Open(1)).startswith("<")


def test_arguments_may_all_be_keywords():
    @frozen(kw_only=True)
    class Limits:
        most: int
        least: int = 0

    assert Limits(most=1).least == 0
    with pytest.raises(TypeError, match="positional"):
        Limits(1)  # type: ignore[misc]


def test_a_field_may_stay_unset():
    @record
    class Later:
        x: int = field(init=False)

    assert repr(Later()) == "Later(x=NOTHING)"
    assert not Later().__reduce_ex__(4)[2]


def test_definitions_may_be_changed_for_a_class():
    def reverse(cls, fields):
        fields[0].type = cls.__name__
        return fields[::-1]

    class Pair:
        a: int
        b: int

    made = make_record(Pair, transform=reverse)
    assert repr(made(1, 2)) == "Pair(b=1, a=2)"
    assert attrs.fields(made).a.type == "Pair"


def test_cyclic_records_can_be_shown():
    kept = Kept(1)
    kept.b = [kept]  # type: ignore[list-item]
    assert repr(kept) == "Kept(a=1, b=[...])"


def test_slots_of_bases_are_not_repeated():
    class Base:
        __slots__ = ("_extra",)

    @record
    class Row(Base):
        x: int

    assert Row.__slots__ == ("x", "__weakref__")
    assert derived(record, field).__slots__ == ("pages",)


def test_users_derive_attrs_classes_from_records():
    @attrs.define
    class More(Kept):
        c: int = 3

    assert repr(More(1)) == "More(a=1, b=[], c=3)"
    assert [each.name for each in attrs.fields(More)] == ["a", "b", "c"]


def test_annotations_may_be_objects():
    made = make_record(type("Made", (), {"__annotations__": {"a": int, "b": str}}))
    assert [(each.name, each.type) for each in fields_of(made)] == [
        ("a", int),
        ("b", str),
    ]
    assert repr(records.NOTHING) == "NOTHING"


def test_streaming_does_not_import_attrs():
    code = (
        "import sys, bfxsync; bfxsync.Client().close(); "
        "sys.exit('attr' in sys.modules or 'attrs' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
