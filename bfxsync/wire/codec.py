"""
JSON in and out.

Strategy: one function for each direction, chosen once when a client is made. `orjson` is used
when it is installed and numbers are floats, else the standard library. Both give the same values
for finite JSON of sane depth. What only one of them would accept (NaN, Infinity) is refused by
both; three things are left alone because a check would cost something for every frame: the
standard library reads ``1e400`` as infinity (a model refuses it only when it looks closely),
accepts lone surrogates in text, and keeps integers beyond 64 bits (refused in integer fields).
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Callable

from bfxsync._base.aliases import NumberType
from bfxsync._base.numbers import READERS_OF, number_text
from bfxsync.errors import RemoteError, UsageError

try:
    import orjson
except ImportError:  # the extra "speed" is not installed
    orjson = None  # type: ignore[assignment]

__all__ = ["LOADS_ERRORS", "Loads", "dumps", "loads_for", "number_text", "parse"]

Loads = Callable[[bytes], Any]

# What `loads` may raise; orjson's and json's errors are both ValueErrors, and an exponent that
# is beyond Decimal is an ArithmeticError.
LOADS_ERRORS = (ValueError, RecursionError, ArithmeticError)


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


# json.loads builds a decoder at every call that has options; these are made once.
_decode_floats = json.JSONDecoder(parse_constant=_refuse_constant).decode
_decode_decimals = json.JSONDecoder(
    parse_float=READERS_OF[Decimal], parse_constant=_refuse_constant
).decode


def _loads_floats(data: bytes) -> Any:
    return _decode_floats(_text(data))


def _loads_decimals(data: bytes) -> Any:
    return _decode_decimals(_text(data))


def _text(data: bytes) -> str:
    # A binary message is of a class of its own; orjson refuses it as well.
    if type(data) is not bytes:
        raise ValueError(f"{type(data).__name__} is no text")
    return data.decode()


def loads_for(number: NumberType = float) -> Loads:
    """
    Return the function that reads UTF-8 JSON with this type for numbers with a fraction.

    Integers stay `int` in both; the models make a `Decimal` of those in number fields.
    """
    if number is Decimal:
        return _loads_decimals
    if number is not float:
        raise UsageError(f"numbers must be float or decimal.Decimal, not {number!r}")
    return orjson.loads if orjson is not None else _loads_floats


def parse(loads: Loads, data: bytes) -> Any:
    """
    Read one message.

    Raises
    ------
    RemoteError
        It is no JSON; `raw` holds its beginning.
    """
    try:
        return loads(data)
    except LOADS_ERRORS as exc:
        raise RemoteError(f"unreadable JSON: {exc}", raw=data[:1000]) from exc


def dumps(value: Any) -> str:
    """Write compact JSON; amounts and prices are text by then, so there is no float here."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
