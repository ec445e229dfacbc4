"""Why something is not done."""

from __future__ import annotations


class Invalid(Exception):
    """A request that makes no sense, whatever the account has."""

    def __init__(self, message: str, code: int = 10001) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class Declined(Exception):
    """An order that makes sense, and is refused: where several things are asked for, it alone."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
