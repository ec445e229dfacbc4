"""
Slotted classes of fields, as `attrs.define` and `attrs.frozen` make them, in a tenth of the time.

Strategy: attrs generates and compiles several methods for each class, which was half of the time
of importing bfxsync, and importing attrs itself is another sixth. Here only ``__init__`` is
compiled; all classes share the other methods. For attrs they are still its own classes: what
`attrs.fields`, `attrs.evolve` and others look for is made by attrs when they first look for it (see
`attrs_twins`), so that only programs that use attrs import it.
"""

from __future__ import annotations

from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, TypeVar, overload

from bfxsync._base.forks import lazily

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda decorator: decorator


R = TypeVar("R")
C = TypeVar("C", bound=type)


class _Nothing:
    def __repr__(self) -> str:
        return "NOTHING"


NOTHING = _Nothing()
"""No default value."""


_NO_METADATA: Mapping[str, Any] = {}


class Field:
    """
    The definition of one field, for one class.

    Attributes
    ----------
    default : object
        `NOTHING` without one. With a `factory` it is what that returns, for each object.
    alias : str
        The name of its argument: without underscores.
    type : str or type
        Its annotation.
    is_inherited : bool
        It was defined by a base class.
    """

    def __init__(self, default: Any = NOTHING) -> None:
        self.name = self.alias = ""
        self.type: Any = None
        self.is_inherited = False
        self.default = default
        self.factory: Callable[[], Any] | None = None
        self.init = self.eq = True
        self.repr: bool | Callable[[Any], str] = True
        self.kw_only = False
        self.converter: Callable[[Any], Any] | None = None
        self.metadata: Mapping[str, Any] = _NO_METADATA

    @property
    def is_required(self) -> bool:
        """Whether it has neither a default nor a factory."""
        return self.default is NOTHING and self.factory is None

    def inherited(self) -> Field:
        """Return a copy for a derived class."""
        found = Field.__new__(Field)
        found.__dict__.update(self.__dict__, is_inherited=True)
        return found


