"""Prints what happens to orders, until Ctrl-C or their end: ``bfxsync order watch``."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Callable, Dict, Iterable

import click

from bfxsync import AccountUpdate, Client, Gap, Snapshot
from bfxsync.cli.exit_codes import FAILED, OK, REFUSED
from bfxsync.cli.live.feed import ends_well
from bfxsync.cli.order_fates import fate_of_order
from bfxsync.cli.play_account import furnish, say_play_money
from bfxsync.cli.rows import json_text
from bfxsync.cli.shared import open_client
from bfxsync.cli.tables import digits, terminal_text
from bfxsync.models import AccountTrade, Order

_WORDS = {"on": "new", "ou": "changed", "oc": "closed", "te": "filled"}

Print = Callable[[str, Any], object]


def watch(*, ids: Iterable[int], symbol: str | None, output: str, paper: bool) -> int:
    """Watch all orders, those of a symbol, or some until they are closed."""
    print_one = _print_json if output == "json" else _print_text
    wanted = set(ids)
    with open_client("order watch", paper=paper, key="needed", numbers=Decimal) as bfx:
        events = bfx.wss.subscribe_account().events()
        say_play_money(paper)
        furnish(bfx)
        watched = OrderWatch(bfx, wanted, symbol, print_one)
        with ends_well():
            for event in events:
                watched.see(event)
                if wanted and not watched.left:
                    return watched.code
    # Orders that are watched for their end have not ended.
    return FAILED if wanted else OK


class OrderWatch:
    """
    Prints each change of the orders, also of those that were closed while the connection was down.

    Attributes
    ----------
    left : set of int
        Wanted orders that are not closed.
    code : int
        Exit code: that of the worst fate of a wanted order.
    """

    def __init__(
        self, bfx: Client, wanted: set[int], symbol: str | None, print_one: Print
    ) -> None:
        self.left = set(wanted)
        self.code = OK
        self._bfx = bfx
        self._wanted = wanted
        self._symbol = symbol
        self._print = print_one
        self._open: Dict[int, Order] = {}

    def see(self, event: Any) -> None:
        """Print an event of the account, if it is about the orders."""
        if isinstance(event, Gap):
            click.echo(f"connection lost: {event.reason}", err=True)
        elif isinstance(event, Snapshot):
            for update in event.rows:
                if update.code == "os":
                    self._see_all(update.data)
        elif isinstance(event, AccountUpdate):
            data = event.data
            if isinstance(data, Order) and self._is_wanted(data.id, data.symbol):
                self._see(_WORDS[event.code], data)
            elif event.code == "te" and isinstance(data, AccountTrade):
                if self._is_wanted(data.order_id, data.symbol):
                    self._print(_WORDS["te"], data)

    def _is_wanted(self, id: int, symbol: str) -> bool:
        return id in self._wanted if self._wanted else self._symbol in (None, symbol)

    def _see_all(self, orders: Iterable[Order]) -> None:
        """Print the open orders that are new or have changed, and those that are open no more."""
        now = {o.id: o for o in orders if self._is_wanted(o.id, o.symbol)}
        for order in now.values():
            if self._open.get(order.id) != order:
                self._see("open", order)
        gone = (self._open.keys() | self.left) - now.keys()
        if not gone:
            return
        found = self._bfx.rest.auth.get_orders_history(ids=sorted(gone))
        for order in found:
            self._see("closed", order)
        for id in sorted(gone - {order.id for order in found}):
            click.echo(f"order {id} is not known", err=True)
            self._end(id, REFUSED)

    def _see(self, word: str, order: Order) -> None:
        self._print(word, order)
        if word == "closed":
            self._end(order.id, fate_of_order(order).code)
        else:
            self._open[order.id] = order

    def _end(self, id: int, code: int) -> None:
        self._open.pop(id, None)
        if id in self.left:
            self.left.discard(id)
            self.code = max(self.code, code)


def _print_json(word: str, data: Any) -> None:
    click.echo(json_text({"event": word, **data.to_dict()}))


def _print_text(word: str, data: Any) -> None:
    if isinstance(data, AccountTrade):
        mts, id, amount = data.mts_create, data.order_id, data.exec_amount
        price, rest = data.exec_price, ""
    else:
        mts, id, amount = data.mts_update, data.id, data.amount_orig
        price = data.price or data.price_avg
        rest = data.status.word
        if word in ("open", "new"):
            rest += f"  {data.order_type}"
        if data.amount and data.amount != amount:
            rest += f"  left {digits(data.amount)}"
    time = datetime.fromtimestamp(mts / 1000, timezone.utc)
    at = f"at {digits(price)}" if price else "at market"
    line = f"{time:%H:%M:%S}  {word:<7}  {id}  {data.symbol}  {digits(amount)} {at}  {rest}"
    click.echo(terminal_text(line.rstrip()))
