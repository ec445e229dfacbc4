from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any, Callable

import pytest

from bfxsync.errors import UsageError
from bfxsync.paper.markets import captured as capture
from bfxsync.paper.markets.captured import CapturedMarket
from bfxsync.paper.markets.market import BookChanged
from bfxsync.paper.markets.recordings import MarketStep, Recording, read
from bfxsync.paper.server.book_window import WholeBook, Window
from bfxsync.recording import files as recording_files

from .support import BookCopy

Line = dict[str, Any]
Make = Callable[..., Recording]

HOLE = object()


def ack(channel: str, chan_id: int, symbol: str, **fields: str) -> Line:
    body = {"event": "subscribed", "channel": channel, "chanId": chan_id}
    return {**body, "symbol": symbol, **fields}


def book(chan_id: int, symbol: str, prec: str = "P0", length: str = "25") -> Line:
    return ack("book", chan_id, symbol, prec=prec, freq="F0", len=length)


def write(path: Path, events: list[Any]) -> Path:
    """
    Write a recording: a frame for each event, a tenth of a second apart.

    A pair is a frame of another connection than the first, a text of a connection's opening, and
    `HOLE` stands where messages are missing.
    """
    with gzip.open(path, "wt") as file:
        for n, event in enumerate(events):
            conn, body = event if isinstance(event, tuple) else (1, event)
            line: Line = {"t": 1000 + n / 10, "conn": conn}
            if isinstance(body, str):
                line["open"] = body
            elif body is HOLE:
                line["missing"] = 17
            else:
                line.update({"dir": "server->client", "frame": json.dumps(body)})
            file.write(json.dumps(line) + "\n")
    return path


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda *events: read(write(tmp_path / "run.jsonl.gz", list(events)))


def steps(recording: Recording) -> list[tuple[str, list[Any]]]:
    return [(step.kind, step.rows) for step in recording.steps]


def play(recording: Recording, symbol: str) -> tuple[CapturedMarket, BookCopy]:
    """The market at the end, and the copy of a client subscribed from the beginning."""
    market = CapturedMarket(recording, symbol)
    is_raw = recording.books[symbol][0] == "R0"
    copy = BookCopy(is_raw, symbol.startswith("f"))
    copy.feed(recording.first[symbol]["book"])
    for step in recording.steps:
        if step.symbol == symbol:
            for event in market.apply(step):
                if isinstance(event, BookChanged):
                    copy.feed(list(event.rows or ()))
    return market, copy


def window(market: CapturedMarket) -> list[Any]:
    assert market.captured_book is not None
    prec, _, length = market.captured_book
    seen = WholeBook(market.book.depth(prec), prec, length, market.is_funding)
    return [json.loads(row) for row in seen.snapshot()]


def test_each_channel_begins_with_its_first_data(make: Make) -> None:
    recording = make(
        ack("ticker", 1, "tBTCUSD"),
        ack("trades", 2, "tBTCUSD"),
        book(3, "tBTCUSD"),
        [1, [1, 2]],
        [2, [[7, 1, 0.5, 100]]],
        [3, [[99, 1, 1], [101, 1, -1]]],
        [1, [3, 4]],
        [2, "te", [8, 2, -0.5, 99]],
        [2, "tu", [8, 2, -0.5, 99]],
        [3, [99, 2, 1.5]],
    )
    assert recording.name == "run.jsonl.gz"
    assert recording.first == {
        "tBTCUSD": {
            "ticker": [1, 2],
            "trades": [[7, 1, 0.5, 100]],
            "book": [[99, 1, 1], [101, 1, -1]],
        }
    }
    assert recording.books == {"tBTCUSD": ("P0", "F0", 25)}
    assert steps(recording) == [
        ("ticker", [[3, 4]]),
        ("te", [[8, 2, -0.5, 99]]),
        ("tu", [[8, 2, -0.5, 99]]),
        ("book", [[99, 2, 1.5]]),
    ]
    assert [step.at for step in recording.steps] == pytest.approx([0.3, 0.4, 0.5, 0.6])


