"""Rates of funding by day and by year."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any, TypeVar, overload

from bfxsync._base.numbers import decimal_of, own_context, plain_decimal
from bfxsync.checks.options import check_bool
from bfxsync.errors import UsageError

N = TypeVar("N", float, Decimal)

_CONTEXT = own_context(34)
_DAYS = 365
_ONE = Decimal(1)


@overload
def yearly_rate(daily: N, *, compounded: bool = False) -> N: ...
@overload
def yearly_rate(daily: str, *, compounded: bool = False) -> Decimal: ...


def yearly_rate(daily: Any, *, compounded: bool = False) -> Any:
    """
    Return the rate per year of a rate per day, both as fractions: 0.0002 a day is 0.073 a year.

    The exchange multiplies by 365, and so does this. Its fee on earned interest is not deducted.
    https://docs.bitfinex.com/reference/rest-public-funding-stats

    Parameters
    ----------
    daily : float, Decimal or str
        Such as the rate of an offer, a trade, or the flash return rate of a `FundingTicker`.
    compounded : bool
        True: with interest on interest, which is paid once a day and lent again at the same rate.

    Returns
    -------
    float or Decimal
        A Decimal for a Decimal or text.
    """
    is_compounded = check_bool("compounded", compounded)
    exact = _rate("daily", daily, is_compounded)
    with localcontext(_CONTEXT):
        found = (1 + exact) ** _DAYS - 1 if is_compounded else exact * _DAYS
    return float(found) if isinstance(daily, float) else found


@overload
def daily_rate(yearly: N, *, compounded: bool = False) -> N: ...
@overload
def daily_rate(yearly: str, *, compounded: bool = False) -> Decimal: ...


def daily_rate(yearly: Any, *, compounded: bool = False) -> Any:
    """Return the rate per day of a rate per year; the reverse of `yearly_rate`."""
    is_compounded = check_bool("compounded", compounded)
    exact = _rate("yearly", yearly, is_compounded)
    with localcontext(_CONTEXT):
        if is_compounded:
            found = (1 + exact) ** (_ONE / _DAYS) - 1
        else:
            found = exact / _DAYS
    return float(found) if isinstance(yearly, float) else found


def _rate(name: str, value: Any, is_compounded: bool) -> Decimal:
    exact = decimal_of(plain_decimal(value, name))
    if is_compounded and exact <= -1:
        raise UsageError(f"{name} must be above -1, not {value!r}")
    return exact
