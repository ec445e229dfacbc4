"""The terms of a new order: from the arguments of the command line to the message that is sent."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Dict, Mapping

import attrs
import click

from bfxsync import UsageError
from bfxsync.checks.ids import WSS_GIDS
from bfxsync.checks.symbols import check_pair
from bfxsync.cli.tables import digits
from bfxsync.wire.inputs import OrderInputs, new_cid

_SIGNS = {"buy": "", "sell": "-"}


@attrs.frozen
class Terms:
    """
    A new order that was checked but not sent.

    Attributes
    ----------
    arguments : dict
        Those of ``inputs.submit_order``.
    message : str
        What is sent, as JSON.
    """

    arguments: Mapping[str, Any]
    body: Mapping[str, Any]

    @property
    def message(self) -> str:
        """What is sent, as JSON."""
        return json.dumps([0, "on", None, self.body])

    @property
    def sentence(self) -> str:
        """The order in words."""
        body = self.body
        side = "sell" if body["amount"].startswith("-") else "buy"
        amount = _digits(body["amount"].lstrip("-"))
        symbol = body["symbol"]
        parts = [f"{side} {amount} of {symbol}, {body['type']}"]
        price = body.get("price")
        if price is None:
            distance = body.get("price_trailing")
            end = f"trailing by {_digits(distance)}" if distance else "at any price"
            return ", ".join([*parts, end])
        is_stop = "STOP" in body["type"]
        parts.append(f"{'once the price is' if is_stop else 'at'} {_digits(price)}")
        if body.get("price_aux_limit") is not None:
            parts.append(f"limit {_digits(body['price_aux_limit'])}")
        value = abs(Decimal(body["amount"])) * Decimal(price)
        parts.append(f"value {digits(value)} {quote_of(symbol)}")
        return ", ".join(parts)


def _digits(text: str) -> str:
    return digits(Decimal(text))


def quote_of(symbol: str) -> str:
    """Return the quote currency of a pair, in which its price is."""
    _, colon, quote = symbol[1:].partition(":")
    return quote if colon else symbol[-3:]


def terms_of(
    side: str,
    amount: str,
    symbol: str,
    *,
    kind: str | None,
    market: bool,
    margin: bool,
    **options: Any,
) -> Terms:
    """
    Check the terms of a new order.

    Raises
    ------
    UsageError
        As ``submit_order``.
    click.UsageError
        Arguments that contradict each other.
    """
    if amount.startswith("-"):
        raise click.UsageError(f"AMOUNT must be positive, not {amount}: {side} says it")
    price = options.get("price")
    if market and (price is not None or kind is not None):
        raise click.UsageError("--market cannot be combined with --price or --type")
    if kind is None:
        if not market and price is None:
            raise click.UsageError("give a --price, or --market for any price")
        kind = "MARKET" if market else "LIMIT"
    kind = kind.upper().replace("-", " ")
    symbol = check_pair(symbol)
    is_derivative = "F0" in quote_of(symbol)
    if not (margin or is_derivative or kind.startswith("EXCHANGE")):
        kind = f"EXCHANGE {kind}"
    if options.get("cid") is None:
        # Chosen here, so that it is known whatever happens afterwards.
        options["cid"] = new_cid()
    arguments: Dict[str, Any] = {
        "type": kind,
        "symbol": symbol,
        "amount": _SIGNS[side] + amount.lstrip("+"),
        **{
            name: value for name, value in options.items() if value not in (None, False)
        },
    }
    try:
        body = OrderInputs(gids=WSS_GIDS).submit(**arguments)
    except UsageError as error:
        # As the option is written here.
        text = str(error).replace("round_price=True", "--round-price")
        raise UsageError(text) from None
    known = {name: value for name, value in body.items() if value is not None}
    return Terms(arguments, known)
