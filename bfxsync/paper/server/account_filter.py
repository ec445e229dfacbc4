"""Which frames of the account channel a socket gets: those of its filter that its key may read."""

from __future__ import annotations

from typing import Callable, NamedTuple, Sequence

from bfxsync.paper.engine.units import Row
from bfxsync.paper.server.keys import Credential

SNAPSHOTS = ("ps", "ws", "os", "fos", "fcs", "fls")

_OLD_WALLETS = {"trading": "margin", "deposit": "funding"}


class _Kind(NamedTuple):
    """
    A kind of frames: its group in filters, the scope of the right to read it, and its detail.

    Attributes
    ----------
    detail : callable
        Returns the part after the group in a narrower filter, such as the symbol in
        ``"trading-tBTCUSD"``.
    """

    group: str
    scope: str
    detail: Callable[[Row], str] = lambda row: ""


def _kinds(codes: str, kind: _Kind) -> dict[str, _Kind]:
    return dict.fromkeys(codes.split(), kind)


_KINDS = {
    **_kinds("ps pn pu pc", _Kind("trading", "positions", lambda row: row[0])),
    **_kinds("os on ou oc", _Kind("trading", "orders", lambda row: row[3])),
    **_kinds("te tu", _Kind("trading", "orders", lambda row: row[1])),
    **_kinds("ws wu", _Kind("wallet", "wallets", lambda row: f"{row[0]}-{row[1]}")),
    **_kinds(
        "fos fon fou foc fcs fcn fcu fcc fls fln flu flc fte ftu fiu",
        _Kind("funding", "funding", lambda row: row[1]),
    ),
    **_kinds("bu", _Kind("balance", "wallets")),
    **_kinds("miu", _Kind("balance", "positions")),
    "n": _Kind("notify", ""),
}


class AccountFilter:
    """
    The filter of one socket.

    Parameters
    ----------
    names : sequence or None
        The ``filter`` of the auth event; unknown names are ignored. None or an empty sequence means
        everything.
    """

    def __init__(self, names: Sequence[object] | None, credential: Credential) -> None:
        self._names: set[str] | None = None
        self._credential = credential
        if names:
            given = filter(lambda name: isinstance(name, str), names)
            self._names = {_spelled(str(name)) for name in given}

    def has_snapshot(self, code: str) -> bool:
        """Return whether a snapshot is sent, which may be empty."""
        kind = _KINDS[code]
        return self._may_read(kind) and (
            self._names is None
            or any(name.partition("-")[0] == kind.group for name in self._names)
        )

    def covers(self, code: str, row: Row) -> bool:
        """Return whether a row is sent, in an event or (with the code of a snapshot) a snapshot."""
        kind = _KINDS[code]
        return self._may_read(kind) and (
            self._names is None
            or kind.group in self._names
            or f"{kind.group}-{kind.detail(row)}" in self._names
        )

    def _may_read(self, kind: _Kind) -> bool:
        return not kind.scope or self._credential.allows(kind.scope, "r")


def _spelled(name: str) -> str:
    """Return a filter in which the wallet has its current name, as in rows."""
    group, dash, detail = name.partition("-")
    wallet, second_dash, currency = detail.partition("-")
    if group != "wallet":
        return name
    wallet = _OLD_WALLETS.get(wallet, wallet)
    return group + dash + wallet + second_dash + currency
