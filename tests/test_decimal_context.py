"""An application's decimal context changes nothing of ours, and is not changed by us."""

from __future__ import annotations

import decimal
from decimal import Context, Decimal
from typing import Any, Callable

import pytest

from bfxsync._base.numbers import (
    approximately,
    number_text,
    plain_decimal,
    round_amount,
    round_price,
)
from bfxsync.book import book as books
from bfxsync.checks.numbers import check_amount, check_positive, check_price
from bfxsync.errors import BfxError
from bfxsync.models import BookUpdate
from bfxsync.models.notification import of_nothing
from bfxsync.models.orders import Order
from bfxsync.models.status import Liquidation
from bfxsync.paper.engine import amounts
from bfxsync.paper.engine.units import to_units
from bfxsync.rest.history.history import History, Iteration
from bfxsync.rest.history.pages import pages
from bfxsync.wire.codec import loads_for

ALL = [
    decimal.Clamped,
    decimal.DivisionByZero,
    decimal.FloatOperation,
    decimal.Inexact,
    decimal.InvalidOperation,
    decimal.Overflow,
    decimal.Rounded,
    decimal.Subnormal,
    decimal.Underflow,
]

CONTEXTS = {
    "few digits": Context(prec=2, rounding=decimal.ROUND_UP),
    "everything trapped": Context(1, decimal.ROUND_CEILING, -1, 1, 0, 1, traps=ALL),
    "nothing trapped": Context(1, decimal.ROUND_FLOOR, -1, 1, 0, 1, traps=[]),
}

# From docs.bitfinex.com/reference/rest-auth-retrieve-orders, with other numbers.
ORDER = (
    '[33950998275,null,1573476747887,"tETHUSD",1573476748000,1573476748000,-0.5123456789,'
    '"-0.51234567",'
    '"LIMIT",null,null,null,"0",'
    '"EXECUTED at 0.0368123456% (57.912345): was PARTIALLY FILLED @ 1.0(2.123456)",'
    "null,null,220.123456789,0,0,0]"
)
NUMBERS = [
    "12345.678",
    12345.678,
    Decimal("12345.678"),
    "1E+5",
    "1e-8",
    "0.00000000049",
]


def order() -> Any:
    found = Order.from_row(loads_for(Decimal)(ORDER.encode()), Decimal)
    return found, found.status


def book() -> Any:
    found: Any = books.AggregatedBook()
    for row in ("[6443.123,2,1.123456]", "[6442.1,1,2.5]", "[6444.777,1,-3.3333333]"):
        update = BookUpdate.from_row(loads_for(Decimal)(row.encode()), Decimal)
        found.apply(update)
    return (
        found.levels(),
        found.mid,
        found.spread,
        found.vwap("-2.3"),
        found.cost("-2.3"),
        found.microprice,
        found.imbalance(),
        found.depth(within="1.5"),
        found.depth(within_ratio="0.001"),
        found.checksum(),
    )


def history() -> Any:
    row = [
        '["pos",171085137,1706395919788.25,null,"tAVAXF0:USTF0",-8.123456789,32.868123,null,'
        "true,0,null,33.255123456]"
    ]
    rows = [
        Liquidation.from_row(loads_for(Decimal)(text.encode()), Decimal) for text in row
    ]

    def fetch(start: Any, end: Any, limit: int, sort: int) -> Any:
        return [row for row in rows if start is None or start <= row.mts]

    history: History[Any] = History(object, 10)
    parts = pages(fetch, history, Iteration(limit=10))
    return list(parts)


def each(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    def call() -> Any:
        found: list[Any] = []
        for value in NUMBERS:
            try:
                found.append(function(*arguments, value))
            except (BfxError, amounts.Invalid) as error:
                found.append((type(error), str(error)))
        return found

    return call


def refused(value: object) -> Callable[[], Any]:
    def call() -> Any:
        with pytest.raises(BfxError) as caught:
            plain_decimal(value)
        return str(caught.value)

    return call


OPERATIONS: dict[str, Callable[[], Any]] = {
    "order": order,
    "book": book,
    "history": history,
    "notification": lambda: of_nothing()(
        [Decimal("1575287438.515"), "x", None, None, None, None, "SUCCESS"], Decimal
    ),
    "number_text": lambda: [number_text(1e-6), number_text(Decimal("0.1234567"))],
    "plain_decimal": each(plain_decimal),
    "round_price": each(round_price),
    "round_amount": each(round_amount),
    "check_price": each(check_price, "price"),
    "check_amount": each(check_amount, "amount"),
    "check_positive": each(check_positive, "amount"),
    "no number": refused("x"),
    "exponent beyond all": refused("1e9999999999999999999"),
    "not a number": refused(Decimal("sNaN")),
    "approximately": lambda: [
        approximately(Decimal("0.123456789"), "0.12345679"),
        approximately(0.123, "0.124"),
    ],
    "paper amount": each(amounts.read_amount, "amount"),
    "paper price": each(amounts.read_price, "price"),
    "paper units": lambda: [to_units(1e-7), to_units(6443.1)],
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("context", CONTEXTS.values(), ids=list(CONTEXTS))
def test_context_of_the_application_changes_nothing(
    name: str, context: Context
) -> None:
    # As text: the same digits, not only the same value.
    expected = str(OPERATIONS[name]())
    with decimal.localcontext(context) as mine:
        mine.clear_flags()
        found = OPERATIONS[name]()
        raised = [signal for signal, is_set in mine.flags.items() if is_set]
    assert str(found) == expected
    assert raised == []
