"""
Names of other clients, for programs that move over from them; see ``docs/howto/moving.rst``.

``from bitfinex import WssClient, utils`` (ohenrik/bitfinex) and ``from btfxwss import BtfxWss``
work with ``bfxsync.compat`` as the package.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bfxsync.compat.btfxwss import BtfxWss
    from bfxsync.compat.rest import Client, ClientV1, ClientV2
    from bfxsync.compat.websockets.client import WssClient

__all__ = ["BtfxWss", "Client", "ClientV1", "ClientV2", "WssClient"]

# Imported on first use: `bfxsync.exceptions` needs none of them.
_MODULES = {
    "BtfxWss": "btfxwss",
    "Client": "rest",
    "ClientV1": "rest",
    "ClientV2": "rest",
    "WssClient": "websockets.client",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
