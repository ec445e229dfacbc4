"""What users pass: checked at their line, before anything is sent."""

from __future__ import annotations

import os
import ssl

from bfxsync.errors import UsageError
from bfxsync.types import Flag

MAX_TIMEOUT_S = 86_400.0

_ALL_FLAGS = int(Flag.TIMESTAMP | Flag.SEQ_ALL | Flag.OB_CHECKSUM | Flag.BULK_UPDATES)


def check_flags(flags: object) -> int:
    """
    Return the sum of `Flag` values.

    Raises
    ------
    UsageError
        There is no such flag.
    """
    # bool is an int too, but certainly a mistake here.
    if isinstance(flags, bool) or not isinstance(flags, int) or flags & ~_ALL_FLAGS:
        names = ", ".join(f"{flag.name} ({int(flag)})" for flag in Flag)
        raise UsageError(f"flags must be a sum of {names}, not {flags!r}")
    return int(flags)


def check_timeout(timeout: object, name: str = "timeout") -> float:
    """
    Return a number of seconds.

    Raises
    ------
    UsageError
        It is no number, not positive, or more than a day.
    """
    if isinstance(timeout, (int, float)) and not isinstance(timeout, bool):
        # NaN is in no range.
        if 0 < timeout <= MAX_TIMEOUT_S:
            return float(timeout)
    raise UsageError(
        f"{name} must be a positive number of seconds, at most a day, not {timeout!r}"
    )


def check_ca_bundle(path: object) -> str | None:
    """
    Return the path of a file of certificates, or None.

    Raises
    ------
    UsageError
        There is no such file, or no certificate in it.
    """
    if path is None:
        return None
    if not isinstance(path, (str, os.PathLike)) or not os.path.isfile(path):
        raise UsageError(f"ca_bundle must be the path of a file, not {path!r}")
    try:
        ssl.create_default_context(cafile=os.fspath(path))
    except ssl.SSLError as exc:
        raise UsageError(f"ca_bundle {path!r} holds no certificate") from exc
    return os.fspath(path)
