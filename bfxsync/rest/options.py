"""What a transport is made with: checked where it is made."""

from __future__ import annotations

from bfxsync.errors import UsageError
from bfxsync.ws.arguments import MAX_TIMEOUT_S


def check_timeouts(timeout: object) -> tuple[float, float, float]:
    """
    Return the seconds for connecting, for the longest silence, and for a whole call.

    Raises
    ------
    UsageError
        They are neither one number nor three.
    """
    if not isinstance(timeout, tuple):
        total_s = check_seconds("timeout", timeout)
        return total_s, total_s, total_s
    if len(timeout) != 3:
        raise UsageError(
            f"timeout must be one number, or (connect, read, total), not {timeout!r}"
        )
    connect_s, read_s, total_s = (check_seconds("timeout", part) for part in timeout)
    return connect_s, read_s, total_s


def check_seconds(name: str, value: object) -> float:
    """
    Return a number of seconds.

    Raises
    ------
    UsageError
        It is none, not positive, or more than a day.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # NaN is in no range.
        if 0 < value <= MAX_TIMEOUT_S:
            return float(value)
    raise UsageError(
        f"{name} must be a positive number of seconds, at most a day, not {value!r}"
    )


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
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise UsageError(f"{name} must be a positive integer, not {value!r}")
