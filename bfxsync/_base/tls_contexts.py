"""TLS contexts of WebSocket connections, by their certificate authorities."""

from __future__ import annotations

import os
import ssl
from typing import Dict, Optional, Tuple

# By path, with the state of the file: reading the system's certificate authorities takes longer
# than the rest of connecting.
_contexts: Dict[Optional[str], Tuple[object, ssl.SSLContext]] = {}


def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """Return the TLS context for these certificate authorities, cached until their file changes."""
    # An environment variable of websocket-client.
    path = ca_bundle or os.environ.get("WEBSOCKET_CLIENT_CA_BUNDLE") or None
    state = _state_of(path or ssl.get_default_verify_paths().cafile)
    known = _contexts.get(path)
    if known is not None and known[0] == state is not None:
        return known[1]
    # The certificate checks of urllib3 and websocket-client, the same on every Python version: the
    # stricter checks since 3.13 refuse the private authorities of many companies.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if path is None:
        context.load_default_certs()
    elif os.path.isdir(path):
        context.load_verify_locations(capath=path)
    else:
        context.load_verify_locations(path)
    _contexts[path] = state, context
    return context


def _state_of(path: str | None) -> object:
    """Return a value that changes whenever the file does; None if the file cannot be found."""
    try:
        found = os.stat(path or "")
    except OSError:
        return None
    return path, found.st_ino, found.st_mtime_ns, found.st_size
