"""
The clients of a notebook, by name.

Strategy: a cell that is run again must find its client, whatever has become of the variable, and
IPython keeps old results in `Out`. So the clients are kept here, beside what they were created
with: of texts, which may be secrets, and numbers only a hash with a key of this process.
"""

from __future__ import annotations

import os
import secrets
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Dict, Mapping, NamedTuple, Tuple

from bfxsync._base.cells import shell
from bfxsync._base.hidden import hide
from bfxsync._base.numbers import EXACT, decimal_of
from bfxsync._base.plain import plain_bool, plain_real, plain_text
from bfxsync.checks.options import check_bool
from bfxsync.client import Client
from bfxsync.errors import UsageError
from bfxsync.notebook.cells import CELLS
from bfxsync.ws.client import WebSocketClient

_HASH_KEY = secrets.token_bytes(32)

# What `Client` reads if the argument is missing.
_ENVIRONMENT = {
    "api_key": "BFX_API_KEY",
    "api_secret": "BFX_API_SECRET",
    "rest_host": "BFX_REST_HOST",
    "wss_host": "BFX_WSS_HOST",
}

_SECRET = {"api_key", "api_secret", "auth_token", "credentials", "proxy"}
_PLAIN = {
    name
    for each in (Client, WebSocketClient)
    for name in vars(each)["__init__"].__kwdefaults__
    if name not in _SECRET
}

Arguments = Dict[str, Tuple[bytes, Tuple[object, ...]]]
"""By name: a hash of the plain parts of the value, and its other parts, compared by identity."""


class _Named(NamedTuple):
    arguments: Arguments
    client: Client


_clients: Dict[str, _Named] = {}


def client(name: str = "main", /, *, paper: bool = False, **options: Any) -> Client:
    """
    Return the client of this name: the living one if it has the same arguments, or a new one.

    So a cell that is run again keeps its client, with all subscriptions of other cells. With other
    arguments, or another key or host in the environment, the earlier client is closed. Functions
    and other objects are the same if they are identical: a function that the cell defines is
    another one each time. Only in notebooks: `Client` itself closes no other client.

    Subscriptions and event handlers that a cell has made end as it is run again.

    Parameters
    ----------
    name : str
    paper : bool
        A client of a local exchange, see `Client.paper`.
    **options
        All arguments of `Client`, by name.

    Raises
    ------
    UsageError
        Invalid argument, or not in IPython. An earlier client goes on.
    """
    # First, so that no traceback shows them: also a misspelled argument may be a secret.
    options = {
        key: value if key in _PLAIN else hide(value) for key, value in options.items()
    }
    text = plain_text(name)
    if not text:
        raise UsageError(f"name must be text, not {name!r}")
    check_bool("paper", paper)
    found_shell = shell()
    if found_shell is None:
        raise UsageError("bfxsync.notebook.client is for notebooks; use bfxsync.Client")
    CELLS.watch(found_shell)
    arguments = _arguments({"paper": paper, **options})
    earlier = _clients.get(text)
    if earlier is not None and _is_alive(earlier.client):
        if _are_same(earlier.arguments, arguments):
            return earlier.client
    # Before the earlier one is closed: an impossible argument raises here.
    new = Client.paper(**options) if paper else Client(**options)
    _clients[text] = _Named(arguments, new)
    if earlier is not None:
        earlier.client.close()
    return new


def _is_alive(found: Client) -> bool:
    lifetime = found.wss._core.lifetime
    return not lifetime.is_closing


def _arguments(options: Mapping[str, Any]) -> Arguments:
    values = dict(options)
    if not options["paper"]:
        for name, variable in _ENVIRONMENT.items():
            if values.get(name) is None:
                values[name] = os.environ.get(variable)
    return {
        name: _fingerprint(value) for name, value in values.items() if value is not None
    }


def _fingerprint(value: object) -> Tuple[bytes, Tuple[object, ...]]:
    objects: list[object] = []
    text = repr(_plain(value, objects))
    digest = blake2b(text.encode("utf-8", "surrogatepass"), key=_HASH_KEY).digest()
    return digest, tuple(objects)


def _plain(value: Any, objects: list[object]) -> object:
    """Return a value whose `repr` has all of its plain parts; add the others to `objects`."""
    text = plain_text(os.fspath(value) if isinstance(value, os.PathLike) else value)
    if text is not None:
        return "text", str.__str__(text)
    if value is None or plain_bool(value) is not None:
        return str(value)
    number = value if isinstance(value, Decimal) else plain_real(value)
    if number is not None:
        return "number", str(EXACT.normalize(decimal_of(number)))
    if isinstance(value, Mapping):
        return "mapping", [
            (_plain(key, objects), _plain(item, objects)) for key, item in value.items()
        ]
    if isinstance(value, (list, tuple)):
        return "list", [_plain(item, objects) for item in value]
    objects.append(value)
    return "object", len(objects)


def _are_same(one: Arguments, other: Arguments) -> bool:
    if one.keys() != other.keys():
        return False
    for name, (digest, objects) in one.items():
        other_digest, others = other[name]
        if digest != other_digest or len(objects) != len(others):
            return False
        if any(mine is not yours for mine, yours in zip(objects, others)):
            return False
    return True
