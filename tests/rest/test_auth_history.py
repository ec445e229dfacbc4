"""Histories of an account: page after page, no row lost and none twice."""

from __future__ import annotations

import inspect
import json
from typing import Any, Dict, List, NamedTuple, Optional

import pytest

from bfxsync.errors import RemoteError, UsageError

from . import test_auth_endpoints as table
from .tables import arguments_of

T0 = 1_678_465_320_000


class History(NamedTuple):
    """
    An iterator, and what its rows look like.

    Attributes
    ----------
    on, name : str
    get : str
        The method that it asks.
    mts, id : int or str
        Where a row has the time by which the exchange filters, and what tells the rows of one
        time apart; None if there is one row for each.
    is_sorted : bool
        The exchange can begin with the oldest row.
    """

    on: str
    name: str
    get: str
    mts: Any
    id: Optional[Any]
    is_sorted: bool = False


HISTORIES = [
    History("auth", "iter_orders_history", "get_orders_history", 4, 0),
    History("auth", "iter_otc_orders_history", "get_otc_orders_history", 2, 0),
    History("auth", "iter_trades_history", "get_trades_history", 2, 0, True),
    History("auth", "iter_ledgers", "get_ledgers", 3, 0),
    History("auth", "iter_movements", "get_movements", 6, 0),
    History("auth", "iter_positions_history", "get_positions_history", 13, 11),
    History("auth", "iter_positions_snapshot", "get_positions_snapshot", 13, 11),
    History("auth", "iter_positions_audit", "get_positions_audit", 13, 11),
    History("auth", "iter_login_history", "get_login_history", 2, 0),
    # These have no id; what they say tells them apart.
    History("auth", "iter_changelog_history", "get_changelog_history", 0, 2),
    History("merchant", "iter_invoices", "get_invoices", "t", "id"),
    History("auth", "iter_funding_offers_history", "get_funding_offers_history", 3, 0),
    History("auth", "iter_funding_loans_history", "get_funding_loans_history", 4, 0),
    History(
        "auth", "iter_funding_credits_history", "get_funding_credits_history", 4, 0
    ),
    History("auth", "iter_funding_trades_history", "get_funding_trades_history", 2, 0),
]

# Those that page in another way, and have tests of their own.
OTHERS: Dict[str, List[str]] = {"auth": ["iter_deposit_addresses"]}

EVERY = pytest.mark.parametrize("history", HISTORIES, ids=lambda h: h.name)


class Pages:
    """Stands for `RestTransport`: answers as the exchange does, from so many rows."""

    clock_skew_s = 0.0

    def __init__(self, history: History, rows: list[Any]) -> None:
        self.requests: list[dict[str, Any]] = []
        self._history = history
        self._rows = rows
        self.maximum = 10**9

    def request(self, method: str, path: str, **options: Any) -> Any:
        asked = {k: v for k, v in options["body"].items() if v is not None}
        self.requests.append(asked)
        mts = self._history.mts
        assert self._history.is_sorted or "sort" not in asked

        def mts_of(row: Any) -> Any:
            return row[mts][0] if isinstance(row[mts], list) else row[mts]

        rows = sorted(self._rows, key=mts_of, reverse=asked.get("sort", -1) == -1)
        start, end = asked.get("start", 0), asked.get("end", 10**14)
        chosen = [row for row in rows if start <= mts_of(row) <= end]
        return json.loads(json.dumps(chosen[: min(asked["limit"], self.maximum)]))


def sample(history: History) -> Any:
    """Return a row of the documentation for the method that is asked."""
    for row in table.ROWS:
        if (row["on"], row["call"][0]) == (history.on, history.get):
            answer = json.loads(row["answer"])
            if answer:
                return answer[0]
    raise AssertionError(f"the table has no row for {history.get}")


def rows_at(history: History, *times: int) -> list[Any]:
    """Return a row for each of these times."""
    rows = []
    for number, mts in enumerate(times):
        row = json.loads(json.dumps(sample(history)))
        row[history.mts] = T0 + mts
        if history.id is not None:
            # Some ids are texts.
            row[history.id] = type(row[history.id])(1000 + number)
        rows.append(row)
    return rows


def iterate(history: History, transport: Any, **options: Any) -> Any:
    face = table.FACES[history.on](transport, strict=options.pop("strict", True))
    # Those that need a first argument have it in the table.
    needed = next(
        arguments_of(row)[0]
        for row in table.ROWS
        if (row["on"], row["call"][0]) == (history.on, history.get)
    )
    return getattr(face, history.name)(*needed, **options)


@pytest.mark.parametrize("on", table.FACES)
def test_every_iterator_is_here(on: str) -> None:
    names = {h.name for h in HISTORIES if h.on == on} | set(OTHERS.get(on, ()))
    members = inspect.getmembers(table.FACES[on], inspect.isfunction)
    assert names == {name for name, _ in members if name.startswith("iter_")}


