"""
However the exchange's bytes are cut, each subscription sees the same.

Strategy: a conversation is made up once: answers, data before and after them, heartbeats,
checksums, strangers, garbage, holes. It is fed message by message, which is the careful walk nearly
everywhere and the reference here, and then in any blocks and through any cuts of its bytes.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any, Dict, Iterable, List, NamedTuple, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import JSON_TEXTS, blocks, cuts, server_frame

from bfxsync._base.enums import Flag
from bfxsync.wire.blocks import TABLE_FROM
from bfxsync.wire.channels import channel_for
from bfxsync.wire.commands import Subscribe
from bfxsync.wire.outputs import Deliver, Fail, Output, Reopen, Report, Send
from bfxsync.wire.session import Session
from bfxsync.wire.websocket import Splitter

ASKED: List[Tuple[str, Dict[str, Any]]] = [
    ("ticker", {"symbol": "tBTCUSD"}),
    ("ticker", {"symbol": "fUSD"}),
    ("trades", {"symbol": "tBTCUSD"}),
    ("book", {"symbol": "tBTCUSD"}),
    ("book", {"symbol": "tBTCUSD", "prec": "R0"}),
]

TICKER = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
FUNDING_TICKER = [0.1, 0.2, 30, 4.0, 0.5, 2, 7.0, 8.0, 9.0, 1.0, 11.0, 12.0, 13.0]


def first_content(number: int) -> List[Any]:
    """Return what the channel's first frame holds."""
    contents: List[List[Any]] = [
        [TICKER],
        [FUNDING_TICKER],
        [[[2, 1, 0.5, 100.0], [1, 1, 0.5, 100.0]]],
        [[[100.0, 1, 1.0], [101.0, 1, -1.0]]],
        [[[1, 100.0, 1.0], [2, 101.0, -1.0]]],
    ]
    return contents[number]


SMALL = st.integers(1, 9)


def later_content(number: int) -> st.SearchStrategy[List[Any]]:
    """Make what a later frame of the channel may hold, well formed or not."""
    kinds = [
        SMALL.map(lambda bid: [[bid, *TICKER[1:]]]),
        SMALL.map(lambda frr: [[frr, *FUNDING_TICKER[1:]]]),
        st.tuples(st.sampled_from(["te", "tu"]), SMALL).map(
            lambda t: [t[0], [t[1], 1, 0.5, 100.0]]
        ),
        st.tuples(
            st.integers(95, 105), st.integers(0, 2), st.sampled_from([1, -1])
        ).map(lambda row: [list(row)]),
        st.tuples(SMALL, st.sampled_from([0, 99, 100]), st.sampled_from([1, -1])).map(
            lambda row: [list(row)]
        ),
    ]
    others = st.sampled_from(
        [["hb"], ["cs", 7], ["cs", 8], ["cs", "x"], [None], [[1]], ["te"], [{}]]
        + [[[[1]]], [[None]], [[[99.0, 1, 1.0], "x"]]]
    )
    return st.one_of(kinds[number], kinds[number], others)


class Talk(NamedTuple):
    """What the exchange says after conf, and which flags count."""

    flags: int
    messages: List[bytes]


@st.composite
def talks(draw: Any) -> Talk:
    flags = draw(
        st.sampled_from([0, int(Flag.SEQ_ALL), int(Flag.SEQ_ALL | Flag.TIMESTAMP)])
    )
    numbers = count(1)
    messages: List[bytes] = []
    opened: Dict[int, bool] = {}  # channel: has its first frame been sent?
    unanswered = list(range(len(ASKED)))

    def frame(chan_id: int, content: List[Any]) -> None:
        suffix = [next(numbers)] if flags & Flag.SEQ_ALL else []
        suffix += [1_511_545_528_111] if flags & Flag.TIMESTAMP else []
        messages.append(json.dumps([chan_id, *content, *suffix]).encode())

    def event(body: Dict[str, Any]) -> None:
        messages.append(json.dumps(body).encode())

    def data(number: int) -> None:
        if not opened.get(number):
            opened[number] = True
            frame(10 + number, first_content(number))
        else:
            frame(10 + number, draw(later_content(number)))

    def answer(number: int) -> None:
        if number in unanswered:
            unanswered.remove(number)
            event({"event": "subscribed", "chanId": 10 + number, "subId": number + 1})

    for number in draw(st.lists(st.sampled_from(unanswered), unique=True)):
        answer(number)
        data(number)
    flaws = {"hole", "again"}
    kinds = ["data"] * 20 + ["answer"] * 2
    kinds += ["stranger", "event", "error", "garbage", *sorted(flaws)]
    # Books more often, as they have the most that can go wrong.
    numbered = st.sampled_from([*range(len(ASKED)), 3, 4, 3, 4])
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=8, max_size=40)):
        number = draw(numbered)
        if kind == "data":
            data(number)
        elif kind == "answer":
            answer(number)
        elif kind == "stranger":
            frame(draw(st.sampled_from([0, 99])), ["hb"])
        elif kind == "event":
            event({"event": "info", "code": 1})
        elif kind == "error":
            event({"event": "error", "code": 10000, "msg": "any text"})
        elif kind == "garbage":
            messages.append(draw(JSON_TEXTS.filter(lambda text: text[:1] != b"{")))
        elif kind in flaws and draw(st.booleans()):
            # One at most: a repeated frame behind a hole would make up for it within a block.
            flaws.clear()
            if kind == "hole":
                next(numbers)
            else:
                messages += messages[-1:]
    return Talk(flags, messages)


