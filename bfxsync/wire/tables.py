"""
Decodes many messages as one table, without a list for each message.

Strategy: in a flood, messages differ only in their numbers. The form of a message is what remains
when these are removed. All forms are compared in one step; if they are equal, the messages are
decoded as one flat array, and its slices are the columns. That saves two lists per message, which
the garbage collector would traverse repeatedly.

A message with the usual brackets and commas but a value on the wrong side of a bracket, such as
``[5,1[,2],3]``, is not detected; a server that sends it could also send wrong numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, List, NamedTuple, Tuple

from bfxsync.wire.codec import Loads, loads_many

Columns = List[List[Any]]

# The characters of numbers, null and tags of trades, and spaces.
_VALUES = b"0123456789.+-eEnul tf"

_BLANKS = bytes.maketrans(b"[]", b"  ")

# Channel id, optional tag, row, and the numbers after it.
_FORM = re.compile(rb'\[,("",)?\[(,*)\](,*)\]')


class Table(NamedTuple):
    """
    Messages by columns.

    Attributes
    ----------
    columns : list
        Columns of the rows.
    tags : list or None
        Tags of the frames, if they have tags.
    ends : list or None
        Last numbers of the frames, if there are numbers after the rows.
    others : list
        Frames of other forms, with their indexes among the messages.
    """

    columns: Columns
    tags: List[Any] | None
    ends: List[Any] | None
    others: List[Tuple[int, Any]]


class Rows(NamedTuple):
    """
    Messages of one channel that were decoded by columns.

    Attributes
    ----------
    models : list
        A model for each row; None for a row without one.
    first_column : list
        First values of the rows.
    tags : list or None
        Tags of the frames, if they have tags.
    others : list
        Frames of other forms, with their indexes among the messages.
    """

    models: List[Any]
    first_column: List[Any]
    tags: List[Any] | None
    others: List[Tuple[int, Any]]
    messages: List[bytes]
    loads: Loads

    def frames(self) -> List[Any]:
        """Return the frames of all messages."""
        return loads_many(self.loads, self.messages)


def form_of(message: bytes) -> bytes:
    """Return a message without its numbers, nulls and tags."""
    return message.translate(None, _VALUES)


def read_table(
    loads: Loads, messages: List[bytes], form: bytes, *, allows_others: bool
) -> Table | None:
    """
    Return the table of messages, or None; other forms are possible only with `allows_others`.

    Raises one of `LOADS_ERRORS` if one of them is not JSON.
    """
    others: List[Tuple[int, Any]] = []
    text = b",\n".join(messages)
    forms = form_of(text)
    if forms != (form + b",\n") * (len(messages) - 1) + form:
        lines = forms.split(b",\n")
        if not allows_others or len(lines) != len(messages):
            return None
        form = Counter(lines).most_common(1)[0][0]
        text = b",\n".join([m for m, each in zip(messages, lines) if each == form])
        others = [
            (index, loads(messages[index]))
            for index, each in enumerate(lines)
            if each != form
        ]
    parts = _FORM.fullmatch(form)
    if parts is None:
        return None
    values: List[Any] = loads(b"[%b]" % text.translate(_BLANKS))
    start = 2 if parts[1] else 1
    stop = start + len(parts[2]) + 1
    width = stop + len(parts[3])
    return Table(
        [values[n::width] for n in range(start, stop)],
        values[1::width] if parts[1] else None,
        values[width - 1 :: width] if parts[3] else None,
        others,
    )
