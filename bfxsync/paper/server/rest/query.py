"""Parameters of a request, from path, query string or JSON body."""

from __future__ import annotations

import re
from typing import Any, Iterable, Iterator, Mapping, NamedTuple, TypeVar

from bfxsync.paper.markets.market import Market
from bfxsync.paper.server.market_data import MarketData

T = TypeVar("T")

PARAMETERS, RATE_LIMIT = 10020, 11010

_INTEGER = re.compile(r"-?\d{1,16}", re.ASCII)


class Refused(Exception):
    """A request that is answered with ``["error", code, message]`` and an HTTP status."""

    def __init__(self, message: str, code: int = PARAMETERS, status: int = 500) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status


class Page(NamedTuple):
    """
    A page of a list that is sorted by time.

    Attributes
    ----------
    start, end : int or None
        Times in ms, both included.
    limit : int
        Maximum number of rows.
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
        """Return the page with its times shifted."""
        start = None if self.start is None else self.start + by_ms
        end = None if self.end is None else self.end + by_ms
        return self._replace(start=start, end=end)

    def cut(self, rows: Iterable[T]) -> Iterator[T]:
        """Iterate over at most `limit` rows."""
        for count, row in enumerate(rows, 1):
            yield row
            if count == self.limit:
                return

    def times(self, first: int, last: int, step: int) -> Iterator[int]:
        """Iterate over the multiples of `step` from `first` to `last` that the page covers."""
        first = max(first, self.start if self.start is not None else first)
        last = min(last, self.end if self.end is not None else last)
        times = range(-(-first // step) * step, last + 1, step)
        return iter(times[::-1] if self.newest_first else times)


class Query:
    """
    A request.

    Parameters
    ----------
    values : mapping
        Parameters by name: text, or JSON values from a body.
    """

    def __init__(self, market_data: MarketData, values: Mapping[str, Any]) -> None:
        self.market_data = market_data
        self.values = values

    def has(self, name: str) -> bool:
        """Say whether a parameter was given."""
        return self.values.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """Return a parameter as text; required without a default."""
        value = self.values.get(name, default)
        if value is None or isinstance(value, (dict, list)):
            raise Refused(f"{name}: invalid")
        return str(value)

    def integer(self, name: str) -> int | None:
        """Return an integer, None if it is missing."""
        if not self.has(name):
            return None
        text = self.text(name)
        if not _INTEGER.fullmatch(text):
            raise Refused(f"{name}: invalid")
        return int(text)

    def market(self, name: str = "symbol") -> Market:
        """Return the market of a symbol parameter."""
        market = self.market_data.markets.get(self.text(name))
        if market is None:
            raise Refused("symbol: invalid")
        return market

    def page(self, default: int, maximum: int) -> Page:
        """Return the requested page, with a default and a maximum limit."""
        start, end, sort = (self.integer(name) for name in ("start", "end", "sort"))
        limit = self.integer("limit")
        if sort not in (None, 1, -1):
            raise Refused("sort: invalid")
        if limit is None:
            limit = default
        if not 1 <= limit <= maximum:
            raise Refused("limit: invalid")
        return Page(start, end, limit, sort != 1)