def ready(flags: int) -> Session:
    session = Session(flags=flags)
    for token, (name, arguments) in enumerate(ASKED):
        command = Subscribe(token, channel_for(name, **arguments))
        session.apply(command, 0.0)
    session.open(0.0)
    session.feed([b'{"event":"info","version":2}'], 0.0)
    session.feed([b'{"event":"conf","status":"OK","flags":%d}' % flags], 0.0)
    return session


class Seen(NamedTuple):
    """What a conversation came to."""

    updates: Dict[Any, List[str]]
    answers: List[str]
    sent: List[str]
    errors: List[str]
    end: List[Output]


def without_number(text: str) -> str:
    """Return a request without its own number, which says when it was asked."""
    body = json.loads(text)
    body.pop("subId", None)
    return json.dumps(body)


def seen(outputs: Iterable[Output]) -> Seen:
    found = Seen({}, [], [], [], [])
    for output in outputs:
        if isinstance(output, Deliver):
            updates = found.updates.setdefault(output.token, [])
            updates += map(repr, output.updates)
        elif isinstance(output, Report):
            found.errors.append(type(output.error).__name__)
        elif isinstance(output, Send):
            found.sent.append(without_number(output.text))
        elif isinstance(output, (Reopen, Fail)):
            found.end.append(output)
        else:
            found.answers.append(repr(output))
    # Of two channels that must be subscribed anew in one block, either may come first.
    found.sent.sort()
    found.answers.sort()
    found.errors.sort()
    return found


def feed(session: Session, parted: Iterable[List[bytes]]) -> Seen:
    """Feed blocks until one asks for another socket."""
    outputs: List[Output] = []
    for block in parted:
        outputs += session.feed(block, 0.0)
        if any(isinstance(output, (Reopen, Fail)) for output in outputs):
            break
    return seen(outputs)


@given(talks(), st.sampled_from([1, 2, TABLE_FROM]), st.booleans(), st.data())
def test_any_blocks_give_each_subscription_the_same(
    talk: Talk, table_from: int, is_compact: bool, data: st.DataObject
) -> None:
    if is_compact:
        messages = [message.replace(b", ", b",") for message in talk.messages]
        talk = talk._replace(messages=messages)
    expected = feed(ready(talk.flags), [[message] for message in talk.messages])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bfxsync.wire.blocks.TABLES_FROM", table_from)
        patch.setattr("bfxsync.wire.blocks.TABLE_FROM", table_from)
        assert feed(ready(talk.flags), [talk.messages]) == expected
        parted = data.draw(blocks(talk.messages))
        assert feed(ready(talk.flags), parted) == expected


@given(talks(), st.data())
def test_any_cuts_of_the_bytes_give_each_subscription_the_same(
    talk: Talk, data: st.DataObject
) -> None:
    expected = feed(ready(talk.flags), [[message] for message in talk.messages])
    stream = b"".join(server_frame(1, message) for message in talk.messages)
    splitter = Splitter()
    parted = (splitter.feed(piece) for piece in data.draw(cuts(stream)))
    assert feed(ready(talk.flags), parted) == expected


@given(talks(), st.lists(JSON_TEXTS | st.binary(max_size=20), max_size=5), st.data())
def test_r14_no_garbage_between_raises(
    talk: Talk, garbage: List[bytes], data: st.DataObject
) -> None:
    messages = data.draw(st.permutations([*talk.messages, *garbage]))
    session = ready(talk.flags)
    for block in data.draw(blocks(list(messages))):
        session.feed(block, 0.0)
    session.tick(100.0)
    session.lose("gone")
