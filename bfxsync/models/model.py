"""
Models as tables: the index, type and meaning of each field are side by side.

Strategy: `model` is `attrs.define` plus a `Layout` compiled from the annotations when the class is
created. The annotation of a field is the type of its value, `at` its index in the row, `key` its
key in an object; the text below the field is its documentation. Columns of DataFrames, `help()` and
docs/reference/models.rst are generated from the same table. An unknown annotation raises during
import.

Annotations are texts, as every module of models begins with ``from __future__ import
annotations``. Python 3.14 without that line gives objects instead, whose text is the same.
"""

from __future__ import annotations

import re
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    ClassVar,
    Dict,
    List,
    NoReturn,
    Set,
    Type,
    TypeVar,
    get_args,
)

import attrs

from bfxsync._base.aliases import NumberType, Row, Symbol
from bfxsync._base.html import html_of
from bfxsync._base.logs import get_logger
from bfxsync.dataframes import TableColumn
from bfxsync.models.field_types import FIELD_TYPES, table_columns
from bfxsync.models.model_list import model_of, reader_of
from bfxsync.models.moments import Moment, moment_name
from bfxsync.models.objects import NestedLayout, ObjectLayout, list_of, one_of
from bfxsync.models.reference import GeneratedDoc
from bfxsync.models.rows import Layout, Read

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda decorator: decorator


_log = get_logger(__name__)

Switch = int
"""1 or 0, which the exchange also writes as true and false."""

M = TypeVar("M", bound="Model")
T = TypeVar("T")
R = TypeVar("R", bound="RestModel")

_models: Dict[str, Type[Model]] = {}
"""By name, for fields that hold other models."""

_with_new_columns: Set[str] = set()

_OTHER_MODEL = re.compile(r"(list\[)?(\w+)\]?( \| None)?")
_MODULE_NAMES = re.compile(r"\b(?:\w+\.)+")


def at(*path: int | str, read: Read | None = None, **options: Any) -> Any:
    """
    Return a field of a row.

    Parameters
    ----------
    path : int or str
        Index of the field; for a nested row or object its index, then the index or key in it. Empty
        if the row does not have the field.
    read : callable, optional
        Converts the value, if the annotation is not sufficient.
    options
        As for `attrs.field`.
    """
    return attrs.field(metadata={"path": path, "read": read}, **options)


def key(*names: str, read: Read | None = None, **options: Any) -> Any:
    """Return a field of an object, by its key or alternative keys; options as for `at`."""
    return attrs.field(metadata={"keys": names, "read": read}, **options)


class Model:
    """
    Base of all models; see `RestModel`, `ObjectModel` and `bfxsync.models.market_model`.

    Constructors from rows and objects raise `RemoteError` if a row is too short or a value is
    unexpected.
    """

    __slots__ = ()

    _layout: ClassVar[Layout]

    # Settings of the layout, see `Layout`, `NestedLayout` and `ObjectLayout`.
    _least: ClassVar[int] = 0
    _optional_parts: ClassVar[tuple[int, ...]] = ()
    _any_spelling: ClassVar[bool] = False
    _needs_any: ClassVar[bool] = False

    # Of tables: columns although rows do not contain them, and the first ones of all others.
    _origin_columns: ClassVar[tuple[str, ...]] = ()
    _first_columns: ClassVar[tuple[str, ...]] = ()

    _has_own_repr: ClassVar[bool] = False

    _repr_html_ = html_of

    def to_dict(self) -> Dict[str, Any]:
        """Return the fields by name, in their order; nested models become dicts too."""
        return {name: _plain(getattr(self, name)) for name in _names(type(self))}

    @classmethod
    def columns(
        cls, number: NumberType = float, *, symbol: bool = False
    ) -> Dict[str, str]:
        """
        Return the columns of a DataFrame of such models.

        The first required time is its index ``time``, and comes first. Other times have the names
        of their `datetime` properties; all other columns those of the fields.

        Parameters
        ----------
        number : type
            `float`, or `decimal.Decimal` for a client with ``numbers=Decimal``.
        symbol : bool
            Include `symbol` and `timeframe` where rows do not contain them.

        Returns
        -------
        dict
            Names and dtypes of pandas: ``datetime64[ns, UTC]``, ``int64`` (``Int64`` where None is
            possible), ``float64`` (``object`` for Decimals), ``string``, ``bool``, ``boolean``;
            ``object`` for everything else.
        """
        return {
            column.name: column.dtype
            for column in cls.table_columns(number, symbol=symbol)
        }

    @classmethod
    def table_columns(
        cls, number: NumberType = float, *, symbol: bool = False
    ) -> List[TableColumn]:
        """Return `columns` with the field of each, the index first."""
        return table_columns(cls, fields_of(cls), number, symbol)


class RestModel(Model):
    """Base of the rows of an account or of REST; unknown columns are kept as `extra`."""

    __slots__ = ("_extra",)

    _extra: tuple[Any, ...]

    @property
    def extra(self) -> tuple[Any, ...]:
        """
        Columns that the exchange has added after the last known one, without trailing nulls.
        Comparisons ignore them, and `attrs.evolve` drops them.
        """
        return getattr(self, "_extra", ())

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> Self:
        """Build from a row of the exchange; unknown columns at its end are kept as `extra`."""
        return keep_extra(cls(*cls._layout.read(row, number)), row)

    def __reduce__(self) -> tuple[Any, ...]:
        values = [getattr(self, name) for name in _names(type(self))]
        return _rebuilt, (type(self), values, self.extra)


