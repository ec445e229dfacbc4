"""
What the annotation of a field means: how its values are read, and its column in tables.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, List, Sequence, Tuple, Union

from bfxsync._base.aliases import NumberType
from bfxsync.dataframes import TIME, TableColumn
from bfxsync.models.moments import moment_name
from bfxsync.models.objects import anything_in_a_list, flags, switch, texts, truth
from bfxsync.models.rows import Kind, Read

FIELD_TYPES: Dict[str, Tuple[Union[Kind, Read], str]] = {
    "int": (Kind.INTEGER, "int64"),
    "Mts": (Kind.INTEGER, TIME),
    "Switch": (Kind.SWITCH, "int64"),
    "float": (Kind.NUMBER, "float64"),
    "str": (Kind.TEXT, "string"),
    "Symbol": (Kind.TEXT, "string"),
    "bool": (truth, "bool"),
    "Any": (Kind.ANY, "object"),
    "int | None": (Kind.OPTIONAL_INTEGER, "Int64"),
    "Mts | None": (Kind.OPTIONAL_INTEGER, TIME),
    "Switch | None": (Kind.OPTIONAL_SWITCH, "Int64"),
    "float | None": (Kind.OPTIONAL_NUMBER, "float64"),
    "str | None": (Kind.OPTIONAL_TEXT, "string"),
    "Symbol | None": (Kind.OPTIONAL_TEXT, "string"),
    "bool | None": (switch, "boolean"),
    "dict[str, Any] | None": (Kind.OPTIONAL_OBJECT, "object"),
    "list[str] | None": (texts, "object"),
    "list[Any] | None": (anything_in_a_list, "object"),
    "OrderFlag | None": (flags, "Int64"),
}
"""The kind of a value, and its dtype in pandas, by the annotation of its field."""

_ORIGIN = ("symbol", "timeframe")


def table_columns(
    model: Any, fields: Sequence[Any], number: NumberType, symbol: bool
) -> List[TableColumn]:
    """Return the columns of a model with these fields: index, origin of the row, its values."""
    index: List[TableColumn] = []
    origin: List[TableColumn] = []
    found: List[TableColumn] = []
    for field in fields:
        _, dtype = FIELD_TYPES.get(field.type, (None, "object"))
        name = moment_name(field.name) or field.name
        if field.metadata.get("path") == ():
            if name in model._origin_columns or (symbol and name in _ORIGIN):
                origin.append(TableColumn(name, field.name, dtype))
        elif name == field.name and dtype != TIME:
            is_exact = number is Decimal and dtype == "float64"
            found.append(TableColumn(name, field.name, "object" if is_exact else dtype))
        elif index or field.type.endswith(" | None"):
            found.append(TableColumn(name, field.name, TIME))
        else:
            index.append(TableColumn("time", field.name, TIME, True))
    first = model._first_columns
    # Stable: all others keep the order of the fields.
    found.sort(key=lambda c: first.index(c.name) if c.name in first else len(first))
    return index + origin + found
