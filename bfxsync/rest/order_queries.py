"""The queries that order guards send to the exchange before an order is sent."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence

from bfxsync._base.numbers import decimal_of
from bfxsync.errors import RemoteError
from bfxsync.models.market import Ticker
from bfxsync.models.orders import Order

if TYPE_CHECKING:
    from bfxsync.rest.http.transport import RestTransport

_ORDERS = "auth/r/orders"
_TICKER = "ticker"
_PER_MINUTE = 90


class AccountQueries:
    """Queries the exchange through a client's signed transport; responses are not cached."""

    def __init__(self, transport: RestTransport) -> None:
        self._transport = transport

    def orders(self, ids: Sequence[object]) -> Dict[object, Order]:
        """Return those of these orders that are open, by id."""
        known = [id for id in ids if id is not None]
        orders = map(Order.from_row, self._orders({"id": known}) if known else ())
        return {order.id: order for order in orders}

    def price(self, symbol: str) -> Decimal:
        """Return the highest of a pair's best bid, best ask and last price."""
        row = self._transport.request(
            "GET", f"{_TICKER}/{symbol}", group=_TICKER, per_minute=_PER_MINUTE
        )
        ticker = Ticker.from_row(row)
        # The exchange sends 0 for a missing price.
        prices = [
            price for price in (ticker.bid, ticker.ask, ticker.last_price) if price
        ]
        found = list(map(decimal_of, prices))
        if not found:
            raise RemoteError(f"{symbol} has no price yet", raw=row)
        return max(found)

    def open_order_count(self) -> int:
        """Return the number of open orders of the account; unreadable ones count too."""
        return len(self._orders(None))

    def _orders(self, body: Mapping[str, Any] | None) -> List[Any]:
        rows = self._transport.request(
            "POST", _ORDERS, body=body, group=_ORDERS, per_minute=_PER_MINUTE
        )
        if not isinstance(rows, list):
            raise RemoteError("expected a list of orders", raw=rows)
        return rows
