"""The Redis server and the shard that a client gets its market data from."""

from __future__ import annotations

import attrs

from bfxsync._base.redis_urls import RedisUrl, redis_url
from bfxsync.errors import UsageError
from bfxsync.streams.keys import ShardKeys

SHARD = "main"
"""The default shard."""

PAUSE_MS = 2
MAX_PAUSE_MS = 1_000

_OPTIONS = ("shard", "pause_ms")


@attrs.frozen
class RelaySource:
    """Where relayed data comes from; its text has no password."""

    url: RedisUrl
    keys: ShardKeys = ShardKeys(SHARD)
    pause_s: float = PAUSE_MS / 1_000
    """Pause between two reads, so that several entries arrive in one."""

    def __str__(self) -> str:
        return f"{self.url} (shard {self.keys.shard})"


def relay_source(text: object) -> RelaySource:
    """
    Return the source of a URL such as ``redis://host:6379/0?shard=main&pause_ms=2``, or a source.

    Raises
    ------
    UsageError
        Invalid URL or option.
    """
    if isinstance(text, RelaySource):
        return text
    url = redis_url(text, name="source", options=_OPTIONS)
    pause = url.options.get("pause_ms", str(PAUSE_MS))
    if not (pause.isdecimal() and len(pause) < 5 and int(pause) <= MAX_PAUSE_MS):
        raise UsageError(
            f"pause_ms of the source must be from 0 to {MAX_PAUSE_MS}, not {pause!r}"
        )
    keys = ShardKeys(url.options.get("shard", SHARD))
    return RelaySource(url, keys, int(pause) / 1_000)
