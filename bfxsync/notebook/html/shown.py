"""Finds what a notebook shows of an object; the `_repr_html_` of all classes."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import singledispatch
from html import escape
from typing import Any, List, Optional

from bfxsync._base.describe import error_text, safe_repr
from bfxsync._base.hosts import shown as shown_url
from bfxsync.book.queries import BookQueries
from bfxsync.book.snapshots import BookSnapshot
from bfxsync.client import Client
from bfxsync.errors import BfxError, UsageError
from bfxsync.funding.offers import Ladder
from bfxsync.joined.history import JoinedHistory
from bfxsync.models.account_update import AccountUpdate
from bfxsync.models.model import Model
from bfxsync.models.model_list import ModelDict, ModelList
from bfxsync.models.notification import Notification
from bfxsync.models.stream import Snapshot
from bfxsync.notebook.html.markup import Column, Html, fields, table, with_lines
from bfxsync.notebook.html.model_tables import (
    book_table,
    error_table,
    is_list_of_models,
    model_table,
    models_table,
    title_of,
)
from bfxsync.valuation.portfolio import Portfolio
from bfxsync.ws.account import Account
from bfxsync.ws.account_views import StateView, TableView
from bfxsync.ws.book_view import BookView
from bfxsync.ws.client import WebSocketClient
from bfxsync.ws.order_replies import OrderReply
from bfxsync.ws.replies import Reply
from bfxsync.ws.stateful_subscriptions import BookSubscription
from bfxsync.ws.subscription import Subscription


def html_of(value: Any) -> Optional[str]:
    """Return what a notebook shows of an object; None for its `repr`. Never raises."""
    try:
        return _html(value)
    except UsageError as exc:
        # What is not known yet says why.
        return with_lines(f"<code>{escape(safe_repr(value))}</code>", note=str(exc))
    except Exception:
        return None


def list_html(values: List[Any]) -> Optional[str]:
    """Return a table of a list of models; None for other lists."""
    return html_of(values) if is_list_of_models(values) else None


@singledispatch
def _html(value: Any) -> Optional[Html]:
    return None


@_html.register(Model)
@_html.register(AccountUpdate)
@_html.register(Notification)
def _(value: Any) -> Html:
    return model_table(value)


@_html.register
def _(value: list) -> Html:  # type: ignore[type-arg]
    return models_table(value, title_of(value))


@_html.register
def _(value: ModelList) -> Html:  # type: ignore[type-arg]
    return models_table(value, value._model.__name__)


@_html.register
def _(value: ModelDict) -> Html:  # type: ignore[type-arg]
    return models_table(list(value.values()), value._model.__name__)


@_html.register
def _(value: Snapshot) -> Html:
    return models_table(value.rows, f"Snapshot of {title_of(value.rows) or 'nothing'}")


@_html.register
def _(value: BookQueries) -> Html:  # type: ignore[type-arg]
    return book_table(value, type(value).__name__)


@_html.register
def _(value: BookSnapshot) -> Html:  # type: ignore[type-arg]
    return book_table(value, f"{value.symbol} {value.prec}", "a frozen copy")


@_html.register
def _(value: BookView) -> Html:
    book = value.snapshot()
    state = "current" if book.is_live and not value.is_stale else "not current"
    return book_table(book, f"{book.symbol} {book.prec}", f"{state}, {_as_of()}")


@_html.register
def _(value: BfxError) -> Html:
    return error_table(value)


@_html.register
def _(value: StateView) -> Html:  # type: ignore[type-arg]
    rows = list(value.values())
    is_stale = getattr(value, "is_stale", False)
    note = f"{'perhaps outdated, ' if is_stale else ''}{_as_of()}"
    return with_lines(models_table(rows, value._name.capitalize()), note=note)


@_html.register
def _(value: Account) -> Html:
    views: List[TableView[Any, Any]] = [value.wallets, value.orders, value.positions]
    views += [value.offers, value.credits, value.loans]
    counts = [
        (view._name, len(view) if view.is_ready else "not known yet") for view in views
    ]
    state = "perhaps outdated, " if value.is_ready and value.is_stale else ""
    return fields(counts, "Account", state + _as_of())


@_html.register
def _(value: Reply) -> Html:  # type: ignore[type-arg]
    return fields([("state", value._state())], value._request.name)


@_html.register
def _(value: OrderReply) -> Html:
    state = fields(
        [("state", value._state()), ("executed", value.executed)], value._request.name
    )
    parts = [state]
    if value.order is not None:
        parts.append(model_table(value.order))
    if value.fills:
        parts.append(models_table(value.fills, "Fills"))
    return Html("".join(parts))


@_html.register
def _(value: Portfolio) -> Html:
    rows, places = value._held, value._places
    worth = [None if row.value is None else round(row.value, places) for row in rows]
    columns = [
        Column("wallet", [row.wallet_type for row in rows]),
        Column("currency", [row.currency for row in rows]),
        Column("balance", [row.balance for row in rows]),
        Column("rate", [row.rate for row in rows]),
        Column(f"value in {value.currency}", worth),
        Column("by", [row.path for row in rows]),
    ]
    total = f"total {value.total:,.{places}f} {value.currency}"
    return table(columns, value._title, "; ".join([total, *value._notes]))


@_html.register
def _(value: Ladder) -> Html:
    columns = [
        Column("amount", [step.amount for step in value]),
        Column("% a day", [round(step.rate * 100, 6) for step in value]),
        Column("% a year", [round(step.yearly_rate * 100, 2) for step in value]),
        Column("days", [step.period for step in value]),
        Column("state", [step.state for step in value]),
    ]
    return table(columns, value._title)


@_html.register
def _(value: JoinedHistory) -> Html:
    error = value.exception
    return fields(
        [
            ("state", value._state),
            *([("error", str(error))] if error is not None else []),
        ],
        value._plan.title,
    )


@_html.register
def _(value: Subscription) -> Html:
    title = f"{type(value).__name__} {value._subscriber.name}"
    return fields(_state_of(value), title, _as_of())


@_html.register
def _(value: BookSubscription) -> Html:
    state = fields(_state_of(value), f"{type(value).__name__} {value._subscriber.name}")
    return Html(state + (_html(value.book) or ""))


def _state_of(value: Subscription[Any]) -> List[tuple[str, Any]]:
    age, errors = value.age, [value.exception, value.last_error]
    found = [
        ("status", value.status.value),
        ("updates", value.update_count),
        ("gaps", value.gap_count),
        ("dropped", value.dropped_count),
        ("queued", value.queued_count),
        ("last frame", None if age is None else f"{age:.1f} s ago"),
        ("errors", value.error_count),
    ]
    return found + [
        ("last error", error_text(each)) for each in errors if each is not None
    ]


@_html.register
def _(value: WebSocketClient) -> Html:
    return Html(
        fields(
            _rows_of(value),
            f"{type(value).__name__} {shown_url(value._settings.url)}",
            _as_of(),
        )
        + _subscriptions_of(value)
    )


@_html.register
def _(value: Client) -> Html:
    rows = [
        ("WebSocket", shown_url(value.wss._settings.url)),
        ("REST", shown_url(value._rest.host)),
        ("key", "yes" if value._credentials.has_key else "no"),
    ]
    if value.is_halted:
        rows.append(("orders", "halted"))
    return Html(
        fields([*rows, *_rows_of(value.wss)], type(value).__name__, _as_of())
        + _subscriptions_of(value.wss)
    )


def _rows_of(wss: WebSocketClient) -> List[tuple[str, Any]]:
    stats = wss.stats()
    rows = [("status", stats["status"]), ("connections", len(stats["connections"]))]
    rows += [(name, stats[name]) for name in ("updates", "gaps", "drops")]
    rows.append(("errors in callbacks", stats["error_count"]))
    if stats["last_error"] is not None:
        rows.append(("last error", stats["last_error"]))
    if wss.exception is not None:
        rows.append(("ended by", error_text(wss.exception)))
    return rows


def _subscriptions_of(wss: WebSocketClient) -> Html:
    rows = wss.stats()["subscriptions"]
    if not rows:
        return Html("")
    names = (
        "channel",
        "symbol",
        "key",
        "prec",
        "status",
        "updates",
        "gaps",
        "drops",
        "error_count",
    )
    columns = [Column(name, [row.get(name) for row in rows]) for name in names]
    shown = [
        each for each in columns if any(value is not None for value in each.values)
    ]
    return table(shown, f"Subscriptions: {len(rows)}")


def _as_of() -> str:
    return f"as of {datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
