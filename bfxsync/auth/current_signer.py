"""The signer of a client, which may be replaced while calls are on their way."""

from __future__ import annotations

from typing import Dict

from bfxsync._base.forks import reset_after_fork
from bfxsync.auth.signer import RestSigner

# Keys that followed another one, with the first of them. Never removed, as nonces are not.
_first_keys: Dict[str, str] = {}


class CurrentSigner:
    """
    The signer of a client; all its transports share one.

    A call reads `signer` once for each attempt, so that nonce, lock and signature are of one key.
    """

    def __init__(self, signer: RestSigner | None = None) -> None:
        self.signer: RestSigner | None = None
        if signer is not None:
            self.replace(signer)

    @classmethod
    def of(cls, signer: RestSigner | CurrentSigner | None) -> CurrentSigner:
        """Return it, or one that begins with a signer."""
        return signer if isinstance(signer, CurrentSigner) else cls(signer)

    def replace(self, signer: RestSigner) -> None:
        """Use another key of the same account from now on."""
        reset_after_fork(signer.nonce)
        before = self.signer
        if before is not None:
            # One dict operation is atomic.
            _first_keys.setdefault(signer.identity, first_key(before.identity))
        self.signer = signer


def first_key(identity: str) -> str:
    """Return the first key of the account, as far as this process has replaced it."""
    return _first_keys.get(identity, identity)
