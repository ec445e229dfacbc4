"""Removes secrets from the text of messages, for recordings and logs."""

from __future__ import annotations

import re

REDACTED = "***"

# Some clients send their secret with the authentication.
_SECRETS = (
    "apiKey",
    "apiSecret",
    "authNonce",
    "authPayload",
    "authSig",
    "token",
)

# Applied to the text, so that everything else is unchanged, even in invalid JSON.
_SECRET = (
    r'(?s)("(?:' + "|".join(_SECRETS) + r')"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}\]]+)'
)


def redact(text: str) -> str:
    """Return a message with its secret values replaced."""
    return re.sub(_SECRET, rf'\1"{REDACTED}"', text)
