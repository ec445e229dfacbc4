from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from bfxsync.paper.markets.market import Market
from bfxsync.paper.server.market_data import MarketData
from bfxsync.paper.server.registry import AccountRegistry
from bfxsync.paper.server.ws_session import WsSession

from .support import read_data

FRAMES = {
    record["kind"]: record["frame"] for record in read_data("public-frames.jsonl")
}
SYMBOLS = ("tBTCUSD", "tETHUSD", "fUSD", "tBFTUSD", "tTESTBTC:TESTUSD", "tDOGEF0:USTF0")
TIMESTAMP, SEQ, CHECKSUM, BULK = 32768, 65536, 131072, 536870912
NOW = 1545078000000


class Socket:
    """A session and what it has sent."""

    def __init__(self, **options: Any) -> None:
        self.market_data = MarketData()
        for symbol in SYMBOLS:
            self.market_data.add(Market(symbol))
        self.sent: list[str] = []
        self.watched: list[str] = []
        self.later: list[tuple[float, Callable[[], None]]] = []

        def call_later(delay_s: float, call: Callable[[], None]) -> None:
            self.later.append((delay_s, call))

        registry = AccountRegistry((), {}, lambda: NOW, call_later)
        self.session = WsSession(
            self.market_data,
            registry,
            self.sent.append,
            lambda: NOW,
            call_later,
            server_id="083bd8d4-aca7-4690-a573-eabfc8103de8",
            on_subscribed=self.watched.append,
            **options,
        )

    def ask(self, **message: Any) -> list[Any]:
        """Send a message; what was sent in answer."""
        self.sent.clear()
        self.session.receive(json.dumps(message))
        return [json.loads(text) for text in self.sent]

    def subscribe(self, channel: str, symbol: str, **fields: Any) -> int:
        ack, first = self.ask(
            event="subscribe", channel=channel, symbol=symbol, **fields
        )
        assert first[0] == ack["chanId"]
        chan_id: int = ack["chanId"]
        return chan_id


@pytest.fixture
def socket() -> Socket:
    return Socket()


def test_the_greeting_is_that_of_version_2(socket: Socket) -> None:
    socket.session.open()
    assert socket.sent == [FRAMES["info.version"]]


@pytest.mark.parametrize(
    "kind",
    [
        "subscribed.ticker.trading",
        "subscribed.ticker.funding",
        "subscribed.ticker.subId",
        "subscribed.trades.trading",
        "subscribed.trades.funding",
        "subscribed.book",
        "subscribed.book.subId",
        "subscribed.book.raw",
        "subscribed.book.funding",
        "subscribed.book.raw.funding",
    ],
)
def test_an_ack_has_the_fields_of_its_channel(socket: Socket, kind: str) -> None:
    wanted = json.loads(FRAMES[kind])
    fields = {
        field: wanted[field]
        for field in ("channel", "symbol", "prec", "freq", "len", "subId")
        if field in wanted
    }
    ack, first = socket.ask(event="subscribe", **fields)
    wanted["chanId"] = ack["chanId"]
    assert list(ack) == list(wanted)
    assert ack == wanted
    assert first[0] == ack["chanId"]
    assert socket.watched == [wanted["symbol"]]


def test_a_book_has_defaults(socket: Socket) -> None:
    ack, _ = socket.ask(event="subscribe", channel="book", symbol="tBTCUSD")
    assert (ack["prec"], ack["freq"], ack["len"]) == ("P0", "F0", "25")