def test_what_is_no_data_of_a_market_is_passed_over(make: Make) -> None:
    recording = make(
        {"event": "info", "version": 2},
        {"event": "conf", "status": "OK", "flags": 196608},
        ack("ticker", 1, "tBTCUSD"),
        {"event": "subscribed", "channel": "candles", "chanId": 2, "key": "trade:1m:t"},
        {"event": "subscribed", "channel": "status", "chanId": 3, "key": "liq:global"},
        book(4, "tBTCUSD"),
        [1, "hb", 1],
        [1, [1], 2],
        [2, [[1, 2, 3]], 3],
        [3, [["pos"]], 4],
        [0, "ws", [], 5, 1],
        [9, [5], 6],
        [4, [[99, 1, 1]], 7],
        [4, "cs", -123, 8],
        [4, "hb", 9],
        {"event": "pong", "cid": 1},
    )
    assert recording.first == {"tBTCUSD": {"ticker": [1], "book": [[99, 1, 1]]}}
    assert recording.steps == []


@pytest.mark.parametrize(
    "odd",
    [
        [],
        [1],
        1,
        None,
        "text",
        [1, "te"],
        [1, "te", None],
        [1, "te", [7]],
        [1, "te", [7, 2, None, 99]],
        [1, "te", [7, 2, True, 99]],
        [1, [[]]],
        [1, [[7, 2, "1", 99]]],
        [2, 5],
        [2, [[]]],
        [2, [None]],
        [2, ["98", 1, 1]],
        [2, [98, 1, float("inf")]],
        [2, [[98, 1, float("nan")]]],
        {"event": "subscribed"},
        {"event": "subscribed", "channel": "book", "chanId": 5},
        {"event": "subscribed", "channel": "book", "chanId": 5, "symbol": "tBTCUSD"},
        [{}, [1]],
    ],
    ids=str,
)
def test_an_odd_frame_costs_no_other(make: Make, odd: Any) -> None:
    recording = make(
        ack("trades", 1, "tBTCUSD"),
        book(2, "tBTCUSD"),
        [1, []],
        [2, [[99, 1, 1]]],
        (1, odd) if isinstance(odd, str) else odd,
        *([ack("trades", 1, "tBTCUSD")] if isinstance(odd, str) else []),
        [1, "te", [8, 2, -0.5, 99]],
    )
    assert steps(recording)[-1] == ("te", [[8, 2, -0.5, 99]])
    market, _ = play(recording, "tBTCUSD")
    assert [row[0] for row in market.trades] == [8] and window(market) == [[99, 1, 1]]


def test_r14_unknown_fields_are_left_out(make: Make) -> None:
    recording = make(
        ack("trades", 1, "fUSD"),
        book(2, "fUSD"),
        [1, [[7, 1, 5, 0.001, 2, "new", None]]],
        [2, [[0.001, 2, 1, 5, None]]],
        [1, "fte", [8, 2, 5, 0.001, 2, 6]],
        [2, [0.002, 30, 1, -5, "new"]],
    )
    assert recording.first["fUSD"] == {
        "trades": [[7, 1, 5, 0.001, 2]],
        "book": [[0.001, 2, 1, 5]],
    }
    assert steps(recording) == [
        ("fte", [[8, 2, 5, 0.001, 2]]),
        ("book", [[0.002, 30, 1, -5]]),
    ]


def test_one_bad_row_of_a_snapshot_costs_no_other(make: Make) -> None:
    recording = make(book(2, "tBTCUSD"), [2, [[99, 1, 1], ["98", 1, 1], [97, 1, 2]]])
    assert recording.first["tBTCUSD"]["book"] == [[99, 1, 1], [97, 1, 2]]


def test_after_a_gap_a_market_stands_still_until_resubscribed(
    make: Make,
) -> None:
    """What is missing may have been the end of any level."""
    recording = make(
        book(2, "tBTCUSD"),
        (2, ack("trades", 2, "tBTCUSD")),
        (2, [2, []]),
        [2, [[99, 1, 1], [101, 1, -1]]],
        HOLE,
        [2, [100, 1, -1]],
        [2, [98, 1, 1]],
        (2, [2, "te", [8, 2, -0.5, 99]]),
        "ws://host",
        book(2, "tBTCUSD"),
        [2, [[99, 1, 1], [100, 1, -2]]],
    )
    assert steps(recording) == [
        ("te", [[8, 2, -0.5, 99]]),
        ("book", [[101, 0, -1], [100, 1, -2]]),
    ]


