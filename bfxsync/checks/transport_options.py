"""What a transport is made with: checked where it is made."""

from __future__ import annotations

from bfxsync._base.plain import plain_integer, plain_text
from bfxsync.checks.options import check_timeout
from bfxsync.errors import UsageError


def check_timeouts(
    timeout: object, name: str = "timeout"
) -> tuple[float, float, float]:
    """
    Return the seconds for connecting, for the longest silence, and for a whole call.

    Raises
    ------
    UsageError
        They are neither one number nor three.
    """
    if not isinstance(timeout, tuple):
        total_s = check_seconds(name, timeout)
        return total_s, total_s, total_s
    if len(timeout) != 3:
        raise UsageError(
            f"{name} must be one number, or (connect, read, total), not {timeout!r}"
        )
    connect_s, read_s, total_s = (check_seconds(name, part) for part in timeout)
    return connect_s, read_s, total_s


def check_seconds(name: str, value: object) -> float:
    """
    Return a number of seconds.

    Raises
    ------
    UsageError
        It is none, not positive, or more than a day.
    """
    return check_timeout(value, name)


def check_on_limit(value: object) -> str:
    """
    Return what is done when a limit is reached: ``wait`` or ``raise``.

    Raises
    ------
    UsageError
        It is neither.
    """
    text = plain_text(value)
    if text not in ("wait", "raise"):
        raise UsageError(f"on_limit must be 'wait' or 'raise', not {value!r}")
    return text


def check_count(name: str, value: object, default: int | None = None) -> int:
    """
    Return a positive integer; the default, if there is one, for None.

    Raises
    ------
    UsageError
        It is none.
    """
    if value is None and default is not None:
        return default
    whole = plain_integer(value)
    if whole is not None and whole > 0:
        return whole
    raise UsageError(f"{name} must be a positive integer, not {value!r}")
