"""
Readers of usual rows, compiled for each layout.

Strategy: rows of an account are read one by one, and a loop over the fields, with a call for each,
takes most of that time. So the source of a function without a loop is generated, as attrs does for
constructors. It accepts values of the usual classes as they are; a row with any other is left to
the loop, which accepts more and says what is wrong.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Union

from bfxsync.errors import RemoteError

ReadUsual = Callable[[List[Any]], Union[List[Any], None]]
"""Returns the values of a row; None if one of them is unusual, or raises one of `UNUSUAL`."""

UNUSUAL = (RemoteError, OverflowError)

READER = "READER"
"""The kind of a field with a reader of its own, which may return None."""

_REFUSE = " return None"
_CALL = "{v} = read_{v}({v})"

# By kind. A difference of infinite numbers is not zero.
_STATEMENTS = {
    "NUMBER": (
        "if {v}.__class__ is int:",
        " {v} = float({v})",
        "elif {v}.__class__ is not float or {v} - {v} != 0.0:",
        _REFUSE,
    ),
    "INTEGER": (
        f"if {{v}}.__class__ is not int or not {-(2**63)} <= {{v}} < {2**63}:",
        _REFUSE,
    ),
    "TEXT": ("if {v}.__class__ is not str:", _REFUSE),
    "SWITCH": (_CALL, "if {v} is None:", _REFUSE),
    "OBJECT": (_CALL, "if {v} is None:", _REFUSE),
    READER: (_CALL,),
    "ANY": (),
}


class Column(NamedTuple):
    """A field: its place in the row, the kind of its value if it is not null, and its reader."""

    place: int
    kind: str
    is_optional: bool
    read: Callable[[Any], Any]


def compiled(columns: Sequence[Column]) -> ReadUsual:
    """Return a reader of rows that are as long as the last of these columns needs."""
    lines = ["def read(row):"]
    names: Dict[str, Any] = {}
    for place, column in enumerate(columns):
        v = f"v{place}"
        names[f"read_{v}"] = column.read
        statements = [line.format(v=v) for line in _STATEMENTS[column.kind]]
        lines.append(f" {v} = row[{column.place}]")
        if statements and column.is_optional:
            lines.append(f" if {v} is not None:")
            statements = [f" {line}" for line in statements]
        lines += [f" {line}" for line in statements]
    values = ", ".join(f"v{place}" for place in range(len(columns)))
    lines.append(f" return [{values}]")
    exec("\n".join(lines), names)
    read: ReadUsual = names["read"]
    return read
