"""What users pass: checked at their line, before anything is sent."""

from __future__ import annotations

import os
import ssl

from bfxsync._base.enums import Flag
from bfxsync._base.plain import plain_bool, plain_integer, plain_real
from bfxsync.errors import UsageError

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
    whole = plain_integer(flags)
    if whole is None or whole & ~_ALL_FLAGS:
        names = ", ".join(f"{flag.name} ({int(flag)})" for flag in Flag)
        raise UsageError(f"flags must be a sum of {names}, not {flags!r}")
    return whole


def check_bool(name: str, value: object) -> bool:
    """
    Return True or False.

    Raises
    ------
    UsageError
        It is neither: of something else, such as ``"no"``, the truth may be a surprise.
    """
    found = plain_bool(value)
    if found is None:
        raise UsageError(f"{name} must be True or False, not {value!r}")
    return found


def check_timeout(timeout: object, name: str = "timeout") -> float:
    """
    Return a number of seconds.

    Raises
    ------
    UsageError
        It is no number, not positive, or more than a day.
    """
    seconds = plain_real(timeout)
    # NaN is in no range.
    if seconds is not None and 0 < seconds <= MAX_TIMEOUT_S:
        return seconds
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
