"""What merchants pass: checked at their line, before anything is sent."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping

from bfxsync._base.plain import plain_text
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

_PAY_CURRENCY = re.compile(r"[A-Z0-9]{2,}(-[A-Z0-9]{2,})*")


def check_pay_currency(name: str, value: object) -> str:
    """
    Return a currency in which can be paid: ``BTC``, ``UST-ETH``, ``LNX``.

    Raises
    ------
    UsageError
        It is none.
    """
    text = plain_text(value)
    if text is not None and _PAY_CURRENCY.fullmatch(text):
        return text
    raise UsageError(
        f"{name} must be a currency in capitals such as 'BTC' or 'UST-ETH', not {value!r}"
    )


def check_customer(name: str, value: object) -> Dict[str, Any]:
    """
    Return the object of a customer, as the exchange names its fields.

    Raises
    ------
    UsageError
        It is none, or something is missing; the message has nothing of it, as it is private.
    """
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise UsageError(f"{name} must be a dict with texts as keys")
    given = {key: item for key, item in value.items() if item is not None}
    for key in _CUSTOMER:
        text = given.get(key)
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"{name} must have {key!r}, a text that is not empty")
    return given
