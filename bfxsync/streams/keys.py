"""
The Redis keys of a shard, and the text that identifies a channel in them.

Strategy: a shard is a set of channels that one relay subscribes to. All its keys have one hash tag,
``{SHARD}``, so that a script may use the lease and the streams together, in a cluster too. A
channel is identified as by the exchange, ``book|tBTCUSD|P0|F0|25``, whether its rows are decoded
as models or left raw.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs

from bfxsync._base.aliases import NumberType
from bfxsync.checks.texts import check_pattern
from bfxsync.errors import RemoteError, UsageError
from bfxsync.wire.channels import Channel, channel_for
from bfxsync.wire.channels.raw import RAW

_SHARD = r"[A-Za-z0-9_.-]{1,64}"
_SEPARATOR = "|"

_ARGUMENTS = {
    "book": ("symbol", "prec", "freq", "len"),
    "candles": ("key",),
    "status": ("key",),
    "ticker": ("symbol",),
    "trades": ("symbol",),
}


def check_shard(shard: object) -> str:
    """Return the name of a shard."""
    expected = "be 1 to 64 letters, digits, '_', '-' or '.'"
    return check_pattern("shard", shard, _SHARD, expected)


@attrs.frozen
class ShardKeys:
    """The keys of one shard; `shard` is checked."""

    shard: str = attrs.field(converter=check_shard)

    @property
    def lease(self) -> str:
        """The token of the relay that writes, which expires."""
        return self._key("lease")

    @property
    def epoch(self) -> str:
        """The last epoch that was given out."""
        return self._key("epoch")

    @property
    def identities(self) -> str:
        """Hash of the channels: identity → `IdentityState` as text."""
        return self._key("ids")

    def stream(self, identity: str) -> str:
        """The stream of a channel."""
        return self._key(f"s:{identity}")

    def snapshot(self, identity: str) -> str:
        """Hash of the latest snapshot of a channel: `entries.StoredSnapshot`."""
        return self._key(f"snap:{identity}")

    def _key(self, name: str) -> str:
        return f"bfx:{{{self.shard}}}:{name}"


def identity_of(channel: Channel) -> str:
    """Return the text that identifies a channel, the same for its raw form."""
    words = channel.identity
    return _SEPARATOR.join(words[1:] if words[0] == RAW else words)


def channel_of(identity: str, number: NumberType = float) -> Channel:
    """
    Return the channel of an identity, without state.

    Raises
    ------
    UsageError
        Not the identity of a known channel.
    """
    name, *values = identity.split(_SEPARATOR)
    fields = _ARGUMENTS.get(name, ())
    if not fields or len(values) != len(fields):
        raise UsageError(
            "identity must be a channel and its arguments, as 'ticker|tBTCUSD' or "
            f"'book|tBTCUSD|P0|F0|25', not {identity!r}"
        )
    channel = channel_for(name, number=number, **dict(zip(fields, values)))
    if identity_of(channel) != identity:
        # Another spelling of the same channel would be another stream.
        raise UsageError(f"identity must be {identity_of(channel)!r}, not {identity!r}")
    return channel


class IdentityState(NamedTuple):
    """Whether a channel is live: the value of the hash `ShardKeys.identities`."""

    status: str
    """``wanted`` (requested), ``live``, or ``refused`` by the exchange."""
    code: int | None = None
    """The exchange's code of a refusal."""

    @property
    def text(self) -> str:
        """The value in the hash: ``wanted``, ``live``, ``refused`` or ``refused 10301``."""
        return self.status if self.code is None else f"{self.status} {self.code}"

    @classmethod
    def read(cls, value: bytes) -> IdentityState:
        """Return the state of a value of the hash, or raise `RemoteError`."""
        status, _, code = value.decode("utf-8", "replace").partition(" ")
        if status in ("wanted", "live") and not code:
            return cls(status)
        if status == "refused" and (not code or (code.isdecimal() and len(code) < 10)):
            return cls(status, int(code) if code else None)
        raise RemoteError("unknown state of a relayed channel", raw=value)


WANTED = IdentityState("wanted")
LIVE = IdentityState("live")
