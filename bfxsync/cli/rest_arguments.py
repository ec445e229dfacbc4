"""
The arguments of REST methods, as the options of their commands.

Strategy: the annotation of a parameter is a text, as written in the method, and each text has one
type of value. One without a type fails a test, so a new kind of parameter cannot be forgotten.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, Iterator, List, Optional

import attrs

from bfxsync.cli.values import (
    Read,
    day_of,
    flags_of,
    future_of,
    integer_of,
    json_list_of,
    json_or_text,
    list_of,
    number_of,
    object_of,
    time_of,
)

# For programs: the row of an earlier iteration, and a bar.
OMITTED = ("resume_after", "progress")

SECRETS = ("token", "tfa_token")

_SWITCH = "bool"
_OPTIONAL = " | None"

_KINDS: Dict[str, tuple[str, Read]] = {
    "str": ("text", str),
    "Symbol": ("symbol", str),
    "OrderType | str": ("text", str),
    "int": ("integer", integer_of),
    "AnyNumber": ("number", number_of),
    "Amount": ("number", number_of),
    "OrderFlag | int": ("flags", flags_of),
    "Time": ("time", time_of),
    # Begin and end of something that has not happened yet.
    "Moment": ("time", future_of),
    "datetime | str": ("time", future_of),
    "Date": ("day", day_of),
    "Sequence[str]": ("list", list_of(str)),
    "Sequence[Symbol]": ("list", list_of(str)),
    "Sequence[int]": ("list", list_of(integer_of)),
    "Sequence[int | tuple[int, Date]]": ("list", list_of(integer_of)),
    "Sequence[Operation]": ("json", json_list_of),
    "Mapping[str, Any]": ("json", object_of),
    "Mapping[int, int]": ("json", object_of),
    "Any": ("json", json_or_text),
}


@attrs.frozen
class Argument:
    """
    An argument of a method.

    Attributes
    ----------
    kind : str
        What its value looks like: ``text``, ``time``, ``list``, ``json``, …
    read : callable or None
        Converts a text, or raises `ValueError`; None for a switch.
    is_optional : bool
        Whether it may be None or left out; without a default None has to be passed.
    """

    name: str
    kind: str
    read: Optional[Read]
    is_optional: bool
    has_default: bool
    default: Any
    help: str

    @property
    def is_secret(self) -> bool:
        """Whether it should not be visible on the screen, nor in an error."""
        return self.name in SECRETS


def arguments_of(method: Callable[..., Any]) -> Iterator[Argument]:
    """Yield the arguments of a method of a group of endpoints."""
    texts = parameter_texts(inspect.getdoc(method) or "")
    _, *parameters = inspect.signature(method).parameters.values()
    for parameter in parameters:
        if parameter.name in OMITTED:
            continue
        annotation = str(parameter.annotation)
        kind, read = kind_of(annotation)
        has_default = parameter.default is not parameter.empty
        yield Argument(
            parameter.name,
            kind,
            read,
            has_default or annotation.endswith(_OPTIONAL),
            has_default,
            parameter.default if has_default else None,
            texts.get(parameter.name, ""),
        )


def kind_of(annotation: str) -> tuple[str, Read | None]:
    """Return the kind of value of an annotation, and its reader."""
    plain = annotation.removesuffix(_OPTIONAL)
    if plain == _SWITCH:
        return "", None
    found = _KINDS.get(plain)
    if found is None:
        raise TypeError(f"the command line has no value for {annotation!r}")
    return found


def parameter_texts(doc: str) -> Dict[str, str]:
    """Return the text of each parameter in a docstring of numpydoc."""
    found: Dict[str, str] = {}
    names: List[str] = []
    section = ""
    lines = doc.splitlines()
    for line, following in zip(lines, [*lines[1:], ""]):
        if following.startswith("---"):
            section = line
        elif section != "Parameters" or line.startswith("---"):
            continue
        elif line and not line.startswith(" "):
            names = [name.strip() for name in line.partition(" : ")[0].split(",")]
        elif line:
            for name in names:
                found[name] = f"{found.get(name, '')} {plain_words(line)}".strip()
    return found


def plain_words(text: str) -> str:
    """Return a text in ASCII, without the marks of reStructuredText."""
    return text.strip().replace("`", "").replace("…", "...")