@pytest.mark.parametrize(
    "kind", ["subscribed.candles", "subscribed.status.deriv", "subscribed.status.liq"]
)
def test_an_ack_of_a_key_has_only_the_key(socket: Socket, kind: str) -> None:
    wanted = json.loads(FRAMES[kind].replace("tBTCF0", "tDOGEF0"))
    request = {"channel": wanted["channel"], "key": wanted["key"]}
    ack, *first = socket.ask(event="subscribe", **request)
    wanted["chanId"] = ack["chanId"]
    assert ack == wanted and list(ack) == list(wanted)
    # Liquidations have no snapshot.
    assert len(first) == (0 if kind.endswith("liq") else 1)
    (error,) = socket.ask(event="subscribe", **request, subId="x")
    assert (error["code"], error["msg"]) == (10301, "subscribe: dup")
    assert error["chanId"] == ack["chanId"]
    assert error["key"] == request["key"] and error["subId"] == "x"
    assert "symbol" not in error and "pair" not in error
    socket.ask(event="unsubscribe", chanId=ack["chanId"])
    ack, *_ = socket.ask(event="subscribe", **request, subId=3)
    assert list(ack) == [*wanted, "subId"]


def test_other_spellings_of_a_candle_key_are_the_same_channel(socket: Socket) -> None:
    keys = [
        ("trade:1W:tBTCUSD", "trade:7D:tBTCUSD"),
        ("trade:1h:fUSD:a10:p2:p10", "trade:1h:fUSD:a30:p2:p10"),
        ("trade:1h:fUSD:p2", "trade:1h:fUSD:a10:p2:p2"),
    ]
    for first, second in keys:
        ack, _ = socket.ask(event="subscribe", channel="candles", key=first)
        assert ack["key"] == first
        (error,) = socket.ask(event="subscribe", channel="candles", key=second)
        assert (error["code"], error["chanId"]) == (10301, ack["chanId"])
        assert error["key"] == second


def test_the_status_of_an_unknown_derivative_gets_no_answer(
    socket: Socket,
) -> None:
    for symbol in ("tNOPEF0:USTF0", "tBTCUSD", ""):
        assert not socket.ask(
            event="subscribe", channel="status", key=f"deriv:{symbol}"
        )
    assert not socket.session.channels


@pytest.mark.parametrize("length", [1, "1", 25, "25", 100, "100", 250, "250"])
def test_len_comes_back_with_the_type_it_was_sent_with(
    socket: Socket, length: int | str
) -> None:
    ack, _ = socket.ask(event="subscribe", channel="book", symbol="tBTCUSD", len=length)
    assert ack["len"] == length and type(ack["len"]) is type(length)


def test_a_symbol_without_t_is_accepted_and_comes_back_with_it(socket: Socket) -> None:
    ack, _ = socket.ask(event="subscribe", channel="trades", symbol="BTCUSD")
    assert (ack["symbol"], ack["pair"]) == ("tBTCUSD", "BTCUSD")


@pytest.mark.parametrize(
    "kind",
    [
        "error.10300.symbol.book",
        "error.10300.symbol.trades",
        "error.10300.symbol.ticker",
        "error.10300.channel",
        "error.10300.precision",
        "error.10300.length",
        "error.10400.unsubscribe",
    ],
)
def test_an_error_echoes_the_request(socket: Socket, kind: str) -> None:
    wanted = json.loads(FRAMES[kind])
    request = {
        k: v for k, v in wanted.items() if k not in ("event", "msg", "code", "pair")
    }
    event = "unsubscribe" if "chanId" in request else "subscribe"
    (error,) = socket.ask(event=event, **request)
    assert error == wanted and list(error) == list(wanted)
    if event == "subscribe":
        (error,) = socket.ask(event=event, subId=7, **request)
        assert error == {**wanted, "subId": 7}
    assert socket.watched == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"freq": "F2"}, "frequency: invalid"),
        ({"freq": 0}, "frequency: invalid"),
        ({"prec": ["P0"]}, "precision: invalid"),
        ({"len": 25.5}, "length: invalid"),
        ({"len": "25.0"}, "length: invalid"),
        ({"len": True}, "length: invalid"),
        ({"len": None}, "length: invalid"),
        ({"symbol": None}, "symbol: invalid"),
        ({"symbol": 5}, "symbol: invalid"),
        ({"channel": None}, "channel: unknown"),
        ({"channel": ["book"]}, "channel: unknown"),
        ({"channel": "candles"}, "key: invalid"),
        ({"channel": "candles", "key": 5}, "key: invalid"),
        ({"channel": "candles", "key": "trade:2m:tBTCUSD"}, "key: invalid"),
        ({"channel": "candles", "key": "trade:1m:fUSD"}, "key: invalid"),
        ({"channel": "candles", "key": "trade:1m:tNOPE"}, "symbol: invalid"),
        ({"channel": "status"}, "key: invalid"),
        ({"channel": "status", "key": "liq:tBTCUSD"}, "key: invalid"),
    ],
    ids=str,
)
def test_wrong_fields_are_refused(
    socket: Socket, fields: dict[str, Any], message: str
) -> None:
    request = {"channel": "book", "symbol": "tBTCUSD", **fields}
    (error,) = socket.ask(event="subscribe", **request)
    assert (error["event"], error["code"], error["msg"]) == ("error", 10300, message)