class ObjectModel(Model):
    """Base of models that the exchange sends as objects; unknown keys are ignored."""

    __slots__ = ()

    @classmethod
    def from_object(cls, fields: object, number: NumberType = float) -> Self:
        """Build from an object of the exchange."""
        return cls(*cls._layout.read(fields, number))


@dataclass_transform(field_specifiers=(at, key, attrs.field))
def model(cls: type[M]) -> type[M]:
    """
    Create a slotted attrs class that reads rows or objects according to its fields.

    Instances are compared by all fields, and hashed by type and ``id`` if there is one; treat them
    as read-only. A class without own fields reads like its base, unless the name of the base begins
    with ``_``.

    Raises
    ------
    TypeError
        An unknown annotation, a field without `at` or `key`, or a field of milliseconds without
        `moment`.
    """
    made: Any = attrs.define(
        cls, field_transformer=_plain_types, repr=not cls._has_own_repr
    )
    made.__doc__ = GeneratedDoc(made, cls.__doc__)
    for field in fields_of(made):
        name = moment_name(field.name)
        if name is not None and not isinstance(getattr(made, name, None), Moment):
            raise TypeError(f"{made.__name__}.{field.name} needs {name} = moment(…)")
        if field.name == "id":
            made.__hash__ = _hash
    is_generic = bool(getattr(made, "__parameters__", ()))
    has_own = any(not field.inherited for field in fields_of(made))
    base = getattr(made, "_layout", None)
    if not is_generic and (has_own or base is None or base.name.startswith("_")):
        made._layout = _layout_of(made)
    _models[made.__name__] = made
    defined: type[M] = made
    return defined


def keep_extra(found: R, row: Row) -> R:
    """Keep the columns after the last known one as `RestModel.extra`."""
    layout, end = found._layout, len(row)
    while end > layout.width and row[end - 1] is None:
        end -= 1
    if end > layout.width:
        found._extra = tuple(row[layout.width : end])
        if layout.name not in _with_new_columns:
            _with_new_columns.add(layout.name)
            _log.info(
                "%s: the exchange sends more columns than are known, from index %d on",
                layout.name,
                layout.width,
            )
    return found


def of_symbol(
    read: Callable[[Any, NumberType], T], symbol: Symbol
) -> Callable[[Any, NumberType], T]:
    """Return a reader of rows that lack the symbol of their request."""

    def read_one(row: Any, number: NumberType) -> Any:
        found: Any = read(row, number)
        found.symbol = symbol
        return found

    return reader_of(model_of(read), read_one)


def fields_of(model: Any) -> tuple[Any, ...]:
    """Return the definitions of the fields of a model."""
    found: tuple[Any, ...] = attrs.fields(model)
    return found


def annotation_text(annotation: Any) -> str:
    """Return the text of an annotation, without names of modules."""
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return annotation.__name__
    return _MODULE_NAMES.sub("", str(annotation))


def _plain_types(cls: type, fields: List[Any]) -> List[Any]:
    """
    Replace the annotations of fields by their texts; for N see `bfxsync.models.partial_rows`.

    Fields with a default go to the end, where an inherited one can be given by position too, as
    that is the cheapest.
    """
    base, *_ = getattr(cls, "__orig_bases__", (None,))
    missing = {(NoReturn,): "", (type(None),): " | None"}.get(get_args(base), " | N")
    found = [
        field.evolve(
            type=re.sub(r" \| N$", missing, annotation_text(field.type)),
            kw_only=field.kw_only and not field.inherited,
        )
        for field in fields
    ]
    return sorted(found, key=lambda field: field.default is not attrs.NOTHING)


def _layout_of(made: type[Model]) -> Layout:
    # Errors in a partial row name the whole model.
    name = made.__name__.removeprefix("Partial")
    rows: List[Any] = []
    objects: List[Any] = []
    for field in fields_of(made):
        if field.metadata.get("path") == ():
            continue
        known, _ = FIELD_TYPES.get(field.type, (None, ""))
        meaning = field.metadata.get("read") or known or _reader_of(field.type)
        if meaning is None:
            raise TypeError(
                f"{name}.{field.name}: the annotation {field.type!r} has no meaning"
            )
        if "keys" in field.metadata:
            objects.append((field.name, field.metadata["keys"], meaning))
        elif "path" not in field.metadata:
            raise TypeError(f"{name}.{field.name} needs at() or key()")
        else:
            rows.append((field.name, field.metadata["path"], meaning))
    if objects:
        return ObjectLayout(
            name,
            *objects,
            any_spelling=made._any_spelling,
            needs_any=made._needs_any,
        )
    if any(len(path) > 1 for _, path, _ in rows):
        return NestedLayout(name, *rows, optional_parts=made._optional_parts)
    plain = ((field, path[0], meaning) for field, path, meaning in rows)
    return Layout(name, *plain, least=made._least)


def _reader_of(text: str) -> Read | None:
    """Return a reader of an annotation such as ``list[Invoice] | None``."""
    parts = _OTHER_MODEL.fullmatch(text)
    found: Any = _models.get(parts.group(2)) if parts is not None else None
    if parts is None or found is None:
        return None
    is_list, _, is_optional = parts.groups()
    if is_list:
        return list_of(found.from_object, is_required=not is_optional)
    read: Read = found.from_object
    return one_of(read) if is_optional else read


def _names(model: Any) -> List[str]:
    return [field.name for field in fields_of(model)]


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _hash(self: Any) -> int:
    return hash((type(self), self.id))


def _rebuilt(model: Any, values: List[Any], extra: tuple[Any, ...]) -> Any:
    found = model(*values)
    if extra:
        found._extra = extra
    return found
