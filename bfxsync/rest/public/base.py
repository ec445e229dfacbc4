"""Base of every group of endpoints: requests with a budget, and rows read into models."""

from __future__ import annotations

import reprlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Mapping, NamedTuple, TypeVar

from bfxsync._base.aliases import NumberType, Symbol
from bfxsync._base.guesses import ProposesNames
from bfxsync.errors import RemoteError
from bfxsync.models.market_model import MarketModel, Reader
from bfxsync.models.model_list import ModelList, model_of, reader_of
from bfxsync.models.rows import read_rows
from bfxsync.rest.history.history import History
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.options import check_options
from bfxsync.rest.history.pages import iterate
from bfxsync.rest.history.unreadable import Skip, must_raise, warn_of_unreadable
from bfxsync.rest.http.callers import NamedInErrors

if TYPE_CHECKING:
    from bfxsync.rest.history.options import HistoryOptions
    from bfxsync.rest.http.transport import RestTransport

M = TypeVar("M")
K = TypeVar("K", bound=MarketModel)

UNDOCUMENTED_PER_MINUTE = 10
"""Default for undocumented limits: the lowest that the exchange names in general."""


class Budget(NamedTuple):
    """The requests per minute of all endpoints with the same group."""

    group: str
    per_minute: int = UNDOCUMENTED_PER_MINUTE


class Endpoints(NamedInErrors, ProposesNames):
    """
    A group of endpoints.

    `numbers`, the type of the models' number fields, must be that of the transport; `strict` is
    as for `Client`.
    """

    # The wall clock, in seconds.
    _clock = staticmethod(time.time)

    def __init__(
        self,
        transport: RestTransport,
        *,
        numbers: NumberType = float,
        strict: bool = True,
    ) -> None:
        self._transport = transport
        self._numbers = numbers
        # Receives the error of a list with unreadable rows; None: it is raised.
        self._skip: Skip | None = None if strict else warn_of_unreadable

    def _request(self, method: str, path: str, budget: Budget, **options: Any) -> Any:
        group, per_minute = budget
        return self._transport.request(
            method, path, group=group, per_minute=per_minute, **options
        )

    def _get(
        self, path: str, budget: Budget, params: Mapping[str, Any] | None = None
    ) -> Any:
        return self._request("GET", path, budget, params=params)

    def _one(self, read: Callable[[Any, NumberType], M], row: Any) -> M:
        return read(row, self._numbers)

    def _many(self, read: Callable[[Any, NumberType], M], rows: Any) -> ModelList[M]:
        found = self._rows(partial(read_rows, read, rows, self._numbers))
        return ModelList(found, model_of(read), self._numbers)

    def _reader(
        self, model: type[K], symbol: Symbol, *origin: str
    ) -> Callable[[Any, NumberType], K]:
        """Return a function that reads rows of a symbol; `origin` as for `MarketModel.reader`."""
        read: Reader = model.reader(self._numbers, symbol, *origin)

        def read_row(row: Any, _: NumberType) -> Any:
            return read(row)

        return reader_of(model, read_row)

    def _rows(self, read: Callable[[], list[M]]) -> list[M]:
        """Return the rows, without unreadable ones if they are skipped."""
        try:
            return read()
        except RemoteError as error:
            if self._skip is None or must_raise() or not error.unreadable:
                raise
            self._skip(error)
            return error.rows

    def _history(
        self,
        history: History[M],
        get: Callable[..., list[M]],
        title: str,
        options: HistoryOptions[M],
    ) -> HistoryRows[M]:
        """Check the options and return an iterator; see `bfxsync.rest.history.options`."""
        iteration = check_options(history, options, self._now_mts())
        rows = iterate(history, get, title, iteration, self._skip_in_pages())
        return HistoryRows(rows, history.model, self._numbers)

    def _skip_in_pages(self) -> Skip | None:
        return self._skip

    def _now_mts(self) -> int:
        return int(self._clock() * 1000)


def check_rows(rows: Any) -> list[Any]:
    """Return the rows of a response; raise `RemoteError` if it is not a list."""
    if not isinstance(rows, list):
        raise RemoteError(
            f"expected a list of rows, got {reprlib.repr(rows)}", raw=rows
        )
    return rows