def test_the_same_twice_names_the_first_channel(socket: Socket) -> None:
    wanted = json.loads(FRAMES["error.10301.dup"])
    request = {k: wanted[k] for k in ("channel", "symbol", "prec", "len")}
    wanted["chanId"] = socket.subscribe(**request)
    (error,) = socket.ask(event="subscribe", **request)
    assert error == wanted and list(error) == list(wanted)
    # The defaults and the type of len make no difference, another precision does.
    (error,) = socket.ask(
        event="subscribe", channel="book", symbol="DOGEF0:USTF0", len=25
    )
    assert (error["code"], error["chanId"]) == (10301, wanted["chanId"])
    assert socket.subscribe(**{**request, "prec": "P1"}) != wanted["chanId"]


def test_one_channel_too_many_is_refused() -> None:
    socket = Socket(max_channels=2)
    first = socket.subscribe("ticker", "tBTCUSD")
    socket.subscribe("trades", "tBTCUSD")
    wanted = json.loads(FRAMES["error.10305.limit"])
    wanted.update(symbol="tETHUSD", pair="ETHUSD")
    request = {k: wanted[k] for k in ("channel", "symbol", "prec", "freq", "len")}
    (error,) = socket.ask(event="subscribe", **request)
    assert error == wanted and list(error) == list(wanted)
    socket.ask(event="unsubscribe", chanId=first)
    socket.subscribe(**request)


def test_unsubscribing_ends_a_channel_for_good(socket: Socket) -> None:
    chan_id = socket.subscribe("ticker", "tBTCUSD")
    assert socket.market_data.is_watched("tBTCUSD")
    wanted = {**json.loads(FRAMES["unsubscribed"]), "chanId": chan_id}
    assert socket.ask(event="unsubscribe", chanId=chan_id) == [wanted]
    assert not socket.market_data.is_watched("tBTCUSD")
    (error,) = socket.ask(event="unsubscribe", chanId=chan_id)
    assert (error["code"], error["chanId"]) == (10400, chan_id)
    for wrong in (None, str(chan_id), 1.5, [1], True, {}):
        (error,) = socket.ask(event="unsubscribe", chanId=wrong)
        assert (error["code"], error["chanId"]) == (10400, wrong)


def test_a_channel_id_may_be_sent_as_text(socket: Socket) -> None:
    """Some clients send text, and are answered with the number of the acknowledgement."""
    chan_id = socket.subscribe("ticker", "tBTCUSD")
    other = socket.subscribe("trades", "tBTCUSD")
    wanted = {**json.loads(FRAMES["unsubscribed"]), "chanId": chan_id}
    assert socket.ask(event="unsubscribe", chanId=str(chan_id)) == [wanted]
    assert list(socket.session.channels) == [other]
    texts = ("", "0", "x", f"0{other}", f"+{other}", f" {other}", f"{other}.0")
    for wrong in (str(chan_id), *texts, "٣", "9" * 5000):
        (error,) = socket.ask(event="unsubscribe", chanId=wrong)
        assert (error["code"], error["chanId"]) == (10400, wrong)
    assert list(socket.session.channels) == [other]


