"""Parameters of a request, from path, query string or JSON body."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Iterable, Iterator, Mapping, NamedTuple, TypeVar

import attrs

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.errors import PARAMETERS, Invalid
from bfxsync.paper.engine.units import Row
from bfxsync.paper.markets.market import Market
from bfxsync.paper.server.keys import Credential
from bfxsync.paper.server.market_data import MarketData
from bfxsync.paper.server.registry import AccountRegistry

T = TypeVar("T")

RATE_LIMIT = 11010

_INTEGER = re.compile(r"-?\d{1,16}", re.ASCII)


class Refused(Invalid):
    """A request that is answered with ``["error", code, message]`` and an HTTP status."""

    def __init__(self, message: str, code: int = PARAMETERS, status: int = 500) -> None:
        super().__init__(message, code)
        self.status = status


class Unanswered(Exception):
    """A request that was executed and is not answered: the connection is cut."""


class Page(NamedTuple):
    """
    A page of a list that is sorted by time.

    Attributes
    ----------
    start, end : int or None
        Times in ms, both included.
    """

    start: int | None
    end: int | None
    limit: int
    newest_first: bool

    def covers(self, mts: int) -> bool:
        """Return whether a time lies between start and end."""
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
        return islice(rows, self.limit)

    def times(self, first: int, last: int, step: int) -> Iterator[int]:
        """Iterate over the multiples of `step` from `first` to `last` that the page covers."""
        first = max(first, self.start if self.start is not None else first)
        last = min(last, self.end if self.end is not None else last)
        times = range(-(-first // step) * step, last + 1, step)
        return iter(times[::-1] if self.newest_first else times)


@attrs.frozen
class Query:
    """A request; its parameters are text, or JSON values from a body."""

    market_data: MarketData
    values: Mapping[str, Any]

    def has(self, name: str) -> bool:
        """Return whether a parameter was given."""
        return self.values.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """Return a parameter as text; required without a default."""
        value = self.values.get(name, default)
        if value is None or isinstance(value, (dict, list)):
            raise Refused(f"{name}: invalid")
        return str(value)

    def text_or_none(self, name: str) -> str | None:
        """Return a parameter as text, None if it is missing."""
        return self.text(name) if self.has(name) else None

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


@attrs.frozen
class SignedCall(Query):
    """A signed request."""

    registry: AccountRegistry
    credential: Credential
    path: str = ""

    @property
    def account(self) -> Account:
        """The account of the key or token."""
        return self.credential.account

    def symbol(self) -> str | None:
        """Return the symbol to filter by, if any."""
        return self.market().symbol if self.has("symbol") else None

    def integers(self, name: str = "id") -> list[int] | None:
        """Return a parameter that is an integer or a list of them, None if it is missing."""
        value = self.values.get(name)
        if value is None:
            return None
        items = value if isinstance(value, list) else [value]
        if not all(type(item) is int for item in items):
            raise Refused(f"{name}: invalid")
        return items

    def known(self, rows: Iterable[Row], mts_at: int) -> Iterator[Row]:
        """Yield the rows that histories have already: all, unless a fault lets them lag."""
        fault = self.market_data.faults.fire("late_history", path=self.path)
        if fault is None:
            return iter(rows)
        until = self.market_data.now_mts() - fault.options["delay_s"] * 1000
        return (row for row in rows if row[mts_at] <= until)

    def past(
        self,
        rows: Iterable[Row],
        maximum: int,
        mts_at: int,
        where: Mapping[int, object] = {},
    ) -> list[Row]:
        """
        Return the requested page of rows in their order.

        Parameters
        ----------
        maximum : int
            The largest limit of the endpoint.
        mts_at : int
            Index of the time in a row.
        where : mapping
            Wanted values by index: one, a list of several, or None for all.
        """
        page = self.page(25, maximum)
        found = (row for row in rows if page.covers(row[mts_at]))
        return list(page.cut(row for row in found if is_wanted(row, where)))


def is_wanted(row: Row, where: Mapping[int, object]) -> bool:
    """Return whether a row has the wanted values."""
    return all(
        wanted is None
        or (row[at] in wanted if isinstance(wanted, list) else row[at] == wanted)
        for at, wanted in where.items()
    )
