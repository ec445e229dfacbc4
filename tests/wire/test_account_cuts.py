"""
R03, the account: a recorded run, cut at any frame and gone on with, tells the user the truth.

Strategy: `Run` knows the account after each recorded frame, so it can be the exchange of a socket
that begins anywhere, as in `test_cuts`.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Set, Tuple

import pytest
from account_peer import AUTH, OK, TOKEN, order_row, trade_row, wallet_row
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import JSON_VALUES

from bfxsync._base.enums import Flag
from bfxsync.models import Gap, Snapshot
from bfxsync.models.account_streams import ROW_MODELS
from bfxsync.models.account_update import AccountUpdate
from bfxsync.recording.contents import Contents
from bfxsync.recording.format import Lost, Opened, Received, Record, line_of, read_line
from bfxsync.recording.session import RecordedSession
from bfxsync.wire.account_session import AccountSession
from bfxsync.wire.channels.account import AccountChannel
from bfxsync.wire.commands import SendAuth, Subscribe
from bfxsync.wire.outputs import (
    AnyOutput,
    Authenticate,
    Deliver,
    Fail,
    Reopen,
    Report,
    Send,
)

pytestmark = pytest.mark.once

DATA = Path(__file__).parent.parent / "data" / "account-run.jsonl"

FLAGS = int(Flag.SEQ_ALL)

CONTRACT = re.compile(r"(S\.*)?(GS\.*)*G?")
"""A snapshot and its updates, and the same after each gap."""

# By the first letters of their codes: the snapshot, and the key of a row.
KINDS: Dict[str, Tuple[str, Callable[[Any], Any]]] = {
    "p": ("ps", lambda row: row[0]),
    "w": ("ws", lambda row: (row[0], row[1])),
    "o": ("os", lambda row: row[0]),
    "fo": ("fos", lambda row: row[0]),
    "fc": ("fcs", lambda row: row[0]),
    "fl": ("fls", lambda row: row[0]),
}


class Run(NamedTuple):
    """
    What was recorded.

    Attributes
    ----------
    frames : list of list
        All frames of channel 0 after the snapshots, without numbers.
    snapshots : dict
        The rows of each snapshot, by key.
    """

    frames: List[List[Any]]
    snapshots: Dict[str, Dict[Any, Any]]

    def state(self, end: int) -> Dict[str, Dict[Any, Any]]:
        """Return the rows of each snapshot after so many frames."""
        state = {code: dict(rows) for code, rows in self.snapshots.items()}
        for _, code, *row in self.frames[:end]:
            kind = KINDS.get(code[:-1])
            if kind is None:
                continue
            if code[-1] == "c":
                state[kind[0]].pop(kind[1](row[0]), None)
            else:
                state[kind[0]][kind[1](row[0])] = row[0]
        return state

    def connection(self, begin: int, counts: bool) -> Iterator[Any]:
        """Yield the messages of a socket that begins after so many frames."""
        yield {"event": "info", "version": 2, "platform": {"status": 1}}
        yield {"event": "conf", "status": "OK", "flags": FLAGS}
        yield OK
        seq, auth_seq = count(1), 0
        for code, rows in self.state(begin).items():
            yield [0, code, list(rows.values()), next(seq), auth_seq]
        for frame in self.frames[begin:]:
            if frame[1] == "hb":
                yield [*frame, next(seq)]
            elif frame[1] == "n" and not counts:
                yield [*frame, auth_seq]
            else:
                auth_seq += frame[1] != "n"
                yield [*frame, next(seq), auth_seq]

    def place(self, begin: int, received: int) -> int:
        """Return after how many frames such a socket is when so many messages have come."""
        return begin + max(0, received - 3 - len(self.snapshots))


@lru_cache(maxsize=None)
def recorded() -> Run:
    frames: List[List[Any]] = []
    snapshots: Dict[str, Dict[Any, Any]] = {}
    key_of = dict(KINDS.values())
    for line in DATA.read_bytes().splitlines():
        record = read_line(line)
        if not isinstance(record, Received):
            continue
        frame = json.loads(record.message)
        if isinstance(frame, dict):
            continue
        if frame[1] in key_of:
            snapshots[frame[1]] = {key_of[frame[1]](row): row for row in frame[2]}
        else:
            frames.append(frame[:2] if frame[1] == "hb" else frame[:3])
    return Run(frames, snapshots)


class User:
    """Whom a session works for."""

    def __init__(self) -> None:
        self.channel = AccountChannel()
        self.session = AccountSession(self.channel, flags=FLAGS)
        self.items: List[Any] = []
        self.sent: List[Any] = []
        self.errors: List[Exception] = []
        self.now = 0.0
        self.perform(self.session.apply(Subscribe(TOKEN, self.channel), 0.0))

    def perform(self, outputs: List[AnyOutput]) -> None:
        for output in outputs:
            if isinstance(output, Deliver):
                self.items += output.updates
            elif isinstance(output, Send):
                self.sent.append(json.loads(output.text))
            elif isinstance(output, Report):
                self.errors.append(output.error)
            elif isinstance(output, Authenticate):
                self.perform(self.session.apply(SendAuth(AUTH), self.now))
            assert not isinstance(output, (Reopen, Fail)), output

    def connect(self, messages: List[Any], block: int) -> None:
        """Take a socket to its end."""
        self.sent.clear()
        self.perform(self.session.open(self.now))
        texts = [json.dumps(message).encode() for message in messages]
        # The exchange answers the authentication after it was asked.
        starts = [0, *range(2, len(texts), block)]
        for start, end in zip(starts, [*starts[1:], len(texts)]):
            self.perform(self.session.feed(texts[start:end], self.now))


class Cut(NamedTuple):
    """
    An end of a socket.

    Attributes
    ----------
    after : int
        Messages of it that still came.
    missed : int
        Frames until the next one has begun.
    block : int
        Messages that come at once.
    """

    after: int
    missed: int
    block: int


def shape(items: List[Any]) -> str:
    """Return a letter for each event, and a dot for each update."""
    letters = {Snapshot: "S", Gap: "G"}
    return "".join(letters.get(type(item), ".") for item in items)


def fills(items: List[Any], code: str) -> List[int]:
    """Return the ids of the fills that a user was told of by this code."""
    updates = [item for item in items if isinstance(item, AccountUpdate)]
    return [update.data.id for update in updates if update.code == code]  # type: ignore


def check(run: Run, cuts: List[Cut], *, counts: bool = True) -> None:
    """Play a run with these cuts, and look at all that the user was told, live and in a replay."""
    user = User()
    records: List[Record] = []
    begin, told = 0, {"te": set(), "tu": set()}  # type: ignore[var-annotated]
    plan = [*cuts, Cut(len(run.frames) * 2, 0, 50)]
    for number, cut in enumerate(plan):
        messages = list(run.connection(begin, counts))[: cut.after]
        user.connect(messages, cut.block)
        records.append(Opened(1, 1.0 + number, "wss://host"))
        for message in messages:
            text = json.dumps(message).encode()
            records.append(Received(1, 1.0 + number, text))
            if isinstance(message, list) and message[1] in told:
                told[message[1]].add(message[2][0])
        if cut.after >= 2:
            assert user.sent[:2] == [{"event": "conf", "flags": FLAGS}, AUTH]
        if number < len(cuts):
            begin = min(run.place(begin, cut.after) + cut.missed, len(run.frames))
            user.perform(user.session.lose("cut"))
            records.append(Lost(1, 1.0 + number, 1006, "cut"))

    assert user.errors == []
    assert CONTRACT.fullmatch(shape(user.items)), shape(user.items)
    assert user.channel.is_live
    final = run.state(len(run.frames))
    check_state(user.channel, final)
    for code, ids in told.items():
        # A fill with its fee is also told without, if that had been missed.
        expected = ids | told["tu"] if code == "te" else ids
        delivered = fills(user.items, code)
        assert sorted(delivered) == sorted(expected)

    items, channel = replayed(records)
    assert items == user.items
    check_state(channel, final)


def check_state(channel: AccountChannel, final: Dict[str, Dict[Any, Any]]) -> None:
    for code, rows in final.items():
        table = channel.state.table_of(code)
        assert table is not None and table.is_complete
        read = ROW_MODELS[code].from_row
        assert table.items == {key: read(row) for key, row in rows.items()}


def replayed(records: List[Record]) -> Tuple[List[Any], AccountChannel]:
    """Return what a replay of these records delivers."""
    lines = [line_of(record).encode() for record in records]
    session = RecordedSession(Contents.of(lines))
    channel = AccountChannel()
    session.apply(Subscribe(TOKEN, channel), 0.0)
    items: List[Any] = []
    for line in lines:
        record = read_line(line)
        assert record is not None
        for output in session.play(record, record.at):
            if isinstance(output, Deliver):
                items += output.updates
    return items, channel


# --- the tests --------------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [True, False], ids=["counted", "uncounted"])
def test_r03_the_uncut_run_gives_what_was_recorded(counts: bool) -> None:
    run = recorded()
    codes = {frame[1] for frame in run.frames}
    assert {"on", "ou", "oc", "te", "tu", "n", "wu", "pn", "fon", "foc", "hb"} <= codes
    assert len(run.frames) > 400
    check(run, [], counts=counts)


def test_r03_a_cut_at_every_frame() -> None:
    whole = recorded()
    run = Run(whole.frames[:120], whole.snapshots)
    for after in range(len(run.frames) + 9):
        check(run, [Cut(after, after % 5, 1 + after % 7)], counts=after % 2 == 0)


@settings(max_examples=20)
@given(data=st.data())
def test_r03_cuts_anywhere(data: st.DataObject) -> None:
    run = recorded()
    total = len(run.frames)
    cuts = st.builds(
        Cut,
        st.integers(0, total // 2),
        st.integers(0, total // 8),
        st.integers(1, 200),
    )
    plan = data.draw(st.lists(cuts, min_size=1, max_size=4))
    check(run, plan, counts=data.draw(st.booleans()))


CODES = st.sampled_from([*ROW_MODELS, "n", "miu", "hb", "xx"])
ROWS = st.sampled_from(
    [order_row(1), trade_row(9, 1), wallet_row("BTC", 1.0), [order_row(2)], ["base"]]
)


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A row or a list of rows in which something is otherwise."""
    row = list(draw(ROWS))
    row[draw(st.integers(0, len(row) - 1))] = draw(JSON_VALUES)
    return row[: draw(st.integers(0, len(row)))]


FRAMES = st.one_of(
    JSON_VALUES,
    st.tuples(st.just(0), CODES, st.one_of(JSON_VALUES, damaged())).map(list),
)


@given(st.lists(FRAMES, max_size=8), st.integers(1, 4))
def test_no_json_disturbs_the_account(frames: List[Any], block: int) -> None:
    user = User()
    user.connect(list(recorded().connection(0, True))[:9], 9)
    before: Set[int] = set(user.channel.state.orders.items)
    # Whatever its numbers are, what comes afterwards must be read.
    seq = count(7)
    texts = [
        json.dumps([*frame, next(seq), 0] if is_account(frame) else frame).encode()
        for frame in frames
    ]
    outputs: List[AnyOutput] = []
    for start in range(0, len(texts), block):
        outputs += user.session.feed(texts[start : start + block], 1.0)
    if any(isinstance(output, (Reopen, Fail)) for output in outputs):
        outputs += user.session.lose("cut")
        user.connect(list(recorded().connection(0, True))[:9], 9)
        assert before == set(user.channel.state.orders.items)
    assert user.channel.is_live


def is_account(frame: Any) -> bool:
    return isinstance(frame, list) and len(frame) == 3 and frame[0] == 0