def test_channel_ids_are_distinct_and_never_zero() -> None:
    socket = Socket()
    ids = set()
    for _ in range(300):
        chan_id = socket.subscribe("ticker", "tBTCUSD")
        socket.ask(event="unsubscribe", chanId=chan_id)
        ids.add(chan_id)
    assert len(ids) == 300
    assert min(ids) > 0


def test_ping_is_answered_with_its_cid(socket: Socket) -> None:
    assert socket.ask(event="ping", cid=1234) == [
        {"event": "pong", "ts": NOW, "cid": 1234}
    ]
    assert socket.ask(event="ping") == [{"event": "pong", "ts": NOW}]


@pytest.mark.parametrize("cid", ["1234", "", None, 2**53, -1.5, True, [1], {"a": 1}])
def test_cid_and_sub_id_come_back_as_they_were_sent(socket: Socket, cid: Any) -> None:
    (pong,) = socket.ask(event="ping", cid=cid)
    ack, _ = socket.ask(event="subscribe", channel="ticker", symbol="fUSD", subId=cid)
    (error,) = socket.ask(event="subscribe", channel="nope", subId=cid)
    for answer, name in ((pong, "cid"), (ack, "subId"), (error, "subId")):
        assert answer[name] == cid and type(answer[name]) is type(cid)


def test_an_unknown_event_is_refused(socket: Socket) -> None:
    assert socket.ask(event="nope") == [json.loads(FRAMES["error.10000"])]
    for wrong in ({}, {"event": None}, {"event": ["ping"]}):
        (error,) = socket.ask(**wrong)
        assert (error["event"], error["code"]) == ("error", 10000)


@pytest.mark.parametrize(
    "text",
    ["", "hello", "{", '[1,"on",null,{}]', "1", "null", "[" * 100_000]
    + ['{"event":"ping","cid":NaN}', '{"event":"ping","cid":1e999}'],
    ids=lambda text: text[:30],
)
def test_what_is_no_json_object_is_ignored(socket: Socket, text: str) -> None:
    socket.session.receive(text)
    assert socket.sent == []
    assert socket.ask(event="ping") == [{"event": "pong", "ts": NOW}]


@pytest.mark.parametrize("flags", [0, TIMESTAMP, SEQ, CHECKSUM, BULK, 537100288, 8, 32])
def test_known_flags_are_acknowledged(socket: Socket, flags: int) -> None:
    assert socket.ask(event="conf", flags=flags) == [
        {"event": "conf", "status": "OK", "flags": flags}
    ]


@pytest.mark.parametrize("number", ["65536.0", "6.5536e4", "65536"])
def test_a_whole_number_may_be_written_as_a_fraction(
    socket: Socket, number: str
) -> None:
    """JSON has one kind of number."""
    for text in (
        f'{{"event":"conf","flags":{number}}}',
        f'{{"event":"ping","cid":{number}}}',
    ):
        socket.session.receive(text)
    assert socket.sent[0] == '{"event":"conf","status":"OK","flags":65536}'
    assert socket.sent[1].endswith('"cid":65536}')
    ack, _ = socket.ask(event="subscribe", channel="book", symbol="tBTCUSD", len=25.0)
    assert ack["len"] == 25
    socket.session.receive(f'{{"event":"unsubscribe","chanId":{ack["chanId"]}.0}}')
    assert json.loads(socket.sent[-1])["event"] == "unsubscribed"


@pytest.mark.parametrize("flags", [1, 65537, -1, "65536", None, 65536.5, True])
def test_other_flags_fail_and_leave_the_old_ones(socket: Socket, flags: Any) -> None:
    socket.ask(event="conf", flags=SEQ)
    (answer,) = socket.ask(event="conf", flags=flags)
    assert (answer["event"], answer["status"], answer["code"]) == (
        "conf",
        "FAILED",
        10050,
    )
    assert answer["flags"] == flags
    assert socket.session.frames.flags == SEQ


