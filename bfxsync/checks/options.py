"""Checks of switches, flags and the options of clients and subscriptions."""

from __future__ import annotations

from enum import IntFlag

from bfxsync._base.enums import Flag, OrderFlag, Policy
from bfxsync._base.plain import plain_bool, plain_integer, plain_text
from bfxsync.errors import UsageError

MIN_MAILBOX_SIZE = 3
"""Room for a gap and what follows it."""

MAX_CLOSE_REASON = 123

_CLOSE_CODES = (range(1000, 1004), range(1007, 1012), range(3000, 5000))


def check_bool(name: str, value: object) -> bool:
    """Return True or False; other values are refused, as ``"no"`` would count as true."""
    found = plain_bool(value)
    if found is None:
        raise UsageError(f"{name} must be True or False, not {value!r}")
    return found


def check_switch(name: str, value: object) -> int:
    """Return 1 or 0 for True, False, 1 or 0."""
    switch = plain_bool(value)
    whole = plain_integer(value) if switch is None else int(switch)
    if whole is not None and whole in (0, 1):
        return whole
    raise UsageError(f"{name} must be True or False, not {value!r}")


def check_switch_as_bool(name: str, value: object) -> bool:
    """Return True or False for True, False, 1 or 0."""
    return bool(check_switch(name, value))


def check_flags(flags: object) -> int:
    """Return a sum of `Flag` values."""
    return _sum_of("flags", flags, list(Flag))


def check_order_flags(
    name: str, value: object, allowed: OrderFlag = ~OrderFlag(0)
) -> int:
    """Return a sum of allowed `OrderFlag` values."""
    return _sum_of(name, value, [flag for flag in OrderFlag if flag & allowed])


def _sum_of(name: str, value: object, allowed: list[IntFlag]) -> int:
    # bool is an int too, but certainly a mistake here.
    whole = plain_integer(value)
    if whole is None or whole & ~sum(allowed):
        names = ", ".join(f"{flag.name} ({int(flag)})" for flag in allowed)
        raise UsageError(f"{name} must be a sum of {names}, not {value!r}")
    return whole


def check_on_limit(value: object) -> str:
    """Return the behaviour at a rate limit: ``wait`` or ``raise``."""
    text = plain_text(value)
    if text not in ("wait", "raise"):
        raise UsageError(f"on_limit must be 'wait' or 'raise', not {value!r}")
    return text


def check_mailbox_size(size: object) -> int:
    """Return the capacity of a mailbox, in updates."""
    whole = plain_integer(size)
    if whole is None or whole < MIN_MAILBOX_SIZE:
        raise UsageError(
            f"mailbox_size must be an integer of at least {MIN_MAILBOX_SIZE}, not {size!r}"
        )
    return whole


def check_farewell(code: object, reason: object) -> tuple[int, str]:
    """Return code and reason for a client's close frame (RFC 6455, section 7.4)."""
    whole, text = plain_integer(code), plain_text(reason)
    if whole is None or not any(whole in codes for codes in _CLOSE_CODES):
        raise UsageError(
            "code must be one of 1000-1003, 1007-1011 and 3000-4999, which a client may send, not "
            f"{code!r}"
        )
    try:
        if text is not None and len(text.encode()) <= MAX_CLOSE_REASON:
            return whole, text
    except UnicodeEncodeError:
        pass
    raise UsageError(
        f"reason must be text of at most {MAX_CLOSE_REASON} bytes in UTF-8, not {reason!r}"
    )


def check_policy(policy: object) -> Policy:
    """Return the policy for a full mailbox."""
    try:
        return Policy(policy)
    except ValueError:
        names = ", ".join(repr(item.value) for item in Policy)
        raise UsageError(f"policy must be one of {names}, not {policy!r}") from None