def field(
    *,
    default: Any = NOTHING,
    factory: Callable[[], Any] | None = None,
    init: bool = True,
    eq: bool = True,
    repr: bool | Callable[[Any], str] = True,
    kw_only: bool = False,
    converter: Callable[[Any], Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Any:
    """Return the definition of a field; the arguments are those of `attrs.field`."""
    found = Field(default)
    found.factory, found.init, found.eq, found.repr = factory, init, eq, repr
    found.kw_only, found.converter = kw_only, converter
    found.metadata = metadata or _NO_METADATA
    return found


Transform = Callable[[type, List[Field]], List[Field]]


def make_record(
    cls: Any,
    *,
    is_frozen: bool = False,
    eq: bool = True,
    repr: bool = True,
    slots: bool = True,
    kw_only: bool = False,
    transform: Transform | None = None,
) -> Any:
    """Return the class with the methods of its fields; `transform` may change their definitions."""
    own = _own_fields(cls, kw_only)
    names = {each.name for each in own}
    known: Dict[str, Field] = {}
    for base in reversed(cls.__mro__[1:-1]):
        for each in vars(base).get("_record_fields", ()):
            known.pop(each.name, None)
            known[each.name] = each
    fields = [each.inherited() for each in known.values() if each.name not in names]
    fields += own
    if transform is not None:
        fields = transform(cls, fields)
    namespace = {
        name: value
        for name, value in vars(cls).items()
        if name not in names and name not in ("__dict__", "__weakref__")
    }
    added: Dict[str, Any] = {
        "__match_args__": tuple(f.name for f in fields if f.init and not f.kw_only),
        "__getstate__": _get_state,
        "__setstate__": _set_state,
        "__replace__": evolve,
        "__init__": _init_of(cls, fields, is_frozen),
    }
    if repr:
        added["__repr__"] = _repr
    if eq and "__eq__" not in namespace:
        added["__eq__"], values = _eq_of([f.name for f in fields if f.eq])
        added["__hash__"] = (lambda self: hash(values(self))) if is_frozen else None
    if is_frozen:
        added["__setattr__"], added["__delattr__"] = _set_frozen, _delete_frozen
    added = {k: v for k, v in added.items() if k not in namespace}
    options = {"is_frozen": is_frozen, "eq": eq, "repr": repr, "slots": slots}
    for name in ("__attrs_attrs__", "__attrs_props__"):
        added[name] = _OfTwin(name, fields, options)
    added["_record_fields"] = tuple(fields)
    if slots:
        made = _slotted(cls, {**namespace, **added}, [each.name for each in own])
    else:
        made = cls
        for name in names & set(vars(cls)):
            delattr(cls, name)
        for name, value in added.items():
            setattr(cls, name, value)
    return made


@overload
def record(cls: C) -> C: ...


@overload
def record(
    *, eq: bool = True, repr: bool = True, slots: bool = True
) -> Callable[[C], C]: ...


@dataclass_transform(field_specifiers=(field,))
def record(cls: Any = None, **options: Any) -> Any:
    """
    Make a class of fields, as `attrs.define` does.

    ``__post_init__`` is called at the end of ``__init__``.
    """
    return _decorated(cls, options)


@overload
def frozen(cls: C) -> C: ...


@overload
def frozen(*, kw_only: bool = False, repr: bool = True) -> Callable[[C], C]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: Any = None, **options: Any) -> Any:
    """Make a class of fields whose objects are hashed by value and cannot be changed."""
    return _decorated(cls, {"is_frozen": True, **options})


def _decorated(cls: Any, options: Dict[str, Any]) -> Any:
    if cls is None:
        return lambda cls: make_record(cls, **options)
    return make_record(cls, **options)


def fields_of(model: Any) -> tuple[Field, ...]:
    """Return the definitions of the fields of a record."""
    found: tuple[Field, ...] = model._record_fields
    return found


def evolve(record: R, **changes: Any) -> R:
    """Return a copy with other values of some fields, by the names of arguments."""
    cls: Any = type(record)
    for each in cls._record_fields:
        if each.init and each.alias not in changes:
            changes[each.alias] = getattr(record, each.name)
    made: R = cls(**changes)
    return made


# --- making a class ---------------------------------------------------------------------------


def _own_fields(cls: Any, kw_only: bool) -> List[Field]:
    # Not those of a base. Without the future import Python 3.14 has a function that makes them.
    has_own = {"__annotations__", "__annotate_func__"} & set(vars(cls))
    found = []
    for name, annotation in cls.__annotations__.items() if has_own else ():
        text = str(annotation).strip("'\"")
        if text.startswith(("ClassVar", "typing.ClassVar")):
            continue
        value = vars(cls).get(name, NOTHING)
        each = value if isinstance(value, Field) else Field(value)
        each.name, each.alias, each.type = name, name.lstrip("_"), annotation
        each.kw_only = each.kw_only or kw_only
        found.append(each)
    return found


def _slotted(cls: Any, namespace: Dict[str, Any], names: List[str]) -> Any:
    """Create the class once more, as slots cannot be added later."""
    bases = cls.__mro__[1:-1]
    inherited = {name for base in bases for name in vars(base).get("__slots__", ())}
    slots = [name for name in names if name not in inherited]
    if not any(base.__weakrefoffset__ for base in bases):
        slots.append("__weakref__")
    namespace["__slots__"] = tuple(slots)
    namespace["__qualname__"] = cls.__qualname__
    made = type(cls)(cls.__name__, cls.__bases__, namespace)
    for value in namespace.values():
        # `super()` and `__class__` refer to the class by a cell.
        value = getattr(value, "__func__", getattr(value, "fget", value))
        for cell in getattr(value, "__closure__", None) or ():
            try:
                if cell.cell_contents is cls:
                    cell.cell_contents = made
            except ValueError:
                pass  # empty
    return made


def _init_of(cls: Any, fields: List[Field], is_frozen: bool) -> Any:
    names: Dict[str, Any] = {
        "NOTHING": NOTHING,
        "_set": object.__setattr__,
        "__name__": cls.__module__,
    }
    plain: List[str] = []
    keywords: List[str] = []
    lines: List[str] = []
    for each in fields:
        name = each.alias
        if each.factory is not None:
            names[f"_make_{name}"] = each.factory
            value, argument = f"_make_{name}()", f"{name}=NOTHING"
            if each.init:
                value += f" if {name} is NOTHING else {name}"
        elif each.default is not NOTHING:
            names[f"_default_{name}"] = each.default
            value, argument = name, f"{name}=_default_{name}"
            if not each.init:
                value = f"_default_{name}"
        else:
            value, argument = name, name
            if not each.init:
                continue
        if each.converter is not None:
            names[f"_convert_{name}"] = each.converter
            value = f"_convert_{name}({value})"
        if each.init:
            (keywords if each.kw_only else plain).append(argument)
        if is_frozen:
            lines.append(f"_set(self, {each.name!r}, {value})")
        else:
            lines.append(f"self.{each.name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    star = ["*"] if keywords else []
    head = ", ".join(["self", *plain, *star, *keywords])
    source = "\n ".join([f"def __init__({head}):", *(lines or ["pass"])])
    place = f"<fields of {cls.__module__}.{cls.__qualname__}>"
    exec(compile(source, place, "exec"), names)
    made = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = {f.alias: f.type for f in fields if f.init}
    made.__annotations__["return"] = None
    return made


def _eq_of(names: List[str]) -> tuple[Any, Any]:
    # In a tuple an object is equal to itself, even NaN.
    def few(record: Any) -> Any:
        return tuple([getattr(record, name) for name in names])

    values: Any = attrgetter(*names) if len(names) > 1 else few

    def __eq__(self: Any, other: Any) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values(self) == values(other)

    return __eq__, values


# --- methods of all records -------------------------------------------------------------------


@recursive_repr()
def _repr(self: Any) -> str:
    """Name the fields and their values."""
    name = type(self).__qualname__.rsplit(">.", 1)[-1]
    texts = []
    for each in fields_of(type(self)):
        if each.repr:
            show = each.repr if callable(each.repr) else repr
            texts.append(f"{each.name}={show(getattr(self, each.name, NOTHING))}")
    return f"{name}({', '.join(texts)})"


def _get_state(self: Any) -> Dict[str, Any]:
    names = [each.name for each in fields_of(type(self))]
    return {name: getattr(self, name) for name in names if hasattr(self, name)}


def _set_state(self: Any, state: Any) -> None:
    names = [each.name for each in fields_of(type(self))]
    if isinstance(state, tuple):
        state = dict(zip(names, state))
    for name in names:
        if name in state:
            object.__setattr__(self, name, state[name])


def _set_frozen(self: object, name: str, value: object) -> None:
    lazily(_attrs_twins).refuse_change()


def _delete_frozen(self: object, name: str) -> None:
    lazily(_attrs_twins).refuse_change()


def _attrs_twins() -> Any:
    from bfxsync._base import attrs_twins

    return attrs_twins


class _OfTwin:
    """An attribute of a class that attrs reads, made by attrs on first use."""

    def __init__(self, name: str, fields: List[Field], options: Dict[str, Any]) -> None:
        self._name = name
        self._fields = fields
        self._options = options
        self._made: Any = None

    def __get__(self, instance: object, owner: type) -> Any:
        if self._made is None:
            twin = lazily(_attrs_twins).twin_of(self._fields, **self._options)
            # Old versions of attrs have fewer.
            self._made = getattr(twin, self._name)
        return self._made
