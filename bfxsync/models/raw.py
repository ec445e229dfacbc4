"""Rows of channels subscribed with `subscribe_raw`."""

from __future__ import annotations

from typing import Any, Iterable

from bfxsync._base.aliases import Mts, Symbol


class RawRow(list[Any]):
    """
    A row as the exchange sent it, of a channel subscribed with `subscribe_raw`.

    A list, equal to any other with the same items; numbers have the client's type.

    Attributes
    ----------
    tag : str or None
        The text before the row in its message, such as ``te`` or ``cs``.
    symbol : str or None
        Symbol of the subscription, if it has one.
    server_mts : int or None
        Time at which the exchange sent the message, in milliseconds UTC; None without
        `Flag.TIMESTAMP`.
    """

    __slots__ = ("server_mts", "symbol", "tag")

    def __init__(
        self,
        items: Iterable[Any] = (),
        tag: str | None = None,
        symbol: Symbol | None = None,
        server_mts: Mts | None = None,
    ) -> None:
        super().__init__(items)
        self.tag: str | None = tag
        self.symbol: Symbol | None = symbol
        self.server_mts: Mts | None = server_mts
