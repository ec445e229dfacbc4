"""The signer of a client, which may be replaced while calls are in flight."""

from __future__ import annotations

from typing import Dict

from bfxsync._base.forks import reset_after_fork
from bfxsync.auth.signer import RestSigner

# By key: the first key that this process used for the same account. Never removed, like nonces.
_first_keys: Dict[str, str] = {}


class CurrentSigner:
    """
    The signer of a client, shared by all its transports.

    Each attempt of a call reads `signer` once, so that nonce, lock and signature use the same key.
    """

    def __init__(self, signer: RestSigner | None = None) -> None:
        self.signer: RestSigner | None = None
        # Replaced signers, whose calls may still be on the wire.
        self.replaced: Dict[object, RestSigner] = {}
        if signer is not None:
            self.replace(signer)

    @classmethod
    def of(cls, signer: RestSigner | CurrentSigner | None) -> CurrentSigner:
        """Wrap a signer; a `CurrentSigner` is returned unchanged."""
        return signer if isinstance(signer, CurrentSigner) else cls(signer)

    def replace(self, signer: RestSigner) -> None:
        """Use another key of the same account from now on."""
        reset_after_fork(signer.nonce)
        before = self.signer
        if before is not None:
            # One dict operation is atomic.
            _first_keys.setdefault(signer.identity, first_key(before.identity))
            self.replaced[object()] = before
        self.signer = signer


def first_key(identity: str) -> str:
    """Return the first key that this process used for the account; by default the key itself."""
    return _first_keys.get(identity, identity)
