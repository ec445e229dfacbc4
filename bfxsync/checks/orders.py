"""Checks of an order's flags and meta, and of the keyword arguments that set them."""

from __future__ import annotations

from typing import Any, Mapping

from bfxsync._base.enums import OrderFlag
from bfxsync.checks.options import check_bool, check_switch_as_bool
from bfxsync.errors import UsageError

FLAG_SWITCHES = {
    "hidden": OrderFlag.HIDDEN,
    "post_only": OrderFlag.POST_ONLY,
    "reduce_only": OrderFlag.REDUCE_ONLY,
    "close": OrderFlag.CLOSE,
}
"""Arguments that set a flag of an order."""

META_SWITCHES = ("make_visible", "protect_selfmatch")
"""Arguments that set a field of an order's meta."""

_EXCHANGE = "EXCHANGE "
_TAKING = ("MARKET", "STOP", "TRAILING STOP", "FOK", "IOC")
_OF_POSITIONS = ("reduce_only", "close")


def check_flag_switches(
    flags: int | None, given: Mapping[str, object], is_change: bool = False
) -> int | None:
    """
    Return the sum of the flags and of the switches that are True.

    A switch that is False contradicts its flag. An update replaces all flags of the order, so it
    refuses False without `flags`.
    """
    total, switches = flags, _checked(given)
    for name, is_on in switches.items():
        flag = FLAG_SWITCHES[name]
        if is_on:
            total = (total or 0) | int(flag)
        elif (flags or 0) & flag:
            raise UsageError(f"{name}=False contradicts {flag.name} in flags")
    if is_change and switches and total is None:
        raise UsageError(
            f"{next(iter(switches))} must not be False without flags: an update replaces all flags "
            "of an order, so pass the sum of the flags to keep, or 0"
        )
    return total


def check_meta_switches(
    meta: Mapping[str, Any] | None, given: Mapping[str, object], is_change: bool = False
) -> dict[str, Any] | None:
    """Return the meta with the switches; False is sent only in an update."""
    fields: dict[str, Any] = dict(meta or {})
    for name, is_on in _checked(given).items():
        if name in fields:
            if check_switch_as_bool(f"{name} in meta", fields[name]) is not is_on:
                raise UsageError(
                    f"{name}={is_on} contradicts {name} in meta, which is {fields[name]!r}"
                )
        elif is_on or is_change:
            fields[name] = int(is_on)
    return fields if fields or meta is not None else None


def _checked(given: Mapping[str, object]) -> dict[str, bool]:
    return {
        name: check_bool(name, value)
        for name, value in given.items()
        if value is not None
    }


def check_flags_of_type(kind: str, flags: int | None) -> None:
    """Raise `UsageError` for flags that contradict the type of a new order."""
    found = OrderFlag(flags or 0)
    if found & OrderFlag.POST_ONLY and kind.replace(_EXCHANGE, "") in _TAKING:
        raise UsageError(
            f"post_only must not be set for a {kind} order, which takes liquidity"
        )
    for name in _OF_POSITIONS:
        if found & FLAG_SWITCHES[name] and kind.startswith(_EXCHANGE):
            raise UsageError(
                f"{name} must not be set for an {kind} order: only margin and derivatives orders "
                "have a position"
            )
