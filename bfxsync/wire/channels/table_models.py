"""Builds the models of all rows of a table, for one or several channels."""

from __future__ import annotations

from functools import lru_cache
from itertools import compress, repeat
from typing import Any, Iterable, List, Optional, Protocol

from bfxsync._base.aliases import NumberType, Symbol
from bfxsync.models.market import FundingTrade, FundingTradeUpdate, Trade, TradeUpdate
from bfxsync.wire.channels.shapes import COLUMNS_FIT
from bfxsync.wire.tables import Columns, Table


class Models(Protocol):
    """Builds models; channels with the same object can be decoded together."""

    def of(
        self, table: Table, symbols: List[Symbol], times: Optional[List[Any]]
    ) -> Optional[List[Any]]:
        """Return a model or None for each row; None if a row is unusual."""


class TableModels:
    """Builds a model from each row."""

    def __init__(self, model: Any, number: NumberType) -> None:
        self._model = model
        self._read = model.column_reader(number)
        self._fit = COLUMNS_FIT[model]

    def of(
        self, table: Table, symbols: List[Symbol], times: Optional[List[Any]]
    ) -> Optional[List[Any]]:
        """Return the models; None if a row is unusual."""
        if table.tags is not None:
            return None
        return self.make(table.columns, symbols, times)

    def make(
        self,
        columns: Columns,
        symbols: Iterable[Symbol],
        times: Optional[Iterable[Any]],
    ) -> Optional[List[Any]]:
        """Return the models of the rows with these columns, symbols and times."""
        found = self._read(columns)
        if found is None or not self._fit(len(columns), found):
            return None
        if times is None:
            times = repeat(None)
        return list(map(self._model, *found, symbols, times))


class TradeModels:
    """Builds a model from each execution, and from each confirmation if they have handlers."""

    def __init__(
        self, is_funding: bool, number: NumberType, has_confirmations: bool
    ) -> None:
        self._tags = ("fte", "ftu") if is_funding else ("te", "tu")
        self._trades = TableModels(FundingTrade if is_funding else Trade, number)
        self._confirmations: Optional[TableModels] = None
        if has_confirmations:
            update = FundingTradeUpdate if is_funding else TradeUpdate
            self._confirmations = TableModels(update, number)

    def of(
        self, table: Table, symbols: List[Symbol], times: Optional[List[Any]]
    ) -> Optional[List[Any]]:
        """Return a model or None for each row; None if a row is unusual."""
        tags = table.tags
        if tags is None:
            return None
        executed, confirmed = self._tags
        is_trade = [tag == executed for tag in tags]
        is_other = [tag == confirmed for tag in tags]
        if sum(is_trade) + sum(is_other) < len(tags):
            return None
        trades = self._chosen(self._trades, table, symbols, times, is_trade)
        confirmations: Optional[Iterable[Any]] = repeat(None)
        if self._confirmations is not None:
            make = self._confirmations
            confirmations = self._chosen(make, table, symbols, times, is_other)
        if trades is None or confirmations is None:
            return None
        new, old = iter(trades), iter(confirmations)
        return [next(new) if each else next(old) for each in is_trade]

    def _chosen(
        self,
        maker: TableModels,
        table: Table,
        symbols: List[Symbol],
        times: Optional[List[Any]],
        chosen: List[bool],
    ) -> Optional[List[Any]]:
        columns = [list(compress(column, chosen)) for column in table.columns]
        if not columns[0]:
            return []
        ends = None if times is None else compress(times, chosen)
        return maker.make(columns, compress(symbols, chosen), ends)


@lru_cache(maxsize=None)
def table_models(model: type, number: NumberType) -> TableModels:
    """Return the same object for the same arguments, so that channels are decoded together."""
    return TableModels(model, number)


@lru_cache(maxsize=None)
def trade_models(
    is_funding: bool, number: NumberType, has_confirmations: bool
) -> TradeModels:
    """Return the same object for the same arguments, as `table_models` does."""
    return TradeModels(is_funding, number, has_confirmations)
