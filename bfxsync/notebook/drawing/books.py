"""Draws the depth and the ladder of an order book."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, Callable, Iterable, List, NamedTuple, Sequence, Tuple

from bfxsync.notebook.drawing.axes import Scale
from bfxsync.notebook.drawing.numbers import (
    amount_decimals,
    amount_text,
    price_text,
    rate_text,
    shared_decimals,
)
from bfxsync.notebook.drawing.svg import (
    DOWN,
    UP,
    Svg,
    line,
    path,
    rect,
    text,
    text_width,
)

_WIDTH, _HEIGHT = 780, 272
_DEPTH_RIGHT, _DEPTH_TOP, _DEPTH_BOTTOM = 494, 30, 250
_LADDER_LEFT, _LADDER_RIGHT = 516, 776
_AMOUNT_RIGHT = 686
_ROW = 15
_ROWS = 8
"""Levels of each side in the ladder."""
_FURTHER = 3
"""A side is cut where it is this many times deeper than the other one."""


class Level(NamedTuple):
    """
    The amount at one price of a book.

    Attributes
    ----------
    price : float
        Or the rate per day, for a funding book.
    amount : float
        Positive.
    period : int
        Days, for a funding book; else 0.
    """

    price: float
    amount: float
    period: int = 0


def levels_of(items: Iterable[Any], is_funding: bool) -> List[Level]:
    """Return the levels of one side of a book, best first; orders of the same price are added."""
    levels: List[Level] = []
    for item in items:
        price = item.rate if is_funding else item.price
        period = item.period if is_funding else 0
        amount = abs(float(item.amount))
        if levels and levels[-1].price == price and levels[-1].period == period:
            amount += levels.pop().amount
        levels.append(Level(price, amount, period))
    return levels


class BookPicture(NamedTuple):
    """
    What is drawn of a book.

    Attributes
    ----------
    title : str
    bids, asks : list of Level
        Best first.
    is_funding : bool
    """

    title: str
    bids: Sequence[Level]
    asks: Sequence[Level]
    is_funding: bool = False


def draw_book(book: BookPicture) -> Svg:
    """Draw the accumulated amounts of both sides, and the best levels as a ladder."""
    heading = text(4, 14, book.title, weight="bold")
    if not book.bids and not book.asks:
        return Svg(_WIDTH, 60, heading + text(4, 40, "no levels yet"))
    return Svg(_WIDTH, _HEIGHT, heading + _depth(book) + _ladder(book))


def describe_book(book: BookPicture) -> str:
    """Return the best levels in words."""
    price = _price_format(book)
    sides = [
        (
            f"{name} {price(side[0].price)} x {amount_text(side[0].amount)}"
            if side
            else f"no {name}s"
        )
        for name, side in (("bid", book.bids), ("ask", book.asks))
    ]
    return f"{book.title}: {sides[0]}, {sides[1]}"


def _price_format(book: BookPicture, more: int = 0) -> Callable[[float], str]:
    """Return the function that formats prices like those of the ladder, or with more decimals."""
    if book.is_funding:
        return rate_text
    levels = [*book.bids[:_ROWS], *book.asks[:_ROWS]]
    decimals = shared_decimals(level.price for level in levels) + more
    return lambda price: price_text(price, decimals)


def _cumulated(levels: Sequence[Level]) -> List[float]:
    return list(accumulate(level.amount for level in levels))


# --- depth ------------------------------------------------------------------------------------


def _span(book: BookPicture) -> Tuple[float, float, float]:
    """Return the lowest price, the middle and the highest price of the depth."""
    bids = [float(level.price) for level in book.bids]
    asks = [float(level.price) for level in book.asks]
    best = [side[0] for side in (bids, asks) if side]
    middle = sum(best) / len(best)
    below = max(middle - min(bids), 0.0) if bids else 0.0
    above = max(max(asks) - middle, 0.0) if asks else 0.0
    if bids and asks:
        below, above = min(below, above * _FURTHER), min(above, below * _FURTHER)
    least = max(abs(middle) * 1e-6, 1e-12)
    return middle - max(below, least), middle, middle + max(above, least)


def _depth(book: BookPicture) -> str:
    low, middle, high = _span(book)
    x = Scale(low, high, 4, _DEPTH_RIGHT)
    totals = _cumulated(book.bids), _cumulated(book.asks)
    # Of the levels within the range only: one far away would flatten all others.
    visible = [
        total
        for levels, side in zip((book.bids, book.asks), totals)
        for level, total in zip(levels, side)
        if low <= level.price <= high
    ]
    largest = max(visible, default=0.0)
    y = Scale(0.0, max(largest, 1e-12), _DEPTH_BOTTOM, _DEPTH_TOP)
    parts = []
    for levels, side, colour, edge in (
        (book.bids, totals[0], UP, low),
        (book.asks, totals[1], DOWN, high),
    ):
        if levels:
            steps = f"M{x(float(levels[0].price)):.1f} {_DEPTH_BOTTOM}"
            for level, total in zip(levels, side):
                steps += f"H{x(float(level.price)):.1f}V{y(total):.1f}"
            area = f"{steps}H{x(edge):.1f}V{_DEPTH_BOTTOM}z"
            parts.append(path([area], fill=colour, opacity=0.25))
            parts.append(path([f"{steps}H{x(edge):.1f}"], stroke=colour))
    at = x(middle)
    dashes = 'stroke-dasharray="3 3" stroke-opacity="0.6"'
    parts.append(line(at, _DEPTH_TOP - 8, at, _DEPTH_BOTTOM, more=dashes))
    parts.append(line(4, _DEPTH_BOTTOM, _DEPTH_RIGHT, _DEPTH_BOTTOM))
    label = _price_format(book, 1)(middle)
    half = text_width(label, True) / 2
    left = text_width(book.title, True) + 16 + half
    label_x = min(max(at, left), _DEPTH_RIGHT - half)
    parts.append(text(label_x, 14, label, anchor="middle", weight="bold"))
    edge_price = _price_format(book)
    parts.append(text(4, _DEPTH_BOTTOM + 15, edge_price(low)))
    highest = edge_price(high)
    parts.append(text(_DEPTH_RIGHT, _DEPTH_BOTTOM + 15, highest, anchor="end"))
    most = f"total {amount_text(largest)}"
    parts.append(text(_DEPTH_RIGHT - 2, _DEPTH_TOP - 6, most, anchor="end"))
    return "".join(parts)


# --- ladder -----------------------------------------------------------------------------------


def _ladder(book: BookPicture) -> str:
    format_price = _price_format(book)
    asks, bids = book.asks[:_ROWS], book.bids[:_ROWS]
    totals = _cumulated(asks), _cumulated(bids)
    largest = max(total[-1] for total in totals if total)
    decimals = amount_decimals(largest)
    name = "rate per day" if book.is_funding else "price"
    parts = [
        text(_LADDER_LEFT + 4, 14, name),
        text(_AMOUNT_RIGHT, 14, "amount", anchor="end"),
        text(_LADDER_RIGHT - 4, 14, "total", anchor="end"),
    ]
    middle = 14 + (_ROWS + 1) * _ROW
    if asks and bids:
        spread = float(asks[0].price) - float(bids[0].price)
        label = f"spread {format_price(spread)}"
        parts.append(text(_LADDER_LEFT + 4, middle, label, weight="bold"))
    for levels, side, colour, step in (
        (asks, totals[0], DOWN, -_ROW),
        (bids, totals[1], UP, _ROW),
    ):
        y = middle
        for level, total in zip(levels, side):
            y += step
            width = (_LADDER_RIGHT - _LADDER_LEFT) * total / largest
            left = _LADDER_RIGHT - width
            parts.append(rect(left, y - 11, width, _ROW - 1, colour, opacity=0.2))
            price = format_price(level.price)
            price += f" \N{MIDDLE DOT} {level.period} d" if level.period else ""
            parts.append(text(_LADDER_LEFT + 4, y, price, fill=colour))
            for right, amount in (
                (_AMOUNT_RIGHT, level.amount),
                (_LADDER_RIGHT - 4, total),
            ):
                shown = amount_text(amount, decimals)
                parts.append(text(right, y, shown, anchor="end"))
    return "".join(parts)
