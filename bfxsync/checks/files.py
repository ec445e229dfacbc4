"""Checks of file paths; unlike other checks they access the file system."""

from __future__ import annotations

import os
import ssl

from bfxsync._base.tls_contexts import tls_context
from bfxsync.errors import UsageError


def check_ca_bundle(path: object) -> str | None:
    """Return the path of an existing file of certificates; None is allowed."""
    if path is None:
        return None
    if not isinstance(path, (str, os.PathLike)) or not os.path.isfile(path):
        raise UsageError(f"ca_bundle must be the path of a file, not {path!r}")
    try:
        # The first connection uses the same context.
        tls_context(os.fspath(path))
    except ssl.SSLError as exc:
        raise UsageError(f"ca_bundle {path!r} contains no certificate") from exc
    return os.fspath(path)
