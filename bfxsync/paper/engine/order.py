"""One order, its status texts and its row."""

from __future__ import annotations

from typing import Any

import attrs

from bfxsync.paper.engine.units import SCALE, Row, units_text

HIDDEN, CLOSE, REDUCE_ONLY = 64, 512, 1024
POST_ONLY, OCO, NO_VAR_RATES = 4096, 16384, 524288
SPOT_PREFIX = "EXCHANGE "
TYPES = ("LIMIT", "MARKET", "STOP", "STOP LIMIT", "TRAILING STOP", "FOK", "IOC")
STOPS = ("STOP", "STOP LIMIT", "TRAILING STOP")

# Maximum number of fills in a status text.
_FILLS_SHOWN = 10


def legs(pair: str) -> tuple[str, str]:
    """Return base and quote of a pair, given without its first letter."""
    base, colon, quote = pair.partition(":")
    return (base, quote) if colon else (pair[:-3], pair[-3:])


@attrs.define(eq=False)
class EngineOrder:
    """
    An order of an account.

    Attributes
    ----------
    kind, kind_prev : str
        Type of the order, and its type before it was updated or triggered.
    amount, amount_orig : int
        Remaining amount, negative to sell, and the one before all fills and updates.
    price : int
        0 for market orders.
    stop : int
        Trigger price of a stop, 0 for other orders.
    fills : list of (int, int)
        Price and amount of each fill, oldest first.
    closed_as : str
        First word of the final status, empty while the order is open.
    placed_id : int or None
        For the stop of an OCO order: id of the order with which it was placed.
    pair : EngineOrder or None
        The other order of an open OCO pair.
    is_forced : bool
        Whether it liquidates a position.
    """

    id: int
    gid: int | None
    cid: int
    symbol: str
    mts_create: int
    mts_update: int
    kind: str
    amount: int
    price: int = 0
    amount_orig: int = 0
    price_trailing: int = 0
    price_aux_limit: int = 0
    stop: int = 0
    flags: int = 0
    lev: int | None = None
    mts_tif: int | None = None
    meta: dict[str, Any] = attrs.field(factory=dict)
    kind_prev: str | None = None
    fills: list[tuple[int, int]] = attrs.field(factory=list)
    closed_as: str = ""
    placed_id: int | None = None
    pair: EngineOrder | None = attrs.field(default=None, repr=False)
    is_forced: bool = False

    @property
    def is_buy(self) -> bool:
        """Whether the order is, or was, to buy."""
        return (self.amount or self.amount_orig) > 0

    @property
    def is_spot(self) -> bool:
        """Whether the order uses the exchange wallet."""
        return self.kind.startswith(SPOT_PREFIX)

    @property
    def plain_kind(self) -> str:
        """The type without the prefix ``EXCHANGE``."""
        return self.kind[len(SPOT_PREFIX) :] if self.is_spot else self.kind

    @property
    def is_stop(self) -> bool:
        """Whether the order is a stop that has not been triggered."""
        return self.plain_kind in STOPS

    @property
    def is_open(self) -> bool:
        """Whether the order may still be filled or cancelled."""
        return not self.closed_as

    def has(self, flags: int) -> bool:
        """Return whether any of the flags is set."""
        return bool(self.flags & flags)

    def wants(self, name: str) -> bool:
        """Return whether a switch of the meta is on."""
        return self.meta.get(name) in (1, True)

    @property
    def with_pair(self) -> list[EngineOrder]:
        """This order and, if it is one of an open OCO pair, the other."""
        return [self] if self.pair is None else [self, self.pair]

    @property
    def reserved_price(self) -> int:
        """The highest price that the order may pay, 0 for a market order."""
        price = self.stop or self.price
        if self.plain_kind == "STOP LIMIT":
            price = max(price, self.price_aux_limit)
        return price

    def become(self, plain_kind: str) -> None:
        """Change the type, as when a stop is triggered."""
        prefix = SPOT_PREFIX if self.is_spot else ""
        self.kind_prev, self.kind = self.kind, prefix + plain_kind

    @property
    def status(self) -> str:
        """The status text, as the exchange writes it."""
        if not self.closed_as:
            return _filled(self.fills) if self.fills else "ACTIVE"
        if not self.closed_as.endswith("EXECUTED"):
            before = f" was: {_filled(self.fills)}" if self.fills else ""
            return self.closed_as + before
        *earlier, (price, amount) = self.fills
        text = f"{self.closed_as} @ {units_text(price)}({units_text(amount)})"
        return f"{text}: was {_filled(earlier)}" if earlier else text

    @property
    def price_avg(self) -> float:
        """Average price of the fills, 0 without fills."""
        done = sum(amount for _, amount in self.fills)
        value = sum(price * amount for price, amount in self.fills)
        return round(value / done / SCALE, 8) if done else 0

    def row(self) -> Row:
        """Return the row of the order, as sent."""
        meta = dict(self.meta)
        if self.has(POST_ONLY):
            meta["$F7"] = 1
        if self.lev is not None:
            meta["$F33"] = self.lev
        price = self.stop if self.is_stop else self.price
        # fmt: off
        return [
            self.id, self.gid, self.cid, self.symbol, self.mts_create, self.mts_update,
            self.amount / SCALE, self.amount_orig / SCALE, self.kind, self.kind_prev,
            self.mts_tif, None, self.flags, self.status, None, None, price / SCALE,
            self.price_avg, self.price_trailing / SCALE, self.price_aux_limit / SCALE,
            None, None, None, 0, int(self.has(HIDDEN)), self.placed_id, None, None,
            "API>BFX", None, None, meta,
        ]
        # fmt: on


def _filled(fills: list[tuple[int, int]]) -> str:
    newest = fills[: -_FILLS_SHOWN - 1 : -1]
    parts = [f"{units_text(price)}({units_text(amount)})" for price, amount in newest]
    return f"PARTIALLY FILLED @ {', '.join(parts)}"