def test_after_a_reconnect_a_book_changes_into_the_new_snapshot(make: Make) -> None:
    recording = make(
        book(3, "tBTCUSD"),
        [3, [[99, 1, 1], [98, 2, 2], [101, 1, -1], [102, 2, -2]]],
        [3, [97, 1, 1]],
        (1, "wss://host"),
        [3, [96, 1, 1]],  # the id is no longer a channel
        book(5, "tBTCUSD"),
        [5, [[99, 1, 1], [98, 1, 1.5], [100.5, 1, -1], [102, 2, -2]]],
        [5, [102, 0, -1]],
    )
    assert steps(recording) == [
        ("book", [[97, 1, 1]]),
        ("book", [[101, 0, -1], [97, 0, 1], [98, 1, 1.5], [100.5, 1, -1]]),
        ("book", [[102, 0, -1]]),
    ]
    market, copy = play(recording, "tBTCUSD")
    expected = [[99, 1, 1], [98, 1, 1.5], [100.5, 1, -1]]
    assert window(market) == copy.rows() == expected


@pytest.mark.parametrize(
    ("symbol", "prec", "before", "after", "changes"),
    [
        (
            "fUSD",
            "P0",
            [[0.001, 30, 1, -50], [0.001, 2, 1, -60], [0.002, 30, 1, 70]],
            [[0.001, 30, 1, -50], [0.002, 30, 2, 80]],
            [[0.001, 2, 0, -1], [0.002, 30, 2, 80]],
        ),
        (
            "tBTCUSD",
            "R0",
            [[71, 99, 1], [72, 98, 1], [73, 101, -1]],
            [[72, 98.5, 1], [73, 101, -0.5], [74, 101, -1]],
            [[71, 0, 1], [72, 98.5, 1], [73, 101, -0.5], [74, 101, -1]],
        ),
        (
            "fUSD",
            "R0",
            [[71, 30, 0.001, -50], [72, 2, 0.0011, -5], [73, 30, 0.002, 70]],
            [[71, 30, 0.001, -50], [74, 30, 0.002, 70]],
            [[72, 2, 0, -1], [73, 30, 0, 1], [74, 30, 0.002, 70]],
        ),
    ],
    ids=["funding", "raw", "raw funding"],
)
def test_books_of_every_kind_are_followed(
    make: Make, symbol: str, prec: str, before: Any, after: Any, changes: Any
) -> None:
    # By a second snapshot, and by the updates that lead there: the same in the end.
    for later in (
        [(1, "wss://host"), book(4, symbol, prec), [4, after]],
        [[3, row] for row in changes],
        [[3, changes]],
    ):
        recording = make(book(3, symbol, prec), [3, before], *later)
        assert [row for step in recording.steps for row in step.rows] == changes
        market, copy = play(recording, symbol)
        assert window(market) == copy.rows()
        assert sorted(copy.rows()) == sorted(after)


def test_an_unchanged_book_after_a_reconnect_makes_no_step(make: Make) -> None:
    rows = [[99, 1, 1], [101, 1, -1]]
    opened = (1, "wss://host")
    recording = make(
        book(3, "tBTCUSD"), [3, rows], opened, book(3, "tBTCUSD"), [3, rows]
    )
    assert recording.steps == []


def test_an_unknown_level_can_be_deleted(make: Make) -> None:
    recording = make(book(3, "tBTCUSD"), [3, [[99, 1, 1]]])
    market, _ = play(recording, "tBTCUSD")
    market.apply(MarketStep(9, "tBTCUSD", "book", [[98, 0, 1], [99, 0, -1]]))
    assert window(market) == [[99, 1, 1]]


