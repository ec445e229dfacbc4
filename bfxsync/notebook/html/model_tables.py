"""Models, lists of models, books and errors as tables in HTML."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Sequence

import attrs

from bfxsync._base.describe import type_name
from bfxsync.book.queries import BookQueries
from bfxsync.errors import BfxError, RemoteError
from bfxsync.models.account_update import AccountUpdate
from bfxsync.models.model import Model
from bfxsync.models.moments import moment_name
from bfxsync.models.notification import Notification
from bfxsync.notebook.html.markup import (
    Column,
    Html,
    column_texts,
    ends_of,
    fields,
    table,
    with_lines,
)

MODELS = (Model, AccountUpdate, Notification)

_LEVELS = 10

# Attributes of errors that their message has, and what the exchange has sent.
_IN_MESSAGE = ("message", "call", "raw")


def is_list_of_models(values: Sequence[Any]) -> bool:
    """Return whether a list is shown as a table; looks only at the items that would be shown."""
    shown, _ = ends_of(values)
    return bool(shown) and all(isinstance(item, MODELS) for item in shown)


def models_table(models: Sequence[Any], title: str) -> Html:
    """Return a table with a row for each model, of many the first and the last ones."""
    count = "1 row" if len(models) == 1 else f"{len(models):,} rows"
    title = f"{title}: {count}"
    if not models:
        return with_lines("", title)
    shown, gap_at = ends_of(models)
    columns = _columns(shown)
    full = [each for each in columns if not _is_empty(each)]
    note = _note([each.title for each in columns if _is_empty(each)])
    gap = f"… {len(models) - len(shown):,} more rows …"
    return table(full, title, note, gap_at, gap)


def title_of(models: Sequence[Any]) -> str:
    """Return the names of the classes of the models that are shown."""
    shown, _ = ends_of(models)
    return ", ".join(dict.fromkeys(type_name(each) for each in shown))


def model_table(model: Any) -> Html:
    """Return a table with a row for each field of a model that has a value."""
    columns = _columns([model])
    return fields(
        [(each.title, each.values[0]) for each in columns if not _is_empty(each)],
        type_name(model),
        _note([each.title for each in columns if _is_empty(each)]),
    )


def book_table(book: BookQueries[Any], title: str, note: str = "") -> Html:
    """Return the best levels of a book: bids on the left, asks on the right."""
    bids, asks = book.levels()
    title = f"{title}: {len(bids)} bids, {len(asks)} asks"
    if bids and asks:
        # Of the same state, unlike `mid` and `spread` of a live book.
        best = [getattr(side[0], _price_name(side[0])) for side in (bids, asks)]
        bid, ask = column_texts(best)
        title += f", best {bid} and {ask}"
    height = min(_LEVELS, max(len(bids), len(asks)))
    columns = [
        *_level_columns("bid", bids[:_LEVELS], height)[::-1],
        *_level_columns("ask", asks[:_LEVELS], height),
    ]
    if max(len(bids), len(asks)) > _LEVELS:
        note = f"the best {_LEVELS} of each side{', ' if note else ''}{note}"
    return table(columns, title, note)


def error_table(error: BfxError) -> Html:
    """Return the message of an error and its attributes, as far as they are short values."""
    known = {
        name: getattr(error, name) for name in ("retryable", "endpoint", "http_status")
    }
    known.update(vars(error))
    shown = [
        (name, model_table(value) if isinstance(value, MODELS) else value)
        for name, value in known.items()
        if name not in _IN_MESSAGE
        and not name.startswith("_")
        and isinstance(value, (str, int, float, *MODELS))
    ]
    return fields(shown, f"{type_name(error)}: {error}")


def _is_empty(column: Column) -> bool:
    return all(value is None for value in column.values)


def _note(empty: List[str]) -> str:
    return f"without a value: {', '.join(empty)}" if empty else ""


def _columns(models: Sequence[Any]) -> List[Column]:
    """Return the columns of all classes of the models; a model has None in those of others."""
    by_class = {type(model): _fields_of(type(model)) for model in models}
    titles = dict.fromkeys(title for found in by_class.values() for title in found)
    columns = []
    for title in titles:
        values = [_value(each, by_class[type(each)].get(title)) for each in models]
        has_times = any(isinstance(value, datetime) for value in values)
        columns.append(Column(f"{title} (UTC)" if has_times else title, values))
    return columns


def _fields_of(model: Any) -> Dict[str, str]:
    """Return the fields of a class by their titles; without those that its `repr` hides."""
    shown = [field.name for field in attrs.fields(model) if field.repr is not False]
    if issubclass(model, Model):
        return {
            column.name: column.field
            for column in model.table_columns(symbol=True)
            if column.field in shown
        }
    return {moment_name(name) or name: name for name in shown}


def _value(model: Any, field: str | None) -> Any:
    if field is None:
        return None
    value = getattr(model, field)
    if isinstance(value, MODELS):
        return model_table(value)
    if isinstance(value, list) and is_list_of_models(value):
        return models_table(value, title_of(value))
    # Meta, lists of codes, and others that are empty.
    if value is None or value == [] or value == {}:
        return None
    name = moment_name(field)
    if name is not None:
        try:
            return getattr(model, name)
        except RemoteError:
            pass  # beyond the year 9999
    return value


def _level_columns(side: str, levels: Sequence[Any], height: int) -> List[Column]:
    """Return the columns of one side, the price first, filled up to the height."""
    if not levels:
        return []
    names = [
        field.name for field in attrs.fields(type(levels[0])) if field.metadata["path"]
    ]
    price = _price_name(levels[0])
    names.sort(key=lambda name: name != price)
    filler = [Html("")] * (height - len(levels))
    return [
        Column(
            f"{side} {name}" if name == price else name,
            [_amount(name, level) for level in levels] + filler,
        )
        for name in names
    ]


def _amount(name: str, level: Any) -> Any:
    value = getattr(level, name)
    return abs(value) if name == "amount" else value


def _price_name(level: Any) -> str:
    return "price" if hasattr(level, "price") else "rate"