@EVERY
def test_history_of_many_pages_comes_whole_and_newest_first(history: History) -> None:
    if history.id is None:
        times = [*range(0, 40, 2)]
    else:
        # Several rows of one time, also across the ends of pages.
        times = [0, 1, 1, 1, 2, 2, 3, 4, 4, 5, 6, 6, 6, 7, 8, 8, 9]
    rows = rows_at(history, *times)
    transport = Pages(history, rows)
    options: Any = {"sort": -1} if history.is_sorted else {}
    found = list(iterate(history, transport, limit=4, **options))
    assert len(found) == len(rows)
    assert len(transport.requests) > 4
    one_page = Pages(history, rows)
    assert found == list(iterate(history, one_page, **options))
    # The first time is asked for once more: nothing else tells that there is nothing before.
    assert len(one_page.requests) == 2


@EVERY
def test_equal_rows_of_one_answer_all_come(history: History) -> None:
    rows = rows_at(history, 0, 1, 2, 3)
    options: Any = {"sort": -1} if history.is_sorted else {}
    for count in (1, 2, 3):
        # As both sides of a trade with oneself, but for what tells them apart.
        transport = Pages(history, [*rows, *[rows[1]] * count, rows[3]])
        whole = list(iterate(history, transport, **options))
        assert len(whole) == len(rows) + count + 1
        for limit in (2, 5):
            found = iterate(history, transport, limit=limit, **options)
            assert list(found) == whole


@EVERY
def test_short_page_is_not_the_last(history: History) -> None:
    rows = rows_at(history, *range(60))
    transport = Pages(history, rows)
    transport.maximum = 7
    options: Any = {"sort": -1} if history.is_sorted else {}
    assert len(list(iterate(history, transport, **options))) == len(rows)


@EVERY
def test_unreadable_row_ends_an_iteration_or_is_skipped(
    history: History, caplog: pytest.LogCaptureFixture
) -> None:
    rows = rows_at(history, *range(9))
    # In none of the layouts is a list at this place.
    rows[4][history.mts] = [rows[4][history.mts]]
    transport = Pages(history, rows)
    options: Any = {"sort": -1} if history.is_sorted else {}
    found = []
    with pytest.raises(RemoteError) as caught:
        for row in iterate(history, transport, limit=5, **options):
            found.append(row)
    assert caught.value.unreadable[0][0] == rows[4]
    assert found and set(map(str, caught.value.rows)) <= set(map(str, found))
    assert caplog.text == ""
    skipped = list(iterate(history, transport, limit=5, strict=False, **options))
    assert len(skipped) == len(rows) - 1
    assert "1 of 5 rows cannot be read" in caplog.text


@EVERY
def test_range_is_inclusive(history: History) -> None:
    rows = rows_at(history, 0, 1, 2, 3, 4)
    found = list(iterate(history, Pages(history, rows), start=T0 + 1, end=T0 + 3))
    assert len(found) == 3
    # As the official client has times.
    found = list(iterate(history, Pages(history, rows), start=str(T0 + 1), limit=2))
    assert len(found) == 4


@EVERY
def test_interrupted_iteration_goes_on_behind_its_last_row(history: History) -> None:
    rows = rows_at(history, 0, 2, 4, 6, 8, 10)
    whole = list(iterate(history, Pages(history, rows)))
    for index, last in enumerate(whole):
        rest = iterate(history, Pages(history, rows), resume_after=last, limit=2)
        assert list(rest) == whole[index + 1 :]


@EVERY
def test_impossible_options_are_refused_by_the_call(history: History) -> None:
    transport = Pages(history, [])
    for options in (
        {"limit": 0},
        {"start": T0 + 1, "end": T0},
        {"start": 1_678_465_320},
        {"resume_after": object()},
    ):
        with pytest.raises(UsageError):
            iterate(history, transport, **options)
    assert transport.requests == []


@pytest.mark.parametrize(
    "history", [h for h in HISTORIES if h.is_sorted], ids=lambda h: h.name
)
def test_history_may_begin_with_its_oldest_row(history: History) -> None:
    rows = rows_at(history, 0, 1, 1, 2, 3, 5, 8)
    newest = list(iterate(history, Pages(history, rows), sort=-1, limit=3))
    oldest = list(iterate(history, Pages(history, rows), limit=3))
    assert oldest == newest[::-1] and len(oldest) == len(rows)


def test_ids_of_an_audit_may_be_an_iterator() -> None:
    (history,) = [h for h in HISTORIES if h.name == "iter_positions_audit"]
    transport = Pages(history, rows_at(history, 0, 2, 4, 6))
    found = list(iterate(history, transport, ids=iter([7, 8]), limit=2))
    assert len(found) == 4
    assert len(transport.requests) > 1
    assert all(asked["id"] == [7, 8] for asked in transport.requests)


@EVERY
def test_iterator_explains_its_own_options(history: History) -> None:
    """Its limit is that of one request: who expects fewer rows must read it there."""
    method = getattr(table.FACES[history.on], history.name)
    text = " ".join((inspect.getdoc(method) or "").split())
    assert "limit : int, optional Rows per request" in text


@EVERY
def test_history_shows_how_far_it_has_come(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tqdm")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    rows = rows_at(history, 0, 2)
    found = iterate(history, Pages(history, rows), start=T0, progress=True)
    assert len(list(found)) == 2
