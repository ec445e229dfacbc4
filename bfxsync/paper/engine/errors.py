"""Errors for requests that the engine refuses."""

from __future__ import annotations

GENERIC, PARAMETERS = 10001, 10020


class Invalid(Exception):
    """A malformed request, regardless of the state of the account."""

    def __init__(self, message: str, code: int = GENERIC) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class Declined(Exception):
    """A well-formed order that is refused; other operations of the same request continue."""

    def __init__(self, text: str, code: int = GENERIC) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
