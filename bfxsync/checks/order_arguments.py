"""What users of signed endpoints pass: checked at their line, before anything is sent."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Callable, Mapping, TypeVar

from bfxsync._base.enums import OrderFlag
from bfxsync._base.numbers import PLACES, PRICE_DIGITS, plain_decimal
from bfxsync._base.numbers import round_price as rounded_price
from bfxsync._base.plain import plain_bool, plain_integer, plain_items, plain_text
from bfxsync.checks.arguments import check_choice, check_datetime, check_integer
from bfxsync.errors import UsageError

C = TypeVar("C")

WALLETS = ("exchange", "margin", "funding", "trading", "deposit")
"""The last two are older names of margin and funding."""

_IDS = range(1, 2**63)
_CIDS = range(0, 2**45)
_GIDS = range(0, 2**45)
_LEVERAGES = range(1, 101)

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def check_amount(name: str, value: object) -> str:
    """
    Return an amount as the text that is sent: not zero, and never with an exponent.

    Raises
    ------
    UsageError
        It is no finite number, or zero.
    """
    text = plain_decimal(value, name)
    if not Decimal(text):
        raise UsageError(f"{name} must not be zero")
    return text


def check_positive(name: str, value: object) -> str:
    """
    Return an amount that has no sign, as the text that is sent.

    Raises
    ------
    UsageError
        It is no finite number above zero.
    """
    text = plain_decimal(value, name)
    if Decimal(text) <= 0:
        raise UsageError(f"{name} must be above zero, not {text}")
    return text


def check_price(name: str, value: object, round_price: bool = False) -> str:
    """
    Return a price as the text that is sent.

    Parameters
    ----------
    name : str
    value : str, int, Decimal or float
    round_price : bool
        Round it to what the exchange takes (see `bfxsync._base.numbers.round_price`) instead of
        refusing.

    Raises
    ------
    UsageError
        It is no finite number, is negative, or has more digits than the exchange takes: it would
        cut them without a word.
    """
    text = plain_decimal(value, name)
    price = Decimal(text)
    if price < 0:
        raise UsageError(f"{name} must not be negative, and is {text}")
    rounded = rounded_price(text)
    if rounded == price:
        return text
    if not round_price:
        raise UsageError(
            f"{name} {text} has more than {PRICE_DIGITS} significant digits or "
            f"{PLACES} places; round_price=True makes {rounded:f} of it"
        )
    return format(rounded, "f")


def check_id(name: str, value: object) -> int:
    """
    Return an id of the exchange.

    Raises
    ------
    UsageError
        It is no positive integer.
    """
    return check_integer(name, value, _IDS)


def check_items(
    name: str, values: object, check: Callable[[str, object], C]
) -> list[C]:
    """
    Return the checked items of a list.

    Raises
    ------
    UsageError
        It is none, or empty (the exchange would take that for all), or an item is wrong.
    """
    found = None if isinstance(values, Mapping) else plain_items(values)
    if found is None:
        raise UsageError(f"{name} must be a list, not {values!r}")
    items = [check(name, value) for value in found]
    if not items:
        raise UsageError(f"{name} must not be empty")
    return items


def check_ids(name: str, values: object) -> list[int]:
    """
    Return a list of the exchange's ids.

    Raises
    ------
    UsageError
        It is none, or empty.
    """
    return check_items(name, values, check_id)


def check_cid(name: str, value: object) -> int:
    """
    Return an order's client id: 45 bits.

    Raises
    ------
    UsageError
        It is none.
    """
    return check_integer(name, value, _CIDS)


def check_gid(name: str, value: object) -> int:
    """
    Return the id of a group of orders: 45 bits.

    Raises
    ------
    UsageError
        It is none.
    """
    return check_integer(name, value, _GIDS)


def check_cid_date(name: str, value: object) -> str:
    """
    Return the UTC date of a client id as the exchange reads it: ``2026-01-31``.

    Raises
    ------
    UsageError
        It is neither such a text, nor a date, nor a datetime with a time zone.
    """
    if isinstance(value, datetime):
        return f"{check_datetime(name, value):%Y-%m-%d}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise UsageError(f"{name} must be a date such as '2026-01-31', not {value!r}")


def check_tif(name: str, value: object) -> str:
    """
    Return when an order ends by itself, as the exchange reads it: UTC, in whole seconds.

    Raises
    ------
    UsageError
        It is no datetime with a time zone.
    """
    if not isinstance(value, datetime):
        raise UsageError(
            f"{name} must be a datetime with a time zone, as in "
            f"datetime.now(timezone.utc) + timedelta(hours=1), not {value!r}"
        )
    moment = check_datetime(name, value)
    try:
        # Not cut: an order must not end before it was to.
        moment += timedelta(microseconds=-moment.microsecond % 1_000_000)
    except OverflowError:
        raise UsageError(f"{name} is out of range: {value!r}") from None
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def check_flags(name: str, value: object, allowed: OrderFlag = ~OrderFlag(0)) -> int:
    """
    Return the sum of `OrderFlag` values.

    Raises
    ------
    UsageError
        There is no such flag, or it is not allowed here.
    """
    known = 0
    for flag in OrderFlag:
        known |= int(flag & allowed)
    flags = plain_integer(value)
    if flags is None or flags & ~known:
        names = ", ".join(f"{f.name} ({int(f)})" for f in OrderFlag if f & allowed)
        raise UsageError(f"{name} must be a sum of {names}, not {value!r}")
    return flags


def check_leverage(name: str, value: object) -> int:
    """
    Return the leverage of a derivative: 1 to 100.

    Raises
    ------
    UsageError
        It is none.
    """
    return check_integer(name, value, _LEVERAGES)


def check_object(name: str, value: object) -> dict[str, Any]:
    """
    Return an object of JSON, whose names are texts.

    Raises
    ------
    UsageError
        It is none.
    """
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return dict(value)
    raise UsageError(f"{name} must be a dict with texts as keys, not {value!r}")


def check_text(name: str, value: object) -> str:
    """
    Return a text that is not empty.

    Raises
    ------
    UsageError
        It is none; the message leaves it out, as it may be a secret.
    """
    text = plain_text(value)
    if text is not None and text.strip():
        return text
    raise UsageError(f"{name} must be text that is not empty")


def check_switch(name: str, value: object) -> int:
    """
    Return 1 or 0, for True or False.

    Raises
    ------
    UsageError
        It is neither of these.
    """
    switch = plain_bool(value)
    whole = plain_integer(value) if switch is None else int(switch)
    if whole is not None and whole in (0, 1):
        return whole
    raise UsageError(f"{name} must be True or False, not {value!r}")


def check_wallet(name: str, value: object) -> str:
    """
    Return the name of a wallet.

    Raises
    ------
    UsageError
        There is no such wallet.
    """
    return check_choice(name, value, WALLETS)


def optional(check: Callable[..., C], name: str, value: object, *rest: Any) -> C | None:
    """Return what the check returns, or None for None."""
    return None if value is None else check(name, value, *rest)
