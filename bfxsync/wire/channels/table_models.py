"""Builds the models of all rows of a table, for one or several channels."""

from __future__ import annotations

from functools import lru_cache
from itertools import repeat
from typing import Any, List, Optional, Protocol, Sequence

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
        found = self.screened(table.columns) if table.tags is None else None
        if found is None:
            return None
        return list(map(self._model, *found, symbols, times or repeat(None)))

    def screened(self, columns: Columns) -> Optional[Sequence[Sequence[Any]]]:
        """Return the columns of the fields; None if a row is unusual."""
        found = self._read(columns)
        return found if found and self._fit(len(columns), found) else None


class TradeModels:
    """Builds a model from each execution, and from each confirmation if they have handlers."""

    def __init__(
        self, is_funding: bool, number: NumberType, has_confirmations: bool
    ) -> None:
        trade: Any = FundingTrade if is_funding else Trade
        update: Any = FundingTradeUpdate if is_funding else TradeUpdate
        self._screened = TableModels(trade, number).screened
        self._classes = {
            "fte" if is_funding else "te": trade,
            "ftu" if is_funding else "tu": update if has_confirmations else _no_model,
        }

    def of(
        self, table: Table, symbols: List[Symbol], times: Optional[List[Any]]
    ) -> Optional[List[Any]]:
        """Return a model or None for each row; None if a row is unusual."""
        try:
            classes = [self._classes[tag] for tag in table.tags or ()]
        except KeyError:
            return None
        found = self._screened(table.columns) if classes else None
        if found is None:
            return None
        rows = zip(*found, symbols, times or repeat(None))
        return [make(*row) for make, row in zip(classes, rows)]


def _no_model(*_: object) -> None:
    pass


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