@pytest.mark.parametrize(
    ("flags", "suffix"),
    [
        (0, []),
        (SEQ, ["seq"]),
        (TIMESTAMP, [NOW]),
        (SEQ | TIMESTAMP, ["seq", NOW]),
        (537100288, ["seq", NOW]),
    ],
)
def test_every_frame_ends_as_the_flags_say(
    socket: Socket, flags: int, suffix: list[Any]
) -> None:
    socket.ask(event="conf", flags=flags | CHECKSUM)
    chan_id = socket.subscribe("book", "tBTCUSD")
    channel = socket.session.channels[chan_id]
    frames = [json.loads(socket.sent[1])]
    socket.sent.clear()
    socket.session.heartbeat()
    channel.frame('"te",[401597395,1574694478808,0.005,7245.3]')
    channel.checksum(-1330055495)
    socket.session.info(20060)  # an object: not counted, no suffix
    channel.rows(["[86719,2,-0.03483509]"])
    frames += [json.loads(text) for text in socket.sent]
    info = frames.pop(4)
    assert info["code"] == 20060
    row = [86719, 2, -0.03483509]
    heads: list[list[Any]] = [
        [[]],
        ["hb"],
        ["te", [401597395, 1574694478808, 0.005, 7245.3]],
        ["cs", -1330055495],
        [[row] if flags & BULK else row],
    ]
    for seq, (frame, head) in enumerate(zip(frames, heads), 1):
        assert frame == [chan_id, *head, *(seq if x == "seq" else x for x in suffix)]


def test_sequence_numbers_count_all_channels_even_while_hidden(
    socket: Socket,
) -> None:
    socket.subscribe("ticker", "tBTCUSD")
    socket.ask(event="conf", flags=SEQ)
    socket.subscribe("trades", "tBTCUSD")
    assert json.loads(socket.sent[-1])[-1] == 2
    socket.subscribe("trades", "fUSD")
    assert json.loads(socket.sent[-1])[-1] == 3
    socket.sent.clear()
    socket.session.heartbeat()
    assert [json.loads(text)[1:] for text in socket.sent] == [
        ["hb", n] for n in (4, 5, 6)
    ]


def test_each_conf_replaces_the_flags(socket: Socket) -> None:
    socket.ask(event="conf", flags=SEQ | CHECKSUM)
    socket.ask(event="conf", flags=TIMESTAMP)
    chan_id = socket.subscribe("book", "tBTCUSD")
    assert json.loads(socket.sent[-1]) == [chan_id, [], NOW]
    socket.sent.clear()
    socket.session.channels[chan_id].checksum(5)
    assert socket.sent == []


def test_bulk_makes_one_frame_of_an_iteration(socket: Socket) -> None:
    chan_id = socket.subscribe("book", "tBTCUSD")
    channel = socket.session.channels[chan_id]
    rows = ["[86717,0,1]", "[86647,3,0.05388802]"]
    socket.sent.clear()
    channel.rows(rows)
    assert socket.sent == [f"[{chan_id},{row}]" for row in rows]
    socket.ask(event="conf", flags=BULK)
    socket.sent.clear()
    channel.rows(rows)
    assert socket.sent == [f"[{chan_id},[{','.join(rows)}]]"]


@pytest.mark.parametrize("code", [20051, 20060, 20061])
def test_info_events_have_a_code(socket: Socket, code: int) -> None:
    socket.session.info(code)
    info = json.loads(socket.sent[0])
    wanted = json.loads(FRAMES[f"info.{code}"])
    assert {**wanted, "msg": ""} == {**info, "msg": ""}
    assert info["msg"]


def test_a_closed_session_sends_nothing(socket: Socket) -> None:
    socket.subscribe("ticker", "tBTCUSD")
    socket.subscribe("book", "fUSD")
    socket.session.close()
    assert not socket.market_data.is_watched(
        "tBTCUSD"
    ) and not socket.market_data.is_watched("fUSD")
    assert socket.ask(event="ping") == []
    socket.session.heartbeat()
    assert socket.sent == []
    socket.session.close()
