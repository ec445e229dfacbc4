"""
Checks of pairs, funding currencies and plain currencies.

Strategy: one syntactic rule, applied in this order, without the exchange's lists. ``t…`` and ``f…``
in capitals are not changed. ``A/B`` in capitals becomes ``tAB``, or ``tA:B`` if a leg has more than
three letters. Six letters in any case become ``t`` and capitals. Everything else is refused, with a
suggestion if one is likely. Only suggestions translate names (``USDT`` to ``UST``) or guess where a
leg ends.
"""

from __future__ import annotations

import re
from typing import Callable, Iterator

from bfxsync._base.guesses import did_you_mean
from bfxsync._base.plain import plain_text
from bfxsync.checks.containers import check_list
from bfxsync.checks.texts import check_pattern
from bfxsync.errors import UsageError

ALL = "ALL"

_SYMBOL = re.compile(r"t[A-Z0-9]{2,}(:[A-Z0-9]+)?|f[A-Z0-9]{2,}")
_LEGS = re.compile(r"([A-Z0-9]{2,})/([A-Z0-9]{2,})")
_SIX_LETTERS = re.compile(r"[A-Za-z]{6}")
_CURRENCY = r"[A-Z0-9]{2,}"
_PAY_CURRENCY = r"[A-Z0-9]{2,}(-[A-Z0-9]{2,})*"

# Common names that the exchange does not list, and the exchange's names (pub:map:currency:sym).
_CODES = {
    "ALGO": "ALG",
    "ATOM": "ATO",
    "DASH": "DSH",
    "EURT": "EUT",
    "IOTA": "IOT",
    "MANA": "MNA",
    "QTUM": "QTM",
    "TUSD": "TSD",
    "USDC": "UDC",
    "USDT": "UST",
}

# Spellings of a pair: with any separator, without one, or as two legs of three letters.
_QUOTES = "TESTUSDT|TESTUSD|USTF0|BTCF0|USDT|USDC|CNHT|USD|UST|EUR|GBP|JPY|BTC|ETH"
_PAIRS = (
    r"([A-Z0-9]{3,})[^A-Z0-9,]+(?!P\d+$)([A-Z0-9]{3,})",
    rf"([A-Z0-9]{{3,}}?)({_QUOTES})",
    r"([A-Z]{3})([A-Z]{3})",
)
_MOST_FUNDING = 5

# In "TBTCUSD" as well, but neither in "TRUMPUSD" nor in "testbtc/testusd".
_PREFIXED = r"(?!test)[tf]|T[A-Z]{6}$"


def find_symbol(text: str) -> str | None:
    """Return the symbol for a text according to the rule above, or None."""
    if _SYMBOL.fullmatch(text):
        return text
    legs = _LEGS.fullmatch(text)
    if legs and _CODES.keys().isdisjoint(legs.groups()):
        return _joined(*legs.groups())
    return "t" + text.upper() if _SIX_LETTERS.fullmatch(text) else None


def propose_symbol(text: str, kinds: str = "tf") -> str | None:
    """Return the pair (``t``) or funding symbol (``f``) that was probably meant, or None."""
    if "t" in kinds:
        for pattern in _PAIRS:
            for name in _names(text, "t"):
                legs = re.fullmatch(pattern, name)
                if legs:
                    return _joined(*(_CODES.get(leg, leg) for leg in legs.groups()))
    if "f" in kinds:
        for name in _names(text, "f"):
            if re.fullmatch(_CURRENCY, name) and 3 <= len(name) <= _MOST_FUNDING:
                return "f" + _CODES.get(name, name)
    return None


def _joined(base: str, quote: str) -> str:
    colon = ":" if max(len(base), len(quote)) > 3 else ""
    return f"t{base}{colon}{quote}"


def _names(text: str, prefix: str) -> Iterator[str]:
    """Yield a text in capitals: first without its prefix, if it may have one, then whole."""
    text = text.strip()
    capitals = text.upper()
    if re.match(_PREFIXED, text) and capitals.startswith(prefix.upper()):
        yield capitals[1:]
    yield capitals


def check_symbol(symbol: object) -> str:
    """Return the symbol of a pair or a funding currency."""
    return _check(symbol, "tf")


def check_pair(symbol: object) -> str:
    """Return the symbol of a pair or a derivative, such as ``tBTCUSD`` or ``tBTCF0:USTF0``."""
    checked = _check(symbol, "t")
    if not checked.startswith("t"):
        raise UsageError(f"symbol must be that of a pair ('t…'), not {symbol!r}")
    return checked


def check_funding(symbol: object) -> str:
    """Return the symbol of a funding currency, such as ``fUSD``."""
    checked = _check(symbol, "f")
    if not checked.startswith("f"):
        raise UsageError(
            f"symbol must be that of a funding currency ('f…'), not {symbol!r}"
        )
    return checked


def _check(symbol: object, kinds: str) -> str:
    text = plain_text(symbol)
    if text is None:
        raise UsageError(
            f"symbol must be text such as 'tBTCUSD' or 'fUSD', not {symbol!r}"
        )
    found = find_symbol(text)
    if found is None:
        meant = propose_symbol(text, kinds)
        raise UsageError(
            "symbol must be 't' and a pair or 'f' and a currency in capitals, such as "
            f"'tBTCUSD', 'tDOGE:USD' or 'fUSD', or 'BTC/USD', not {text!r}"
            + did_you_mean(meant and repr(meant))
        )
    return found


def check_symbols(
    name: str, symbols: object, check: Callable[[object], str] = check_symbol
) -> str:
    """Return symbols joined by commas; ``ALL`` is allowed."""
    if isinstance(symbols, str) and symbols == ALL:
        return ALL
    items = check_list(name, symbols, lambda symbol: _symbol_or_all(symbol, check))
    if items == [ALL]:
        return ALL
    return ",".join(map(check, items))


def _symbol_or_all(symbol: object, check: Callable[[object], str]) -> str:
    return ALL if isinstance(symbol, str) and symbol == ALL else check(symbol)


def check_optional_symbol(symbol: object, check: Callable[[object], str]) -> str | None:
    """Apply a check of symbols, unless the symbol is None."""
    return None if symbol is None else check(symbol)


def check_currency(name: str, currency: object) -> str:
    """Return a currency, such as ``USD`` or ``UST``, without prefix."""
    text = plain_text(currency)
    if text is not None and re.fullmatch(_CURRENCY, text):
        return text
    proposal = propose_symbol(text or "", "f")
    raise UsageError(
        f"{name} must be a currency in capitals such as 'USD', not {currency!r}"
        + did_you_mean(proposal and repr(proposal[1:]))
    )


def check_pay_currency(name: str, currency: object) -> str:
    """Return a payment currency, with its network where it has several: ``BTC``, ``UST-ETH``."""
    expected = "be a currency in capitals such as 'BTC' or 'UST-ETH'"
    return check_pattern(name, currency, _PAY_CURRENCY, expected)
