"""Checks of texts and of values from a fixed set."""

from __future__ import annotations

import re
from typing import Sequence

from bfxsync._base.plain import plain_text
from bfxsync.errors import UsageError

WALLETS = ("exchange", "margin", "funding", "trading", "deposit")
"""The last two are old names of margin and funding."""

# A text of dots only would mean another path.
_NICKNAME = r"(?!\.+$)[A-Za-z0-9_.-]+"


def check_choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """Return the text if it is one of those allowed."""
    if isinstance(value, str) and value in allowed:
        # A `str` enum may be formatted as its name.
        return allowed[allowed.index(value)]
    raise UsageError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def check_pattern(name: str, value: object, pattern: str, expected: str) -> str:
    """Return a text that matches the whole pattern; the message says "must {expected}"."""
    text = plain_text(value)
    if text is not None and re.fullmatch(pattern, text):
        return text
    raise UsageError(f"{name} must {expected}, not {value!r}")


def check_text(name: str, value: object) -> str:
    """Return a non-blank text; it may be a secret and is not part of the message."""
    text = plain_text(value)
    if text is not None and text.strip():
        return text
    raise UsageError(f"{name} must be non-empty text")


def check_token(name: str, value: object) -> str:
    """Return a text without blanks (an address, an invoice, a method); may be a secret."""
    text = plain_text(value)
    if text is not None and text.split() == [text]:
        return text
    raise UsageError(f"{name} must be non-empty text without blanks")


def check_wallet(name: str, value: object) -> str:
    """Return the name of a wallet."""
    return check_choice(name, value, WALLETS)


def check_nickname(nickname: object) -> str:
    """Return a nickname that needs no escaping in a path."""
    expected = "consist of letters, digits, '_', '-' and '.'"
    return check_pattern("nickname", nickname, _NICKNAME, expected)
