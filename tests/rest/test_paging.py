from __future__ import annotations

import random
from collections import Counter
from typing import (
    Any,
    Callable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.errors import NetworkError, RemoteError, UsageError
from bfxsync.rest.history import pages as pages_module
from bfxsync.rest.history.history import History, Iteration
from bfxsync.rest.history.pages import pages

FEW = 25


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let histories of these tests be small ones."""
    monkeypatch.setattr(pages_module, "FEW", FEW)


class Row(NamedTuple):
    mts: float
    id: int


class Server:
    """
    A history as the exchange has it: both bounds inclusive, no cursor, cut after `limit` rows.

    `clamp` makes it give fewer rows than asked for without saying so; `disorder` mixes the rows
    of each page; `before` is called before each answer. With `is_stable` rows of one time have
    the same order in both directions; without `is_sortable` there is only the newest first.
    """

    def __init__(
        self,
        rows: List[Any],
        *,
        clamp: Optional[int] = None,
        maxima: Sequence[int] = (),
        disorder: Optional[random.Random] = None,
        is_stable: bool = False,
        is_sortable: bool = True,
        before: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.rows = rows
        self.requests: List[Tuple[Optional[int], Optional[int], int, int]] = []
        self.maxima = maxima or [10**9 if clamp is None else clamp]
        self._disorder = disorder
        self._is_stable = is_stable
        self._is_sortable = is_sortable
        self._before = before

    def fetch(
        self, start: Optional[int], end: Optional[int], limit: int, sort: int
    ) -> List[Row]:
        self._before(len(self.requests))
        self.requests.append((start, end, limit, sort))
        is_descending = sort == -1 or not self._is_sortable
        rows = sorted(self.rows, reverse=is_descending)
        if self._is_stable:
            rows = sorted(self.rows)
            rows.sort(key=lambda row: row.mts, reverse=is_descending)
        chosen = [
            row
            for row in rows
            if (start is None or row.mts >= start) and (end is None or row.mts <= end)
        ]
        # With each answer another one, if there are several.
        maximum = self.maxima[len(self.requests) % len(self.maxima)]
        page = chosen[: min(limit, maximum)]
        if self._disorder is not None:
            self._disorder.shuffle(page)
        return page


def paging(
    server: Server,
    *,
    limit: int,
    max_limit: int = 20,
    unique: bool = False,
    from_both_ends: bool = True,
    skip: Optional[Callable[[RemoteError], None]] = None,
    **options: Any,
) -> Iterator[List[Any]]:
    """Page through the history of a server; with `unique` its rows have times of their own."""
    history: History[Any] = History(
        object,
        max_limit,
        identity_of=None if unique else lambda row: row.id,
        has_own_times=unique,
        from_both_ends=from_both_ends,
    )
    return pages(server.fetch, history, Iteration(limit=limit, **options), skip)


def read(server: Server, **options: Any) -> List[List[Any]]:
    return list(paging(server, **options))


def rows_and_error(
    parts: Iterator[List[Any]],
) -> Tuple[List[Any], Optional[RemoteError]]:
    """Return all rows, and the error after them, if there is one."""
    got: List[Any] = []
    try:
        for part in parts:
            got += part
    except RemoteError as error:
        return got, error
    return got, None


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

# So many of one time that a page may be cut among them.
CROWDS = st.tuples(st.integers(FEW, 60), st.integers(0, 5)).map(
    lambda counts: rows_at(*[100] * counts[0], *[101] * counts[1])
)

# With rows that nothing tells apart.
WITH_TWINS = st.lists(
    st.builds(Row, st.integers(100, 106), st.integers(1, 4)), max_size=40
)

LIMITS = st.integers(1, 60)

DIRECTIONS = st.sampled_from([1, -1])

BOUNDS = st.none() | st.integers(98, 108)


@given(
    HISTORIES | WITH_TWINS,
    LIMITS,
    DIRECTIONS,
    BOUNDS,
    BOUNDS,
    st.booleans(),
    st.randoms(),
)
def test_every_row_of_the_range_comes_once_and_in_order(
    rows: List[Row],
    limit: int,
    sort: int,
    start: Optional[int],
    end: Optional[int],
    is_stable: bool,
    disorder: random.Random,
) -> None:
    server = Server(rows, is_stable=is_stable, disorder=disorder)
    got = read(
        server,
        start=start,
        end=end,
        limit=limit,
        max_limit=60,
        sort=sort,
        from_both_ends=len(set(rows)) == len(rows),
    )
    expected = [
        row
        for row in sorted(rows, reverse=sort == -1)
        if (start is None or row.mts >= start) and (end is None or row.mts <= end)
    ]
    assert flat(got) == expected
    assert all(got)


@given(
    HISTORIES,
    LIMITS,
    st.integers(2, 60),
    DIRECTIONS,
    st.integers(2, 40),
    st.booleans(),
)
def test_no_row_is_lost_silently_whatever_a_page_holds(
    rows: List[Row],
    limit: int,
    max_limit: int,
    sort: int,
    clamp: int,
    is_stable: bool,
) -> None:
    # Where the rows of a millisecond look the same from both ends, nothing shows that fewer are
    # given at once than the exchange gives anywhere.
    if is_stable:
        clamp = max(clamp, FEW)
    limit = min(limit, max_limit)
    server = Server(rows, clamp=clamp, is_stable=is_stable)
    expect_all_or_an_error(server, rows, limit, max_limit, sort, clamp)


@given(HISTORIES | WITH_TWINS, LIMITS, st.integers(FEW, 60), st.booleans(), DIRECTIONS)
def test_rows_without_a_key_are_never_lost_silently(
    rows: List[Row], limit: int, clamp: int, is_sortable: bool, sort: int
) -> None:
    sort = sort if is_sortable else -1
    server = Server(rows, clamp=clamp, is_sortable=is_sortable)
    expect_all_or_an_error(server, rows, limit, 60, sort, clamp, from_both_ends=False)


def expect_all_or_an_error(
    server: Server,
    rows: List[Row],
    limit: int,
    max_limit: int,
    sort: int,
    clamp: int,
    from_both_ends: bool = True,
) -> None:
    expected = sorted(rows, reverse=sort == -1)
    parts = paging(
        server,
        limit=limit,
        max_limit=max_limit,
        sort=sort,
        from_both_ends=from_both_ends,
    )
    got, error = rows_and_error(parts)
    if error is None:
        assert got == expected
        return
    # It is one only where a millisecond may fill a page, and it says where to go on.
    counts = [len([row for row in rows if row.mts == mts]) for mts in range(100, 107)]
    assert max(counts) >= min(max_limit, clamp) or max(counts) == len(rows)
    assert "may have more rows than" in str(error)
    assert got == expected[: len(got)]
    assert not got or got[-1].mts != expected[len(got)].mts


@given(HISTORIES, LIMITS, st.lists(st.integers(2, 60), min_size=1), DIRECTIONS)
def test_a_maximum_that_changes_loses_no_row_in_silence(
    rows: List[Row], limit: int, maxima: List[int], sort: int
) -> None:
    maxima = [max(maximum, FEW) for maximum in maxima]
    server = Server(rows, maxima=maxima)
    expect_all_or_an_error(server, rows, limit, 60, sort, min(maxima))


@given(
    st.lists(st.integers(100, 102), min_size=FEW, max_size=80).map(
        lambda t: rows_at(*t)
    ),
    LIMITS,
    st.lists(st.integers(FEW, 60), min_size=2, max_size=4),
    DIRECTIONS,
    st.booleans(),
)
def test_a_maximum_lowered_among_rows_of_one_time_loses_none(
    rows: List[Row], limit: int, maxima: List[int], sort: int, from_both_ends: bool
) -> None:
    def lower(count: int) -> None:
        server.maxima = [sorted(maxima, reverse=True)[min(count, len(maxima) - 1)]]

    server = Server(rows, before=lower)
    parts = paging(
        server, limit=limit, max_limit=60, sort=sort, from_both_ends=from_both_ends
    )
    got, error = rows_and_error(parts)
    expected = sorted(rows, reverse=sort == -1)
    if error is None:
        assert got == expected
    else:
        assert max(Counter(row.mts for row in rows).values()) >= min(maxima)
        assert got == expected[: len(got)]


@SORTS
@pytest.mark.parametrize("longest", [40, 41])
def test_rows_that_only_the_other_end_shows_count(longest: int, sort: int) -> None:
    def change(count: int) -> None:
        server.maxima = [[30, 40, longest, 60][min(count, 3)]]

    rows = rows_at(*[7] * 40, 7 + sort)
    server = Server(rows, before=change, is_stable=True)
    if longest == 40:
        with pytest.raises(RemoteError, match="may have more rows than the 30"):
            read(server, limit=60, sort=sort, max_limit=60)
    else:
        got = read(server, limit=60, sort=sort, max_limit=60)
        assert flat(got) == sorted(rows, reverse=sort == -1)


@SORTS
def test_unreadable_row_that_only_the_other_end_shows_is_an_error(sort: int) -> None:
    def change(count: int) -> None:
        server.maxima = [[30, 31, 60][min(count, 2)]]

    rows = rows_at(*[7] * 31, *[7 + sort] * 10)
    server = Unreadable(rows, {31}, before=change, is_stable=True)
    got, error = rows_and_error(paging(server, limit=60, max_limit=60, sort=sort))
    assert got == sorted(rows[:30], reverse=sort == -1)
    assert error is not None and error.unreadable == [(rows[30], "no")]


def test_unreadable_row_behind_a_short_page_of_one_time_is_an_error() -> None:
    def change(count: int) -> None:
        server.maxima = [[3, 4][min(count, 1)]]

    server = Unreadable(rows_at(7, 7, 7, 7), {4}, before=change)
    got, error = rows_and_error(paging(server, limit=10))
    assert got == server.rows[:3]
    assert error is not None and error.unreadable == [(server.rows[3], "no")]


@SORTS
@pytest.mark.parametrize("following", [1, 5])
def test_millisecond_that_fills_short_pages_is_an_error(
    following: int, sort: int
) -> None:
    server = Server(rows_at(*[7] * 6, *[7 + sort] * following), clamp=5)
    with pytest.raises(RemoteError, match="^7 ms may have more rows than the 5 "):
        read(server, limit=10, sort=sort, from_both_ends=False)


@SORTS
def test_wider_page_with_fewer_rows_is_an_error(sort: int) -> None:
    def lower(count: int) -> None:
        server.maxima = [60, 4][count : count + 1] or [4]

    server = Server(rows_at(*[7] * 12), before=lower)
    with pytest.raises(RemoteError, match="^rows of 7 ms were at the end of a page"):
        read(server, limit=10, max_limit=60, sort=sort)


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
def test_long_millisecond_of_fractions_is_read_from_both_ends(
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
    assert got == sorted(set(got))
    # A millisecond that has been given is not asked for again, nor is it after the last page.
    last_page = max(
        count for count, request in enumerate(server.requests) if request[3] == 1
    )
    assert all(
        row.mts == got[-1].mts or row.id > 1001 + last_page
        for row in set(history) - set(got)
    )


# Without an older row, a growing millisecond is the whole history, which nothing proves complete.
@given(HISTORIES.filter(bool), LIMITS, st.lists(st.integers(0, 2), max_size=10))
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
def test_an_end_costs_one_request(sort: int) -> None:
    server = Server(rows_at(1, 2, 3))
    assert flat(read(server, limit=10, sort=sort)) == server.rows[::sort]
    last = server.rows[::sort][-1].mts
    bounds = (last, None) if sort == 1 else (None, last)
    assert server.requests == [(None, None, 10, sort), (*bounds, 10, sort)]


@SORTS
def test_a_single_row_is_given_when_nothing_follows(sort: int) -> None:
    server = Server(rows_at(5))
    assert read(server, limit=10, sort=sort) == [server.rows]
    assert len(server.requests) == 2


@pytest.mark.parametrize("clamp", [3, 7, 120, 999])
@SORTS
def test_a_short_page_is_not_taken_for_the_last_one(clamp: int, sort: int) -> None:
    server = Server(rows_at(*range(1500)), clamp=clamp)
    got = read(server, limit=2500, max_limit=2500, sort=sort)
    assert flat(got) == server.rows[::sort]


def test_a_length_that_looks_like_a_maximum_is_asked_beyond() -> None:
    server = Server(rows_at(*range(25)))
    assert len(flat(read(server, limit=100, max_limit=100))) == 25
    assert server.requests == [(None, None, 100, 1), (24, None, 100, 1)]


@pytest.mark.parametrize("is_sortable", [True, False])
def test_rows_that_nothing_tells_apart_all_come(is_sortable: bool) -> None:
    rows = [Row(5, 1), Row(5, 1), Row(6, 2), Row(6, 2), Row(6, 2)]
    server = Server(rows, is_sortable=is_sortable)
    for limit in (1, 2, 3, 10):
        got = read(server, limit=limit, sort=-1, from_both_ends=False)
        assert flat(got) == rows[::-1]


def test_few_rows_of_one_time_are_all_that_there_is() -> None:
    for is_stable in (True, False):
        server = Server(rows_at(7, 7, 7), is_stable=is_stable)
        assert flat(read(server, limit=100, max_limit=100)) == server.rows
    server = Server(rows_at(7, 7, 7), is_sortable=False)
    got = read(server, limit=100, max_limit=100, sort=-1, from_both_ends=False)
    assert flat(got) == server.rows[::-1]


def test_a_longer_page_shows_that_a_millisecond_is_whole() -> None:
    # From both ends the same rows in the same order: that proves nothing.
    rows = rows_at(*[7] * 30, *[8] * 31)
    server = Server(rows, is_stable=True)
    assert flat(read(server, end=7, limit=100, max_limit=100)) == rows[:30]
    assert server.requests == [
        (None, 7, 100, 1),
        (7, 7, 100, -1),
        (None, None, 100, 1),
    ]


@pytest.mark.parametrize("is_sortable", [True, False])
def test_a_lowered_maximum_full_of_one_time_is_an_error(is_sortable: bool) -> None:
    server = Server(rows_at(*[7] * 1500), clamp=999, is_sortable=is_sortable)
    if is_sortable:
        got = read(server, limit=2500, max_limit=2500)  # the ends meet
        assert flat(got) == server.rows
        server = Server(rows_at(*[7] * 2500), clamp=999)
    with pytest.raises(RemoteError, match="more rows than the 999"):
        read(server, limit=2500, max_limit=2500, sort=-1, from_both_ends=is_sortable)


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


def test_last_millisecond_of_a_full_page_waits() -> None:
    server = Server(rows_at(1, 2, 2, 2, 3))
    rows = server.rows
    assert read(server, limit=3) == [rows[:1], rows[1:4], rows[4:]]
    # The second page began with three rows of one millisecond, so the largest was asked for.
    assert server.requests == [
        (None, None, 3, 1),
        (2, None, 3, 1),
        (2, None, 20, 1),
        (3, None, 3, 1),
    ]


def test_wider_page_is_requested_only_where_needed() -> None:
    server = Server(rows_at(1, 1, 1, *range(2, 41)))
    read(server, limit=2)
    assert [request[2] for request in server.requests[:3]] == [2, 20, 2]


def test_a_page_of_one_row_makes_way() -> None:
    server = Server(rows_at(*range(1, 31)))
    assert flat(read(server, limit=1)) == server.rows


@SORTS
def test_millisecond_with_too_many_rows_raises(sort: int) -> None:
    rows = rows_at(1, *[2] * 50, 3)
    server = Server(rows)
    parts = paging(server, limit=10, sort=sort, from_both_ends=False)
    got, error = rows_and_error(parts)
    assert ("start=3" if sort == 1 else "end=1") in str(error)
    assert got == [rows[0] if sort == 1 else rows[-1]]
    # What the message says works.
    if sort == 1:
        assert flat(read(server, start=3, limit=10)) == [rows[-1]]
    else:
        assert flat(read(server, end=1, limit=10, sort=-1)) == [rows[0]]


def test_inconsistent_pages_from_both_ends_raise() -> None:
    class Unordered(Server):
        def fetch(self, *arguments: Any) -> List[Row]:
            return sorted(super().fetch(*arguments))

    with pytest.raises(RemoteError):
        read(Unordered(rows_at(*[7] * 25)), limit=10, max_limit=20)


def test_full_pages_out_of_range_raise() -> None:
    class Deaf(Server):
        def fetch(self, *arguments: Any) -> List[Row]:
            self.requests.append(arguments)
            return self.rows[:10]

    server = Deaf(rows_at(*range(1, 31)))
    with pytest.raises(RemoteError, match="between 11 and None ms, got 10 others"):
        read(server, limit=10, unique=True)
    assert len(server.requests) == 2


@pytest.mark.parametrize("second", [[], [Row(3, 3)]], ids=len)
def test_held_rows_that_do_not_come_again_are_an_error(second: List[Row]) -> None:
    class ByAnotherTime(Server):
        def fetch(self, *arguments: Any) -> List[Row]:
            return [Row(9, 1), Row(5, 2)] if arguments[1] is None else second

    with pytest.raises(RemoteError, match="5 ms were at the end of a page, but not"):
        read(ByAnotherTime([]), limit=10, sort=-1)


def test_rows_that_were_asked_for_before_are_an_error() -> None:
    class Deaf(Server):
        def fetch(self, *arguments: Any) -> List[Row]:
            return self.rows[:10]

    with pytest.raises(RemoteError, match="between 10 and None ms, got 9 others"):
        read(Deaf(rows_at(*range(1, 31))), limit=100, max_limit=100)


UNREADABLE = RemoteError(
    "1 of 3 rows cannot be read: no", rows=rows_at(1, 2), unreadable=[("?", "no")]
)


def fail_with(error: RemoteError, answer: int = 0) -> Callable[[int], None]:
    def before(count: int) -> None:
        if count == answer:
            raise error

    return before


@SORTS
def test_good_rows_of_a_page_come_before_its_error(sort: int) -> None:
    server = Server([], before=fail_with(UNREADABLE))
    iterator = paging(server, limit=10, sort=sort)
    assert next(iterator) == rows_at(1, 2)[::sort]
    with pytest.raises(RemoteError) as caught:
        next(iterator)
    assert caught.value is UNREADABLE


def test_unreadable_row_of_a_millisecond_read_again_is_an_error() -> None:
    class Later(Server):
        """Has a row that cannot be read when asked for proof: after both ends and what follows."""

        def fetch(self, *arguments: Any) -> List[Row]:
            page = super().fetch(*arguments)
            if len(self.requests) < 4:
                return page
            raise RemoteError("no", rows=page, unreadable=[("?", "no")])

    server = Later(rows_at(7, 7, 7, 8), clamp=3)
    got, error = rows_and_error(paging(server, limit=10))
    assert got == server.rows[:3]
    assert error is not None and error.unreadable == [("?", "no")]


def skipped(server: Server, limit: int = 10) -> Tuple[List[Row], List[RemoteError]]:
    errors: List[RemoteError] = []
    parts = paging(
        server,
        limit=limit,
        max_limit=limit,
        from_both_ends=False,
        skip=errors.append,
    )
    return flat(list(parts)), errors


def test_unreadable_rows_are_skipped_and_the_history_goes_on() -> None:
    class WithOne(Server):
        """Has a row that cannot be read in its first page."""

        def fetch(self, *arguments: Any) -> List[Row]:
            page = super().fetch(*arguments)
            if len(self.requests) > 1:
                return page
            raise RemoteError("no", rows=page[:-1], unreadable=[(page[-1], "no")])

    rows = rows_at(*range(20))
    found, errors = skipped(WithOne(rows))
    assert len(errors) == 1
    # It is in the next page again, where it can be read.
    assert found == rows


def test_page_that_cannot_be_read_at_all_is_no_end() -> None:
    error = RemoteError("no", unreadable=[("?", "no")])
    with pytest.raises(RemoteError) as caught:
        skipped(Server([], before=fail_with(error)))
    assert caught.value is error


def test_answer_that_is_no_list_is_not_skipped() -> None:
    error = RemoteError("no list", raw={})
    with pytest.raises(RemoteError) as caught:
        skipped(Server([], before=fail_with(error)))
    assert caught.value is error


class Unreadable(Server):
    """A history with rows that cannot be read."""

    def __init__(self, rows: List[Row], bad: Set[int], **options: Any) -> None:
        super().__init__(rows, **options)
        self.bad = bad

    def fetch(self, *arguments: Any) -> List[Row]:
        page = super().fetch(*arguments)
        good = [row for row in page if row.id not in self.bad]
        if good == page:
            return page
        unreadable = [(row, "no") for row in page if row.id in self.bad]
        raise RemoteError("no", rows=good, unreadable=unreadable)


@given(
    HISTORIES | CROWDS,
    st.sets(st.integers(0, 59), max_size=8),
    LIMITS,
    st.integers(FEW, 60),
    DIRECTIONS,
    st.booleans(),
    st.booleans(),
)
def test_rows_beside_an_unreadable_one_are_given(
    rows: List[Row],
    indexes: Set[int],
    limit: int,
    clamp: int,
    sort: int,
    from_both_ends: bool,
    is_skipping: bool,
) -> None:
    bad = {row.id for index, row in enumerate(rows) if index in indexes}
    server = Unreadable(rows, bad, clamp=clamp)
    expected = sorted(rows, reverse=sort == -1)
    good = [row for row in expected if row.id not in bad]
    told: Set[int] = set()

    def skip(error: RemoteError) -> None:
        told.update(row.id for row, _ in error.unreadable)

    parts = paging(
        server,
        limit=limit,
        max_limit=60,
        sort=sort,
        from_both_ends=from_both_ends,
        skip=skip if is_skipping else None,
    )
    got, error = rows_and_error(parts)
    if error is None:
        assert got == good
        assert told == bad
        return
    assert got == good[: len(got)] or error.unreadable
    assert set(error.rows) <= set(got)
    for row, _ in error.unreadable:
        before = expected[: expected.index(row)]
        assert set(before) & set(good) <= set(got)


@pytest.mark.parametrize("is_skipping", [False, True], ids=["strict", "skipping"])
@SORTS
def test_unreadable_row_at_the_other_end_loses_no_row(
    sort: int, is_skipping: bool
) -> None:
    rows = rows_at(*[100] * (FEW + 15))
    last = rows[-1] if sort == 1 else rows[0]
    server = Unreadable(rows, {last.id}, clamp=FEW)
    errors: List[RemoteError] = []
    parts = paging(
        server,
        limit=60,
        max_limit=60,
        sort=sort,
        skip=errors.append if is_skipping else None,
    )
    got, error = rows_and_error(parts)
    errors += [] if error is None else [error]
    assert got == [row for row in rows[::sort] if row != last]
    assert [error.unreadable for error in errors] == [[(last, "no")]]


@pytest.mark.parametrize("from_both_ends", [False, True])
@pytest.mark.parametrize("clamp", [None, 5])
@SORTS
@pytest.mark.parametrize(
    "times", [[9], [9, 9], [9, 9, 9, 9], [7, 9, 9], range(5, 20), [6] * 3 + [9] * 4]
)
def test_history_ends_behind_a_skipped_last_row(
    times: Sequence[int], sort: int, clamp: Optional[int], from_both_ends: bool
) -> None:
    good = rows_at(*times)[::sort]
    bad = Row(1 if sort == -1 else 30, 99)
    errors: List[RemoteError] = []
    parts = paging(
        Unreadable([*good, bad], {99}, clamp=clamp),
        limit=10,
        sort=sort,
        from_both_ends=from_both_ends,
        skip=errors.append,
    )
    assert flat(list(parts)) == good
    assert all(error.unreadable == [(bad, "no")] for error in errors)
    assert len(errors) == 1


def test_unreadable_row_counts_where_a_millisecond_may_be_cut() -> None:
    rows = rows_at(*[100] * (FEW + 15))
    server = Unreadable(rows, {3}, clamp=FEW)
    with pytest.raises(RemoteError, match=f"more rows than the {FEW} "):
        skipped(server, limit=60)


@SORTS
def test_resuming_after_one_of_equal_rows_is_refused(sort: int) -> None:
    rows = [Row(1, 1), Row(5, 2), Row(5, 2), Row(9, 3)]
    for last in (0, 3):
        got = flat(read(Server(rows), limit=10, sort=sort, resume_after=rows[last]))
        assert got == (rows[last + 1 :] if sort == 1 else rows[:last][::-1])
    bound = "start=5" if sort == 1 else "end=5"
    with pytest.raises(UsageError, match=f"^resume_after: several .* 5 ms .*{bound}$"):
        read(Server(rows), limit=10, sort=sort, resume_after=rows[1])


class Side(NamedTuple):
    """A row of which two can have one id: the sides of a trade with oneself."""

    mts: int
    id: int
    order_id: int


@SORTS
def test_resuming_tells_rows_of_one_identity_apart(sort: int) -> None:
    rows = [Side(5, 1, 1), Side(5, 2, 1), Side(5, 2, 2), Side(5, 2, 3), Side(6, 3, 1)]
    for index, last in enumerate(rows[::sort]):
        # In whatever order they come.
        server = Server(rows, disorder=random.Random(index))
        got = flat(read(server, limit=10, sort=sort, resume_after=last))
        assert got == rows[::sort][index + 1 :]


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
    iterator = paging(server, limit=10)
    first = next(iterator)
    with pytest.raises(NetworkError):
        next(iterator)
    again = Server(server.rows)
    assert first + flat(read(again, limit=10, resume_after=first[-1])) == again.rows


def test_nothing_is_asked_for_before_the_first_row_is_wanted() -> None:
    server = Server(rows_at(*range(1, 31)))
    iterator = paging(server, limit=10)
    assert server.requests == []
    next(iterator)
    assert len(server.requests) == 1


def test_resuming_at_the_end_requests_nothing() -> None:
    server = Server(rows_at(1, 2, 3))
    last = server.rows[-1]
    assert read(server, end=3, limit=10, unique=True, resume_after=last) == []
    assert server.requests == []
