"""
JSON decoding and encoding.

Strategy: the decoder is chosen once for each client: `orjson` if it is installed and numbers are
floats, else the standard library. Both give the same values for finite JSON of moderate depth, and
both refuse NaN and Infinity. Three differences remain, as a check would cost time for every frame:
the standard library reads ``1e400`` as infinity (models refuse it only in checked fields), accepts
lone surrogates in text, and keeps integers beyond 64 bits (refused in integer fields).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Callable

from bfxsync._base.aliases import NumberType
from bfxsync._base.hidden import HiddenInt
from bfxsync._base.numbers import READERS_OF, number_text, plain_decimal
from bfxsync._base.plain import narrow_float_text, plain_bool, plain_integer
from bfxsync.errors import RemoteError, UsageError

try:
    import orjson
except ImportError:  # the extra "speed" is not installed
    orjson = None  # type: ignore[assignment]

__all__ = [
    "LOADS_ERRORS",
    "Loads",
    "are_texts",
    "dumps",
    "loads_for",
    "loads_many",
    "number_text",
    "parse",
    "parse_many",
    "plain_json",
]

Loads = Callable[[bytes], Any]

# Errors of decoders: those of orjson and json are ValueErrors, and an exponent beyond the range
# of Decimal raises an ArithmeticError.
LOADS_ERRORS = (ValueError, RecursionError, ArithmeticError)


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


# Number of messages from which joining them is faster with orjson; with the standard library it is
# two.
_MANY = 8

# Without the class of binary messages.
_TEXTS = {bytes}

# Created once, as json.loads with options creates a decoder at every call.
_decode_floats = json.JSONDecoder(parse_constant=_refuse_constant).decode
_decode_decimals = json.JSONDecoder(
    parse_float=READERS_OF[Decimal], parse_constant=_refuse_constant
).decode

# Likewise, as json.dumps with options creates an encoder.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _loads_floats(data: bytes) -> Any:
    return _decode_floats(_text(data))


def _loads_decimals(data: bytes) -> Any:
    return _decode_decimals(_text(data))


def _text(data: bytes) -> str:
    # Refuses the class of binary messages, as orjson does.
    if type(data) is not bytes:
        raise ValueError(f"{type(data).__name__} is not text")
    return data.decode()


def loads_for(number: NumberType = float) -> Loads:
    """
    Return a decoder of UTF-8 JSON that returns non-integer numbers as this type.

    Integers stay `int`; models convert those in number fields to `Decimal`.
    """
    if number is Decimal:
        return _loads_decimals
    if number is not float:
        raise UsageError(f"numbers must be float or decimal.Decimal, not {number!r}")
    return orjson.loads if orjson is not None else _loads_floats


def loads_many(loads: Loads, messages: list[bytes]) -> list[Any]:
    """
    Decode messages; raise one of `LOADS_ERRORS`, or TypeError, if one of them is not JSON.

    Many messages are joined into one array, which saves a call for each: most of the time with the
    standard library, and a sixth with orjson. The number of values must be that of the messages. A
    message that completes another broken one is not noticed, but a server that sends such messages
    may as well send wrong numbers. No string continues in the next message, as it would contain a
    line break.
    """
    if len(messages) < _MANY:
        return list(map(loads, messages))
    if not are_texts(messages):
        raise ValueError("a binary message")
    values: list[Any] = loads(b"[%b]" % b",\n".join(messages))
    if len(values) != len(messages):
        raise ValueError("a message is not one value")
    return values


def are_texts(messages: list[bytes]) -> bool:
    """Return whether no message is binary."""
    return set(map(type, messages)) == _TEXTS


def parse(loads: Loads, data: bytes) -> Any:
    """Decode one message; raise `RemoteError` with its start as `raw` if it is not JSON."""
    try:
        return loads(data)
    except LOADS_ERRORS as exc:
        raise RemoteError(f"unreadable JSON: {exc}", raw=data[:1000]) from exc


def parse_many(
    loads: Loads, messages: list[bytes]
) -> tuple[list[Any], list[RemoteError]]:
    """Decode messages; an unreadable one gives its error, which is also in the second list."""
    try:
        return loads_many(loads, messages), []
    except LOADS_ERRORS:
        pass
    values: list[Any] = []
    errors = []
    for message in messages:
        try:
            values.append(parse(loads, message))
        except RemoteError as exc:
            values.append(exc)
            errors.append(exc)
    return values, errors


def dumps(value: Any) -> str:
    """Encode compact JSON; amounts and prices are text already, so there are no floats."""
    return _encode(value)


def plain_json(value: object) -> Any:
    """Return numbers that JSON might write with an exponent as text, and only plain types."""
    if value is None or isinstance(value, (bool, str, HiddenInt)):
        return value
    if isinstance(value, Mapping):
        return {name: plain_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    switch = plain_bool(value)
    whole = plain_integer(value) if switch is None else switch
    if whole is not None:
        return whole
    if isinstance(value, (float, Decimal)) or narrow_float_text(value) is not None:
        return plain_decimal(value, "a number of the body")
    return value
