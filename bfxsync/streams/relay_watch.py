"""Whether a relay writes to a shard, and which channels it has."""

from __future__ import annotations

from typing import Mapping

from bfxsync._base.error_codes import error_from_code
from bfxsync.errors import BfxError, NetworkError, SubscriptionRejected
from bfxsync.streams.keys import IdentityState, identity_of
from bfxsync.wire.channels import Channel

LEASE_CHECK_S = 2.0
"""Silence of all streams after which to ask whether there is a relay."""

RELAY_AWAY_S = 7.0
"""Time without entries and without a relay after which data counts as outdated: its lease + 5 s."""


class RelayWatch:
    """Signs of life of the relays of a shard: entries, or the lease."""

    def __init__(self, shard: str) -> None:
        self.is_away: bool = False
        """Whether no relay writes to the shard, as far as known."""
        self._shard = shard
        self._alive_at = self._asked_at = 0.0

    def reset(self, now: float) -> None:
        """Start with a new connection to Redis."""
        self.is_away = False
        self._alive_at = self._asked_at = now

    def asked(self, now: float) -> None:
        """Record that the lease was looked up."""
        self._asked_at = now

    def heard(self, now: float) -> bool:
        """Record an entry or a lease; return whether the relay was away."""
        self._alive_at = now
        was_away, self.is_away = self.is_away, False
        return was_away

    def is_due(self, now: float) -> bool:
        """Return whether to look up the lease."""
        return now >= max(self._alive_at, self._asked_at) + LEASE_CHECK_S

    def has_gone(self, now: float) -> bool:
        """Return whether the relay has just been away for too long."""
        if self.is_away or now < self._alive_at + RELAY_AWAY_S:
            return False
        self.is_away = True
        return True

    @property
    def error(self) -> NetworkError:
        """Why there is no data without a relay."""
        text = f"no relay writes to shard {self._shard!r}"
        return NetworkError(text, phase="connect")


def refusal_of(
    channel: Channel, shard: str, relayed: Mapping[bytes, bytes]
) -> BfxError | None:
    """
    Return why a channel has no stream, or None; `relayed` is the hash of the identities.

    Raises `RemoteError` if its state is unreadable.
    """
    if not relayed:
        # No relay has written here yet.
        return None
    identity = identity_of(channel)
    value = relayed.get(identity.encode())
    if value is None:
        known = sorted(key.decode("utf-8", "replace") for key in relayed)
        return SubscriptionRejected(
            f"{identity} is not relayed in shard {shard!r}; there is "
            + ", ".join(known)
        )
    state = IdentityState.read(value)
    if state.status != "refused":
        return None
    message = (
        f"{channel.title}: the exchange has refused it to the relay of shard {shard!r}"
    )
    return error_from_code(state.code, message, default=SubscriptionRejected)