def test_a_frame_that_is_no_json_is_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gz", [ack("ticker", 1, "tBTCUSD"), [1, [1]], [1, [2]]])
    with gzip.open(path, "at") as file:
        file.write('{"t":2000,"frame":"[1,"}\n')
        file.write('{"t":2000,"dir":"client->server","frame":"[1,[3]]"}\n')
        file.write('{"t":2000,"conn":1,"lost":1006,"reason":""}\n')
    assert steps(read(path)) == [("ticker", [[2]])]


def test_trades_missed_in_a_gap_come_once_oldest_first(make: Make) -> None:
    recording = make(
        ack("trades", 1, "tBTCUSD"),
        [1, [[2, 20, 1, 5], [1, 10, 1, 5]]],
        [1, "te", [3, 30, 1, 5]],
        (1, "wss://host"),
        ack("trades", 2, "tBTCUSD"),
        [2, [[6, 60, 1, 5], [5, 50, 1, 5], [3, 30, 1, 5], [2, 20, 1, 5]]],
        [2, "te", [6, 60, 1, 5]],
        [2, "tu", [6, 60, 1, 5]],
        [2, "te", [7, 70, 1, 5]],
    )
    assert [(kind, rows[0][0]) for kind, rows in steps(recording)] == [
        *(("te", 3), ("te", 5), ("te", 6), ("tu", 6), ("te", 7))
    ]


def test_missed_trades_of_funding_have_their_own_name(make: Make) -> None:
    recording = make(
        ack("trades", 1, "fUSD"),
        [1, []],
        (1, "wss://host"),
        ack("trades", 1, "fUSD"),
        [1, [[6, 60, 100, 0.0001, 30]]],
    )
    assert steps(recording) == [("fte", [[6, 60, 100, 0.0001, 30]])]


def test_connections_have_channel_numbers_of_their_own(make: Make) -> None:
    recording = make(
        (1, "wss://host"),
        (2, "wss://host"),
        ack("ticker", 7, "tBTCUSD"),
        (2, ack("ticker", 7, "tETHUSD")),
        (2, [7, [1]]),
        [7, [2]],
        (2, "wss://host"),
        (2, [7, [3]]),
        [7, [4]],
    )
    assert recording.first == {"tETHUSD": {"ticker": [1]}, "tBTCUSD": {"ticker": [2]}}
    assert [(s.symbol, s.rows) for s in recording.steps] == [("tBTCUSD", [[4]])]


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (["P1", "P0", "R0"], "P0"),
        (["P4", "R0", "P1"], "R0"),
        (["P3", "P2"], "P2"),
    ],
    ids=str,
)
def test_of_several_books_the_finest_is_taken(
    make: Make, keys: list[str], chosen: str
) -> None:
    frames: list[Any] = []
    for n, prec in enumerate(keys):
        frames += [book(n, "tBTCUSD", prec), [n, [[99, n + 1, 1]]]]
    recording = make(*frames)
    assert recording.books == {"tBTCUSD": (chosen, "F0", 25)}
    wanted = [[99, keys.index(chosen) + 1, 1]]
    assert recording.first["tBTCUSD"] == {"book": wanted}


def test_of_books_of_one_precision_the_longest_is_taken(make: Make) -> None:
    recording = make(
        book(1, "tBTCUSD", length="25"),
        book(2, "tBTCUSD", length="250"),
        [1, [[99, 1, 1]]],
        [2, [[98, 1, 1]]],
        [1, [99, 2, 1]],
    )
    assert recording.books == {"tBTCUSD": ("P0", "F0", 250)}
    assert recording.first == {"tBTCUSD": {"book": [[98, 1, 1]]}}
    assert recording.steps == []


def test_coarser_levels_are_made_of_raw_orders(make: Make) -> None:
    recording = make(
        book(1, "tBTCUSD", "R0"),
        [1, [[71, 99.1, 1], [72, 99.1, 0.5], [73, 98.7, 2]]],
        [1, [72, 0, 1]],
        [1, [74, 99.1, 0.25]],
    )
    market, _ = play(recording, "tBTCUSD")
    # Of an unknown order.
    market.apply(MarketStep(9, "tBTCUSD", "book", [[75, 0, 1]]))
    levels = Window(market.book.depth("P0"), "P0", 25).snapshot()
    assert [json.loads(row) for row in levels] == [[99.1, 2, 1.25], [98.7, 1, 2]]


