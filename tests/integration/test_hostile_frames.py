"""
Whatever comes over a live connection: one report for each, and everything else goes on.

Text that is not UTF-8 is no message at all: it ends the connection, which is opened again.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from bfxsync import (
    ApiError,
    BfxError,
    Flag,
    Gap,
    RemoteError,
    Snapshot,
    WebSocketClient,
)

from .bare_server import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEADLINE_S,
    TEXT,
    Frame,
    Peer,
    frame,
)
from .conftest import Connect, Serve
from .support import TICKER, Collector, acknowledge, greet, round_trip

TICKER_ID, TRADES_ID, BOOK_ID = 17, 18, 19

REST = ",2,3,4,5,6,7,8,9,10"
DEEP = 100_000

# A number sign stands where a sequence number does, if there is one.
NO_JSON = {
    "nonsense": "nonsense",
    "nothing": "",
    "nul": "\0",
    "half": "[17,[1,2",
    "two-values": "[17][18]",
    "trailing-comma": "[17,[1,],]",
    "html": "<html><body>502 Bad Gateway</body></html>",
    "nan": f"[17,[NaN{REST}]]",
    "infinity": f"[17,[-Infinity{REST}]]",
    "long": "x" * 1_000_000,
    "deep": "[" * DEEP + "]" * DEEP,
    "deep-without-end": "[" * DEEP,
    "deep-objects": '{"event":' * DEEP,
    "deep-in-a-channel": "[17," + "[" * DEEP + "]" * DEEP + "]",
}

NO_FRAME = {
    "null": "null",
    "true": "true",
    "number": "17",
    "text": '"hb"',
    "empty-list": "[]",
    "channel-null": "[null,[1]#]",
    "channel-text": '["17",[1]#]',
    "channel-list": "[[17],[1]#]",
    "channel-object": "[{},[1]#]",
    "no-name": "{}",
    "name-null": '{"event":null}',
    "name-list": '{"event":["info"]}',
    "unknown-event": '{"event":"nope"}',
    "surrogate": '{"event":"\\ud800"}',
    "ack-without-number": '{"event":"subscribed","channel":"ticker"}',
    "ack-with-text": '{"event":"subscribed","chanId":"17"}',
}

NO_DATA = {
    "only-a-channel": "[17]",
    "ticker-null": "[17,null#]",
    "ticker-number": "[17,5.5#]",
    "ticker-object": '[17,{"0":1}#]',
    "ticker-tag": '[17,"zz",[1]#]',
    "ticker-empty": "[17,[]#]",
    "ticker-short": "[17,[1,2,3]#]",
    "ticker-text": f'[17,["x"{REST}]#]',
    "ticker-value-list": f"[17,[[1]{REST}]#]",
    "ticker-value-object": f"[17,[{{}}{REST}]#]",
    "ticker-nested": "[17," + "[" * 400 + "]" * 400 + "#]",
    "trade-null": '[18,"te",null#]',
    "trade-text": '[18,"te","x"#]',
    "trade-empty": '[18,"te",[]#]',
    "trade-short": '[18,"te",[1,2]#]',
    "trade-tag": '[18,"zz",[1,2,3,4]#]',
    "trade-id-text": '[18,"te",["x",2,3,4]#]',
    "trade-id-null": '[18,"te",[null,2,3,4]#]',
    "trade-id-list": '[18,"te",[[1],2,3,4]#]',
    "trade-id-fraction": '[18,"te",[1.5,2,3,4]#]',
    "trade-amount-text": '[18,"te",[1,2,"x",4]#]',
    "confirmation-short": '[18,"tu",[]#]',
    "confirmation-id-list": '[18,"tu",[[1],2,3,4]#]',
    "confirmation-of-another-kind": '[18,"ftu",[1,2,3,4]#]',
    "trades-in-bulk": "[18,[[1,2,3]]#]",
}

NO_BOOK = {
    "book-null": "[19,null#]",
    "book-object": "[19,{}#]",
    "book-short": "[19,[6443,1]#]",
    "book-text": '[19,["x",1,2]#]',
    "book-null-count": "[19,[6443,null,1]#]",
    "book-list": "[19,[6443,[1],1]#]",
    "book-bulk-short": "[19,[[6443,1]]#]",
    "book-bulk-mixed": "[19,[[6443,1,1],5]#]",
    "checksum-text": '[19,"cs","x"#]',
    "checksum-fraction": '[19,"cs",1.5#]',
    "checksum-null": '[19,"cs",null#]',
    "book-tag": '[19,"zz",[1]#]',
}

ERRORS = {
    "error": '{"event":"error","code":10000,"msg":"event: invalid (nope)"}',
    "error-without-anything": '{"event":"error"}',
    "error-code-list": '{"event":"error","code":[1],"msg":5,"chanId":[17],"subId":[]}',
}

# What is of no channel; after one of the others its channel is subscribed again.
TEXTS = {**NO_JSON, **NO_FRAME, **ERRORS}
OF_CHANNELS = {**NO_DATA, **NO_BOOK}

BYTES = {
    "binary": frame(b"\x00\x01\xff", BINARY),
    "binary-nothing": frame(b"", BINARY),
    "binary-json": frame(b'{"event":"info"}', BINARY),
    "binary-data": frame(b"[17,[1,2,3,4,5,6,7,8,9,10],1]", BINARY),
    "byte-order-mark": frame(b'\xef\xbb\xbf{"event":"info"}', TEXT),
}

NOT_UTF8 = {
    "latin1": frame('{"event":"ü"}'.encode("latin-1")),
    "half-a-character": frame(b'"\xc3'),
    "utf16": frame('{"event":"info"}'.encode("utf-16")),
    "unfinished": frame(b"[17,\xff" + bytes(1000))[:50],
    "fragment": frame(b"[17,", final=False) + frame(b"\xff", CONTINUATION, final=False),
}


class Mode(NamedTuple):
    flags: int
    numbers: Any


MODES = {
    "float": Mode(0, float),
    "decimal": Mode(0, Decimal),
    "sequence": Mode(int(Flag.SEQ_ALL), float),
}


class Live:
    """A connection with three channels, whose data is numbered if that was asked for."""

    def __init__(self, client: WebSocketClient, peer: Peer, mode: Mode) -> None:
        self.client = client
        self.peer = peer
        self._is_numbered = bool(mode.flags)
        self._last = 0

    def number(self, text: str) -> str:
        """Put the next sequence number where the sign is."""
        if "#" not in text:
            return text
        self._last += 1
        return text.replace("#", f",{self._last}" if self._is_numbered else "")

    def ticker(self) -> bytes:
        return frame(self.number(f"[17,{json.dumps(TICKER)}#]"))

    def trade(self, identity: int) -> bytes:
        return frame(self.number(f'[18,"te",[{identity},1542045947738,0.1,6443.1]#]'))

    def level(self) -> bytes:
        return frame(self.number("[19,[6443,2,1.5]#]"))

    def hostile(self, name: str) -> bytes:
        if name in BYTES:
            return BYTES[name]
        return frame(self.number({**TEXTS, **OF_CHANNELS}[name]))


@pytest.fixture(params=list(MODES))
def mode(request: pytest.FixtureRequest) -> Mode:
    return MODES[request.param]


@pytest.fixture
def errors() -> Collector:
    return Collector()


@pytest.fixture
def closes() -> Collector:
    return Collector()


@pytest.fixture
def received() -> dict[str, Collector]:
    return {channel: Collector() for channel in ("ticker", "trades", "book")}


@pytest.fixture
def live(
    serve: Serve,
    connect: Connect,
    mode: Mode,
    errors: Collector,
    closes: Collector,
    received: dict[str, Collector],
) -> Live:
    server = serve()
    client = connect(server, flags=mode.flags, numbers=mode.numbers, on_error=errors)
    client.on("disconnected", closes)
    client.subscribe_many(
        [
            {"channel": channel, "symbol": "tBTCUSD", "callback": received[channel]}
            for channel in received
        ],
        wait=False,
    )
    peer = server.next_peer()
    greet(peer, mode.flags)
    live = Live(client, peer, mode)
    for chan_id in (TICKER_ID, TRADES_ID, BOOK_ID):
        acknowledge(peer, chan_id)
    peer.send_bytes(live.ticker())
    peer.send_text(live.number("[18,[]#]"), live.number("[19,[]#]"))
    client.wait_ready()
    return live


@pytest.mark.parametrize("name", [*TEXTS, *BYTES])
def test_r14_hostile_frame_is_reported_once_and_the_rest_goes_on(
    live: Live,
    errors: Collector,
    closes: Collector,
    received: dict[str, Collector],
    name: str,
) -> None:
    peer = live.peer
    # In the middle of a block, alone, and in a block that is taken frame by frame because
    # there is an event in it.
    peer.send_bytes(live.ticker() + live.hostile(name) + live.ticker())
    errors.wait_for(1)
    round_trip(live.client, peer)
    peer.send_bytes(live.hostile(name))
    errors.wait_for(2)
    round_trip(live.client, peer)
    event = frame('{"event":"info","code":20000,"msg":"nothing to be done"}')
    peer.send_bytes(event + live.hostile(name) + live.ticker())
    errors.wait_for(3)

    received["ticker"].wait_for(4)
    peer.send_bytes(live.trade(7) + live.level())
    round_trip(live.client, peer)
    assert closes.items == []
    assert live.client._core.placement.links[0].status.value == "open"
    live.client.close()
    assert len(errors) == 3
    for error in errors.items:
        assert isinstance(error, ApiError if name in ERRORS else RemoteError), error
        assert isinstance(error, BfxError)
        assert len(str(error)) < 1000
    assert len(received["ticker"]) == 4
    assert [trade.id for trade in received["trades"].items] == [7]
    assert len(received["book"]) == 1


@pytest.mark.parametrize("name", NO_DATA)
def test_unreadable_frame_is_reported_once_and_its_channel_subscribed_again(
    live: Live,
    errors: Collector,
    closes: Collector,
    received: dict[str, Collector],
    name: str,
) -> None:
    peer = live.peer
    chan_id = int(NO_DATA[name][1:3])
    peer.send_bytes(live.hostile(name))
    assert peer.receive_json() == {"event": "unsubscribe", "chanId": chan_id}
    # Of the old channel, which is not listened to any more.
    peer.send_bytes(live.hostile(name))
    peer.send_json({"event": "unsubscribed", "status": "OK", "chanId": chan_id})
    acknowledge(peer, 20)
    first = "[]" if chan_id == TRADES_ID else json.dumps(TICKER)
    peer.send_text(live.number(f"[20,{first}#]"))
    peer.send_bytes(live.level())
    round_trip(live.client, peer)
    assert closes.items == []
    live.client.close()
    (error,) = errors.items
    assert isinstance(error, RemoteError)
    assert len(str(error)) < 1000
    assert len(received["ticker"]) == (1 if chan_id == TRADES_ID else 2)
    assert len(received["book"]) == 1


@pytest.mark.parametrize("name", NO_BOOK)
def test_unreadable_frame_of_a_book_is_reported_once_and_the_book_is_subscribed_again(
    live: Live,
    errors: Collector,
    closes: Collector,
    received: dict[str, Collector],
    name: str,
) -> None:
    peer = live.peer
    peer.send_bytes(live.ticker() + live.hostile(name) + live.ticker())
    assert peer.receive_json() == {"event": "unsubscribe", "chanId": BOOK_ID}
    # Of the old channel, which is not listened to any more.
    peer.send_bytes(live.hostile(name) + live.level())
    peer.send_json({"event": "unsubscribed", "status": "OK", "chanId": BOOK_ID})
    acknowledge(peer, BOOK_ID + 1)
    peer.send_text(live.number("[20,[[6443,1,1]]#]"), live.number("[20,[6444,1,-1]#]"))
    peer.send_bytes(live.ticker() + live.trade(7))
    received["ticker"].wait_for(4)
    round_trip(live.client, peer)
    assert closes.items == []
    live.client.close()
    (error,) = errors.items
    assert isinstance(error, RemoteError)
    assert len(str(error)) < 1000
    assert [trade.id for trade in received["trades"].items] == [7]
    assert [level.price for level in received["book"].items] == [6444]


@pytest.mark.parametrize("digits", [22, 25, 400, 10_000])
@pytest.mark.parametrize("mode", [MODES["float"], MODES["decimal"]], ids=str)
def test_absurdly_long_integer_is_reported_once(
    live: Live, errors: Collector, received: dict[str, Collector], digits: int
) -> None:
    # Whether the channel is healed depends on the reader: one takes it for no JSON at all.
    # Not with sequence numbers: where a reader takes it for no JSON, the frame's is lost as well.
    live.peer.send_text(f'[18,"te",[{"9" * digits},1542045947738,0.1,6443.1]]')
    errors.wait_for(1)
    live.peer.send_bytes(live.ticker())
    received["ticker"].wait_for(2)
    live.client.close()
    (error,) = errors.items
    assert isinstance(error, RemoteError)
    assert len(str(error)) < 1000


def test_hundreds_of_hostile_frames_in_one_block(
    live: Live, errors: Collector, received: dict[str, Collector]
) -> None:
    names = [*TEXTS, *BYTES]
    names.remove("long")
    block = live.ticker()
    for n in range(300):
        block += live.hostile(names[n % len(names)])
    live.peer.send_bytes(block + live.ticker())
    received["ticker"].wait_for(3, DEADLINE_S)
    round_trip(live.client, live.peer, DEADLINE_S)
    live.client.close()
    assert len(errors) == 300


@pytest.mark.parametrize("name", NOT_UTF8)
def test_r03_text_that_is_not_utf8_ends_the_connection_and_it_is_opened_again(
    serve: Serve, connect: Connect, closes: Collector, errors: Collector, name: str
) -> None:
    levels, events = Collector(), Collector()
    server = serve()
    client = connect(server, flags=0, on_error=errors)
    client.on("disconnected", closes)
    client.subscribe_many(
        [
            {
                "channel": "book",
                "symbol": "tBTCUSD",
                "callback": levels,
                "on_event": events,
            }
        ],
        wait=False,
    )
    peer = server.next_peer()
    greet(peer)
    acknowledge(peer, BOOK_ID, [BOOK_ID, []])
    level = frame(f"[{BOOK_ID},[6443,2,1.5]]")
    peer.send_bytes(level + NOT_UTF8[name] + level)
    assert peer.receive() == Frame(CLOSE, (1007).to_bytes(2, "big"))
    again = server.next_peer()
    greet(again)
    acknowledge(again, BOOK_ID + 1, [BOOK_ID + 1, [[6443, 1, 2.5]]])
    again.send_text(f"[{BOOK_ID + 1},[6444,1,-1]]")
    assert [level.price for level in levels.wait_for(2)] == [6443, 6444]
    ((code, reason),) = closes.wait_for(1)
    assert code == 1007
    assert "UTF-8" in reason
    assert [type(event) for event in events.wait_for(3)] == [Snapshot, Gap, Snapshot]
    assert "UTF-8" in events.items[1].reason
    assert errors.items == []


def test_raising_on_error_changes_nothing(serve: Serve, connect: Connect) -> None:
    tickers = Collector()

    def on_error(error: BaseException) -> None:
        raise ValueError("in on_error")

    server = serve()
    client = connect(server, flags=0, on_error=on_error)
    client.subscribe_many(
        [{"channel": "ticker", "symbol": "tBTCUSD", "callback": tickers}], wait=False
    )
    peer = server.next_peer()
    greet(peer)
    acknowledge(peer, TICKER_ID)
    for _ in range(3):
        peer.send_json("nonsense", [TICKER_ID, TICKER])
    assert len(tickers.wait_for(3)) == 3
