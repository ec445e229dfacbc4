"""What was asked, checked: parameters of the path, of the query and of a JSON body."""

from __future__ import annotations

import re
from typing import Any, Iterable, Iterator, Mapping, NamedTuple, TypeVar

from bfxsync.paper.markets.market import Market
from bfxsync.paper.server.market_data import MarketData

T = TypeVar("T")

PARAMETERS, RATE_LIMIT = 10020, 11010

_WHOLE = re.compile(r"-?\d{1,16}", re.ASCII)


class Refused(Exception):
    """A request that is answered with ``["error", code, message]`` and an HTTP status."""

    def __init__(self, message: str, code: int = PARAMETERS, status: int = 500) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status


class Page(NamedTuple):
    """
    A part of a list that is sorted by time.

    Attributes
    ----------
    start, end : int or None
        Times in ms, both included.
    limit : int
        How many rows at most.
    newest_first : bool
    """

    start: int | None
    end: int | None
    limit: int
    newest_first: bool

    def covers(self, mts: int) -> bool:
        """Say whether a time lies between start and end."""
        return (self.start is None or mts >= self.start) and (
            self.end is None or mts <= self.end
        )

    def shifted(self, by_ms: int) -> Page:
        """Return the page with other times."""
        start = None if self.start is None else self.start + by_ms
        end = None if self.end is None else self.end + by_ms
        return self._replace(start=start, end=end)

    def cut(self, rows: Iterable[T]) -> Iterator[T]:
        """Iterate over no more rows than were asked for."""
        for count, row in enumerate(rows, 1):
            yield row
            if count == self.limit:
                return

    def times(self, first: int, last: int, step: int) -> Iterator[int]:
        """Iterate over the multiples of a step, between two times, that the page covers."""
        first = max(first, self.start if self.start is not None else first)
        last = min(last, self.end if self.end is not None else last)
        times = range(-(-first // step) * step, last + 1, step)
        return iter(times[::-1] if self.newest_first else times)


class Query:
    """
    A request.

    Parameters
    ----------
    hub : Hub
        Where the answer comes from.
    values : mapping
        Parameters by name; texts, or JSON values if they come from a body.
    """

    def __init__(self, market_data: MarketData, values: Mapping[str, Any]) -> None:
        self.market_data = market_data
        self.values = values

    def has(self, name: str) -> bool:
        """Say whether a parameter was given."""
        return self.values.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; without default it must be there."""
        value = self.values.get(name, default)
        if value is None or isinstance(value, (dict, list)):
            raise Refused(f"{name}: invalid")
        return str(value)

    def whole(self, name: str) -> int | None:
        """Return a whole number, None if it is not there."""
        if not self.has(name):
            return None
        text = self.text(name)
        if not _WHOLE.fullmatch(text):
            raise Refused(f"{name}: invalid")
        return int(text)

    def market(self, name: str = "symbol") -> Market:
        """Return the market of a symbol."""
        market = self.market_data.markets.get(self.text(name))
        if market is None:
            raise Refused("symbol: invalid")
        return market

    def page(self, default: int, maximum: int) -> Page:
        """Return which part of a list is wanted."""
        start, end, sort = (self.whole(name) for name in ("start", "end", "sort"))
        limit = self.whole("limit")
        if sort not in (None, 1, -1):
            raise Refused("sort: invalid")
        if limit is None:
            limit = default
        if not 1 <= limit <= maximum:
            raise Refused("limit: invalid")
        return Page(start, end, limit, sort != 1)
