"""The channels of a relay or its workers, from its arguments."""

from __future__ import annotations

from typing import Iterable, List, Mapping

from bfxsync._base.plain import plain_items, plain_text
from bfxsync.errors import UsageError
from bfxsync.streams.keys import identity_of
from bfxsync.wire.channels import channel_for

CHANNELS = ("book", "trades", "ticker")
"""The channels of a symbol, and by default all of them."""


def identities_of(symbols: object, channels: object, requests: object) -> List[str]:
    """Return the identities of the wanted channels, each once."""
    names = _texts("symbols", symbols)
    kinds = _texts("channels", channels)
    for kind in kinds:
        if kind not in CHANNELS:
            known = ", ".join(CHANNELS)
            raise UsageError(f"channels must be of {known}, not {kind!r}; see requests")
    made = [channel_for(kind, symbol=name) for name in names for kind in kinds]
    listed = None if isinstance(requests, Mapping) else plain_items(requests)
    if listed is None or not all(isinstance(item, Mapping) for item in listed):
        raise UsageError(f"requests must be a list of mappings, not {requests!r}")
    for item in listed:
        if "channel" not in item:
            raise UsageError(f"a request must have a channel: {item!r}")
        made.append(channel_for(**item))
    if not made:
        raise UsageError("a relay needs symbols or requests")
    return list(dict.fromkeys(map(identity_of, made)))


def shared_identities_of(symbols: Iterable[str], liquidations: bool) -> List[str]:
    """Return the identities that workers share, each once."""
    if isinstance(symbols, str):
        raise UsageError(f"symbols must be a list, not {symbols!r}")
    channels = [channel_for("trades", symbol=symbol) for symbol in symbols]
    if liquidations:
        channels.append(channel_for("status", key="liq:global"))
    if not channels:
        raise UsageError("a worker needs symbols, or liquidations=True")
    return list(dict.fromkeys(map(identity_of, channels)))


def _texts(name: str, values: object) -> List[str]:
    listed = plain_items(values)
    texts = None if listed is None else [plain_text(value) for value in listed]
    if texts is None or None in texts:
        raise UsageError(f"{name} must be a list of texts, not {values!r}")
    return [text for text in texts if text is not None]