def test_rates_may_have_more_places_than_sums_are_made_with(make: Make) -> None:
    rate = 0.00025205479452054794
    recording = make(
        ack("trades", 1, "fUSD"),
        book(2, "fUSD"),
        [1, [[6, 60, 100, rate, 30]]],
        [2, [[rate, 30, 1, -50]]],
        [1, "fte", [7, 70, 100, rate, 30]],
        [2, [rate, 30, 0, -1]],
    )
    market, copy = play(recording, "fUSD")
    assert copy.rows() == window(market) == []
    assert [row[3] for row in market.trades] == pytest.approx([rate] * 2)


def test_a_clock_that_is_set_back_does_not_turn_the_order(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    frames = [ack("ticker", 1, "tBTCUSD"), [1, [1]], [1, [2]], [1, [3]], [1, [4]]]
    with gzip.open(path, "wt") as file:
        for t, frame in zip([10, 11, 13, 12, 14], frames):
            file.write(json.dumps({"t": t, "frame": json.dumps(frame)}) + "\n")
    assert [step.at for step in read(path).steps] == [2, 2, 3]


def test_a_recording_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    frames = [[1, [n, n * 7 % 1000]] for n in range(5_000)]
    path = write(tmp_path / "run.jsonl.gz", [ack("ticker", 1, "tBTCUSD"), *frames])
    whole = path.read_bytes()
    lengths = []
    for size in (len(whole) - 4, len(whole) // 2):
        path.write_bytes(whole[:size])
        found = [step.rows[0] for step in read(path).steps]
        assert found == [frame[1] for frame in frames[1 : len(found) + 1]]
        lengths.append(len(found))
    assert 4_990 <= lengths[0] and 1_000 < lengths[1] < 4_000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(b"no json\n"),
        gzip.compress(b"[]\n"),
        gzip.compress(b'{"frame":"[]"}\n'),
        gzip.compress(b'{"t":1,"frame":7}\n'),
        gzip.compress(b"\xff\n"),
        gzip.compress(b'{"t":1,"frame":"[1,[2]]"}\n'),
        gzip.compress(b'{"t":1}\n' * 1_000)[:20] + bytes(range(200)),
    ],
    ids=range(9),
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="run.jsonl.gz"):
        capture.load(path)


def test_a_recording_is_known_by_its_path(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gz", [ack("ticker", 1, "tBTCUSD"), [1, [1]]])
    recording = capture.load(path)
    assert capture.load(str(path)) is recording
    write(path, [ack("ticker", 1, "tBTCUSD"), [1, [2]], [1, [3]]])
    assert capture.load(path).first == {"tBTCUSD": {"ticker": [2]}}
    with pytest.raises(UsageError, match="must be one of btcusd.*, not 'nul"):
        capture.load("nul\0")


def test_a_line_that_unpacks_beyond_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_files, "MAX_LINE_SIZE", 1000)
    path = write(tmp_path / "a.gz", [ack("ticker", 1, "tBTCUSD"), [1, [1]]])
    assert capture.load(path).first
    for last in (b"", b"\n"):
        path = tmp_path / f"b{len(last)}.gz"
        path.write_bytes(gzip.compress(b'{"t":1,"frame":"' + b"0" * 2000 + last))
        with pytest.raises(UsageError, match="more than 1000 bytes"):
            capture.load(path)


def test_a_frame_that_is_nested_too_deeply_costs_no_other(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gz", [ack("ticker", 1, "tBTCUSD"), [1, [1]]])
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    lines.insert(1, json.dumps({"t": 1, "conn": 1, "frame": "[" * 100_000}))
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert capture.load(path).first == {"tBTCUSD": {"ticker": [1]}}
    # The line itself is another matter: no client writes such a one.
    path.write_bytes(gzip.compress(b"[" * 100_000))
    with pytest.raises(UsageError, match="a.gz"):
        capture.load(path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gz")
    for path in (tmp_path, tmp_path / "pipe.gz"):
        with pytest.raises(UsageError, match="is not a regular file"):
            capture.load(path)
