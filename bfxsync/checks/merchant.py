"""Checks of the arguments of Bitfinex Pay."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Mapping, Sequence

from bfxsync._base.numbers import plain_decimal
from bfxsync._base.plain import plain_bool, plain_integer, plain_text
from bfxsync.checks.containers import check_items
from bfxsync.checks.texts import check_pattern, check_token
from bfxsync.errors import UsageError

STATUSES = ("CREATED", "PENDING", "COMPLETED", "EXPIRED")

_CUSTOMER = (
    "nationality",
    "residCountry",
    "residCity",
    "residZipCode",
    "residStreet",
    "fullName",
    "email",
)

_SETTING_KEY = r"bfx_pay_[a-z0-9_]+"


def check_customer(name: str, value: object) -> dict[str, Any]:
    """Return a customer with the exchange's field names; messages do not contain the values."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise UsageError(f"{name} must be a dict with texts as keys")
    given = {key: item for key, item in value.items() if item is not None}
    for key in _CUSTOMER:
        text = given.get(key)
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"{name} must have {key!r}, a non-empty text")
    return given


def check_pay_setting_key(name: str, value: object) -> str:
    """Return the name of a setting: ``bfx_pay_preferred_fiat``."""
    expected = "look like 'bfx_pay_preferred_fiat'"
    return check_pattern(f"a name in {name}", value, _SETTING_KEY, expected)


def check_pay_setting(name: str, value: object) -> Any:
    """Return the value of a setting: text or a number; True and False become 1 and 0."""
    switch = plain_bool(value)
    whole = plain_integer(value) if switch is None else int(switch)
    if whole is not None:
        return whole
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, (float, Decimal)):
        return plain_decimal(value, name)
    raise UsageError(f"{name} must be text, a number, True or False, not {value!r}")


def check_private_items(name: str, values: object) -> list[str]:
    """Return a list of texts without blanks; messages do not contain them."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise UsageError(f"{name} must be a list of texts")
    return check_items(name, values, check_token)
