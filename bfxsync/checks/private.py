"""Checks of private values: error messages never contain them."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping

from bfxsync._base.plain import plain_text
from bfxsync.errors import UsageError

_TOKEN = re.compile(r"\S+")


def check_token(name: str, value: object) -> str:
    """Return a text without blanks: an address, an invoice, a method."""
    text = plain_text(value)
    if text is not None and _TOKEN.fullmatch(text):
        return text
    raise UsageError(f"{name} must be text without blanks, and not empty")


def check_tfa(name: str, value: object) -> Dict[str, Any]:
    """Return the object of a second factor: a dict with texts as keys, not empty."""
    if (
        isinstance(value, Mapping)
        and value
        and all(isinstance(key, str) for key in value)
    ):
        return {key: item for key, item in value.items() if item is not None}
    raise UsageError(f"{name} must be a dict with texts as keys, and not empty")
