from __future__ import annotations

import random
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.errors import NetworkError, RemoteError
from bfxsync.rest.paging import pages


class Row(NamedTuple):
    mts: float
    id: int


class Server:
    """
    A history as the exchange has it: both bounds inclusive, no cursor, cut after `limit` rows.

    `clamp` makes it give fewer rows than asked for without saying so; `disorder` mixes the rows
    of each page, `duplicates` sends some twice; `before` is called before each answer.
    """

    def __init__(
        self,
        rows: List[Row],
        *,
        clamp: Optional[int] = None,
        disorder: Optional[random.Random] = None,
        duplicates: bool = False,
        before: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.rows = rows
        self.requests: List[Tuple[Optional[int], Optional[int], int, int]] = []
        self._clamp = clamp
        self._disorder = disorder
        self._duplicates = duplicates
        self._before = before

    def fetch(
        self, start: Optional[int], end: Optional[int], limit: int, sort: int
    ) -> List[Row]:
        self._before(len(self.requests))
        self.requests.append((start, end, limit, sort))
        chosen = [
            row
            for row in sorted(self.rows, reverse=sort == -1)
            if (start is None or row.mts >= start) and (end is None or row.mts <= end)
        ]
        page = chosen[: limit if self._clamp is None else min(limit, self._clamp)]
        if self._duplicates and page:
            page = [page[0], *page][: max(limit, 2)]
        if self._disorder is not None:
            self._disorder.shuffle(page)
        return page


def read(
    server: Server,
    *,
    start: Optional[int] = None,
    end: Optional[int] = None,
    limit: int,
    max_limit: int = 20,
    sort: int = 1,
    unique: bool = False,
    resume_after: Optional[Row] = None,
) -> List[List[Row]]:
    return list(
        pages(
            server.fetch,
            start=start,
            end=end,
            limit=limit,
            max_limit=max_limit,
            sort=sort,
            mts_of=lambda row: row.mts,
            identity_of=None if unique else lambda row: row.id,
            resume_after=resume_after,
        )
    )


def flat(parts: List[List[Row]]) -> List[Row]:
    return [row for part in parts for row in part]


def rows_at(*times: float) -> List[Row]:
    return [Row(mts, id) for id, mts in enumerate(times, 1)]


SORTS = pytest.mark.parametrize("sort", [1, -1], ids=["ascending", "descending"])

# Few milliseconds for many rows; ids are not in the order of times.
HISTORIES = st.lists(
    st.tuples(st.integers(100, 106), st.integers(1, 1000)),
    max_size=40,
    unique_by=lambda pair: pair[1],
).map(lambda pairs: [Row(*pair) for pair in pairs])

LIMITS = st.integers(1, 60)

DIRECTIONS = st.sampled_from([1, -1])

BOUNDS = st.none() | st.integers(98, 108)


@given(HISTORIES, LIMITS, DIRECTIONS, BOUNDS, BOUNDS, st.booleans(), st.randoms())
def test_every_row_of_the_range_comes_once_and_in_order(
    rows: List[Row],
    limit: int,
    sort: int,
    start: Optional[int],
    end: Optional[int],
    duplicates: bool,
    disorder: random.Random,
) -> None:
    server = Server(rows, duplicates=duplicates, disorder=disorder)
    got = read(server, start=start, end=end, limit=limit, max_limit=60, sort=sort)
    expected = [
        row
        for row in sorted(rows, reverse=sort == -1)
        if (start is None or row.mts >= start) and (end is None or row.mts <= end)
    ]
    assert flat(got) == expected
    assert all(got)


@given(HISTORIES, LIMITS, st.integers(1, 60), DIRECTIONS)
def test_no_row_is_lost_or_wrong_when_milliseconds_have_more_than_the_largest_page(
    rows: List[Row], limit: int, max_limit: int, sort: int
) -> None:
    limit = min(limit, max_limit)
    expected = sorted(rows, reverse=sort == -1)
    counts = [len([row for row in rows if row.mts == mts]) for mts in range(100, 107)]
    server = Server(rows)
    got: List[Row] = []
    try:
        for part in pages(
            server.fetch,
            start=None,
            end=None,
            limit=limit,
            max_limit=max_limit,
            sort=sort,
            mts_of=lambda row: row.mts,
            identity_of=lambda row: row.id,
        ):
            got += part
    except RemoteError:
        # At twice the largest page nothing proves that there is not one more.
        assert max(counts) >= 2 * max_limit
        assert got == expected[: len(got)]
        assert not got or got[-1].mts != expected[len(got)].mts
    else:
        assert got == expected
        assert max(counts) < 2 * max_limit


@given(st.sets(st.integers(100, 160)), LIMITS, DIRECTIONS, BOUNDS)
def test_rows_with_times_of_their_own_need_no_identity(
    times: Any, limit: int, sort: int, start: Optional[int]
) -> None:
    rows = [Row(mts, 0) for mts in times]
    server = Server(rows)
    got = read(server, start=start, limit=limit, sort=sort, unique=True)
    expected = [row for row in rows if start is None or row.mts >= start]
    assert flat(got) == sorted(expected, reverse=sort == -1)


@given(st.lists(st.integers(0, 12), max_size=30), LIMITS, DIRECTIONS)
def test_times_may_have_fractions(quarters: List[int], limit: int, sort: int) -> None:
    rows = [Row(100 + quarter / 4, id) for id, quarter in enumerate(quarters)]
    got = read(Server(rows), limit=limit, max_limit=60, sort=sort)
    assert flat(got) == sorted(rows, reverse=sort == -1)


@pytest.mark.parametrize("limit", [1, 2, 5])
@SORTS
def test_a_millisecond_of_fractions_beyond_the_largest_page_is_read_from_both_ends(
    limit: int, sort: int
) -> None:
    rows = rows_at(99, *(100 + part / 16 for part in range(1, 9)), 101, 102)
    got = read(Server(rows), limit=limit, max_limit=5, sort=sort)
    assert flat(got) == sorted(rows, reverse=sort == -1)


@given(HISTORIES, LIMITS, DIRECTIONS, st.data())
def test_an_interrupted_iteration_goes_on_after_its_last_row(
    rows: List[Row], limit: int, sort: int, data: Any
) -> None:
    expected = sorted(rows, reverse=sort == -1)
    count = data.draw(st.integers(0, len(rows)))
    last = expected[count - 1] if count else None
    got = read(Server(rows), limit=limit, max_limit=60, sort=sort, resume_after=last)
    assert flat(got) == expected[count:]


@given(st.sets(st.integers(100, 140), min_size=1), LIMITS, DIRECTIONS, st.data())
def test_resuming_needs_no_identity_where_times_are_unique(
    times: Any, limit: int, sort: int, data: Any
) -> None:
    expected = sorted((Row(mts, 0) for mts in times), reverse=sort == -1)
    index = data.draw(st.integers(0, len(expected) - 1))
    server = Server(expected)
    got = read(
        server, limit=limit, sort=sort, unique=True, resume_after=expected[index]
    )
    assert flat(got) == expected[index + 1 :]
    assert all(row not in expected[: index + 1] for row in flat(got))


@given(HISTORIES, LIMITS, st.lists(st.integers(0, 2), max_size=10))
def test_rows_added_while_paging_come_once_and_in_order(
    rows: List[Row], limit: int, later: List[int]
) -> None:
    history = sorted(rows)
    newest = max((row.mts for row in history), default=100)
    pending = list(later)

    def grow(count: int) -> None:
        nonlocal newest
        if pending:
            newest += pending.pop(0)
            history.append(Row(newest, 1001 + count))

    server = Server(history, before=grow)
    got = flat(read(server, limit=limit, max_limit=60))
    # The last page was not full, so at that time there was nothing more.
    assert got == sorted(history)


@given(HISTORIES, LIMITS, st.lists(st.integers(0, 2), max_size=10))
def test_rows_added_do_not_disturb_what_is_older(
    rows: List[Row], limit: int, later: List[int]
) -> None:
    history = list(rows)
    pending = list(later)

    def grow(count: int) -> None:
        if pending:
            history.append(Row(107 + pending.pop(0), 1001 + count))

    server = Server(history, before=grow)
    got = flat(read(server, limit=limit, max_limit=60, sort=-1))
    assert got == sorted(set(got), reverse=True)
    assert [row for row in got if row.mts < 107] == sorted(rows, reverse=True)


@given(HISTORIES, st.integers(26, 60), DIRECTIONS)
def test_a_maximum_that_was_lowered_loses_nothing(
    rows: List[Row], limit: int, sort: int
) -> None:
    got = read(Server(rows, clamp=25), limit=limit, max_limit=60, sort=sort)
    assert flat(got) == sorted(rows, reverse=sort == -1)


@SORTS
def test_a_short_page_is_the_last_one(sort: int) -> None:
    server = Server(rows_at(1, 2, 3))
    assert len(read(server, limit=10, sort=sort)) == 1
    assert len(server.requests) == 1


def test_a_length_that_looks_like_a_maximum_is_asked_beyond() -> None:
    server = Server(rows_at(*range(25)))
    assert len(flat(read(server, limit=100, max_limit=100))) == 25
    assert server.requests == [(None, None, 100, 1), (24, None, 100, 1)]


def test_equal_short_pages_from_both_sides_are_complete_in_any_order() -> None:
    class Unordered(Server):
        def fetch(self, *arguments: Any) -> List[Row]:
            return sorted(super().fetch(*arguments))

    server = Unordered(rows_at(*[7] * 25))
    assert flat(read(server, limit=100, max_limit=100)) == server.rows


def test_an_empty_history_is_one_request() -> None:
    server = Server([])
    assert read(server, limit=10) == []
    assert len(server.requests) == 1


def test_times_of_their_own_are_not_asked_for_twice() -> None:
    server = Server(rows_at(*range(1, 31)))
    got = read(server, start=1, end=30, limit=10, unique=True)
    assert [len(part) for part in got] == [10, 10, 10]
    assert server.requests == [(1, 30, 10, 1), (11, 30, 10, 1), (21, 30, 10, 1)]
    server.requests.clear()
    read(server, start=1, end=30, limit=10, unique=True, sort=-1)
    assert server.requests == [(1, 30, 10, -1), (1, 20, 10, -1), (1, 10, 10, -1)]


def test_a_millisecond_at_the_end_of_a_full_page_waits_for_the_next_one() -> None:
    server = Server(rows_at(1, 2, 2, 2, 3))
    assert read(server, limit=3) == [rows_at(1), rows_at(1, 2, 2, 2, 3)[1:]]
    # The second page began with three rows of one millisecond, so the largest was asked for.
    assert server.requests == [
        (None, None, 3, 1),
        (2, None, 3, 1),
        (2, None, 20, 1),
    ]


def test_a_wider_page_is_asked_for_only_where_it_is_needed() -> None:
    server = Server(rows_at(1, 1, 1, *range(2, 41)))
    read(server, limit=2)
    assert [request[2] for request in server.requests[:3]] == [2, 20, 2]


def test_a_page_of_one_row_makes_way() -> None:
    server = Server(rows_at(*range(1, 31)))
    assert flat(read(server, limit=1)) == server.rows


@SORTS
def test_a_millisecond_with_too_many_rows_is_an_error_and_not_a_gap(sort: int) -> None:
    rows = rows_at(1, *[2] * 50, 3)
    server = Server(rows)
    got: List[Row] = []
    with pytest.raises(RemoteError, match=f"{'start=3' if sort == 1 else 'end=1'}"):
        for part in pages(
            server.fetch,
            start=None,
            end=None,
            limit=10,
            max_limit=20,
            sort=sort,
            mts_of=lambda row: row.mts,
            identity_of=lambda row: row.id,
        ):
            got += part
    assert got == [rows[0] if sort == 1 else rows[-1]]
    # What the message says works.
    if sort == 1:
        assert flat(read(server, start=3, limit=10)) == [rows[-1]]
    else:
        assert flat(read(server, end=1, limit=10, sort=-1)) == [rows[0]]


def test_pages_from_both_ends_that_do_not_fit_are_an_error() -> None:
    class Unordered(Server):
        def fetch(self, *arguments: Any) -> List[Row]:
            return sorted(super().fetch(*arguments))

    with pytest.raises(RemoteError):
        read(Unordered(rows_at(*[7] * 25)), limit=10, max_limit=20)


def test_full_pages_out_of_the_range_are_an_error_and_no_endless_loop() -> None:
    class Deaf(Server):
        def fetch(self, *arguments: Any) -> List[Row]:
            self.requests.append(arguments)
            return self.rows[:10]

    server = Deaf(rows_at(*range(1, 31)))
    with pytest.raises(RemoteError, match="between 11 and None ms, got 10 others"):
        read(server, limit=10, unique=True)
    assert len(server.requests) == 2


def test_rows_out_of_the_range_are_left_out() -> None:
    class Generous(Server):
        def fetch(self, *arguments: Any) -> List[Row]:
            return [Row(1, 1), *super().fetch(*arguments)]

    server = Generous(rows_at(1, 2, 3, 4, 5))
    assert flat(read(server, start=3, limit=2)) == server.rows[2:]


def test_what_a_request_raises_comes_through() -> None:
    def fail(count: int) -> None:
        if count == 1:
            raise NetworkError("cut", phase="receive")

    server = Server(rows_at(*range(1, 31)), before=fail)
    iterator = pages(
        server.fetch,
        start=None,
        end=None,
        limit=10,
        max_limit=10,
        sort=1,
        mts_of=lambda row: row.mts,
        identity_of=lambda row: row.id,
    )
    first = next(iterator)
    with pytest.raises(NetworkError):
        next(iterator)
    again = Server(server.rows)
    assert first + flat(read(again, limit=10, resume_after=first[-1])) == again.rows


def test_nothing_is_asked_for_before_the_first_row_is_wanted() -> None:
    server = Server(rows_at(*range(1, 31)))
    iterator = pages(
        server.fetch,
        start=None,
        end=None,
        limit=10,
        max_limit=10,
        sort=1,
        mts_of=lambda row: row.mts,
    )
    assert server.requests == []
    next(iterator)
    assert len(server.requests) == 1


def test_resuming_at_the_end_of_the_range_asks_for_nothing_more() -> None:
    server = Server(rows_at(1, 2, 3))
    last = server.rows[-1]
    assert read(server, end=3, limit=10, unique=True, resume_after=last) == []
    assert server.requests == []
