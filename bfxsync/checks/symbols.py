"""Checks of pairs, funding currencies and plain currencies."""

from __future__ import annotations

import re
from typing import Callable

from bfxsync._base.plain import plain_text
from bfxsync.checks.containers import check_list
from bfxsync.checks.texts import check_pattern
from bfxsync.errors import UsageError

ALL = "ALL"

_SYMBOL = re.compile(r"t[A-Z0-9]{2,}(:[A-Z0-9]+)?|f[A-Z0-9]{2,}")
_CURRENCY = re.compile(r"[A-Z0-9]{2,}")
_PAY_CURRENCY = re.compile(r"[A-Z0-9]{2,}(-[A-Z0-9]{2,})*")


def check_symbol(symbol: object) -> str:
    """Return the symbol of a pair or a funding currency."""
    text = plain_text(symbol)
    if text is None:
        raise UsageError(
            f"symbol must be text such as 'tBTCUSD' or 'fUSD', not {symbol!r}"
        )
    if _SYMBOL.fullmatch(text):
        return text
    if _SYMBOL.fullmatch("t" + text):
        prefix = "f" if len(text) < 6 else "t"
        raise UsageError(
            f"symbol {text!r} has no prefix ('t' for pairs, 'f' for funding currencies): "
            f"did you mean {prefix + text!r}?"
        )
    raise UsageError(
        f"symbol must be 't' and a pair or 'f' and a currency in capitals, "
        f"such as 'tBTCUSD', 'tDOGE:USD' or 'fUSD', not {text!r}"
    )


def check_pair(symbol: object) -> str:
    """Return the symbol of a pair or a derivative, such as ``tBTCUSD`` or ``tBTCF0:USTF0``."""
    checked = check_symbol(symbol)
    if not checked.startswith("t"):
        raise UsageError(f"symbol must be that of a pair ('t…'), not {symbol!r}")
    return checked


def check_funding(symbol: object) -> str:
    """Return the symbol of a funding currency, such as ``fUSD``."""
    checked = check_symbol(symbol)
    if not checked.startswith("f"):
        raise UsageError(
            f"symbol must be that of a funding currency ('f…'), not {symbol!r}"
        )
    return checked


def check_symbols(
    name: str, symbols: object, check: Callable[[object], str] = check_symbol
) -> str:
    """Return a list of symbols separated by commas, or ``ALL`` for all."""
    if isinstance(symbols, str) and symbols == ALL:
        return ALL
    items = check_list(name, symbols, lambda symbol: _symbol_or_all(symbol, check))
    if items == [ALL]:
        return ALL
    return ",".join(map(check, items))


def _symbol_or_all(symbol: object, check: Callable[[object], str]) -> str:
    return ALL if isinstance(symbol, str) and symbol == ALL else check(symbol)


def check_optional_symbol(symbol: object, check: Callable[[object], str]) -> str | None:
    """Return what the check of a pair or a funding currency returns, or None for None."""
    return None if symbol is None else check(symbol)


def check_currency(name: str, currency: object) -> str:
    """Return a currency without prefix, such as ``USD`` or ``UST``."""
    expected = "be a currency in capitals such as 'USD'"
    return check_pattern(name, currency, _CURRENCY, expected)


def check_pay_currency(name: str, currency: object) -> str:
    """Return a payment currency, with its network where it has several: ``BTC``, ``UST-ETH``."""
    expected = "be a currency in capitals such as 'BTC' or 'UST-ETH'"
    return check_pattern(name, currency, _PAY_CURRENCY, expected)
