from __future__ import annotations

import re

import pytest

from bfxsync.errors import UsageError
from bfxsync.paper import PaperExchange
from bfxsync.paper.server.feeds import LENGTHS, PRECISIONS

from .support import BULK, CHECKSUM, SEQ, BookCopy, ask, connected, loads

# Numbers as JavaScript writes them: no zero too many, an exponent only below a millionth.
NUMBER = re.compile(
    r"-?((0|[1-9]\d*)(\.\d*[1-9])?|[1-9](\.\d*[1-9])?e-([7-9]|[1-9]\d))"
)


@pytest.mark.parametrize("flags", [CHECKSUM, CHECKSUM | BULK], ids=["one", "bulk"])
@pytest.mark.parametrize("symbol", ["tLTCBTC", "tBTCF0:USTF0"])
def test_books_of_every_precision_and_length_have_right_checksums(
    symbol: str, flags: int
) -> None:
    exchange = PaperExchange(rate=500, checksum_s=0.01)
    with exchange, connected(exchange, SEQ | flags) as client:
        for prec in PRECISIONS:
            for length in LENGTHS:
                client.send(
                    event="subscribe",
                    channel="book",
                    symbol=symbol,
                    prec=prec,
                    len=str(length),
                )
        copies: dict[int, BookCopy] = {}
        limits: dict[int, int] = {}
        checked: dict[int, int] = {}
        while len(checked) < 24 or min(checked.values()) < 3:
            text = client.text()
            message = loads(text)
            if isinstance(message, dict):
                chan_id = message["chanId"]
                copies[chan_id] = BookCopy(message["prec"] == "R0")
                limits[chan_id] = int(message["len"])
                continue
            assert all(map(NUMBER.fullmatch, re.findall(r"[^][,]+", text[1:-1]))) or (
                '"cs"' in text
            )
            chan_id, payload, *_ = message
            copy = copies[chan_id]
            if payload == "cs":
                assert message[2] == copy.checksum()
                checked[chan_id] = checked.get(chan_id, 0) + 1
            else:
                rows = payload if isinstance(payload[0], list) else [payload]
                copy.feed(rows, limit=limits[chan_id])


@pytest.mark.parametrize("prec", ["P0", "P4", "R0"])
@pytest.mark.parametrize("symbol", ["tLTCBTC", "fUSD"])
def test_the_exchange_says_what_its_subscribers_have(
    quiet: PaperExchange, symbol: str, prec: str
) -> None:
    with connected(quiet) as client:
        for length in (1, 25, 250):
            fields = {"symbol": symbol, "prec": prec}
            before = quiet.book(**fields, len=length)
            client.send(event="subscribe", channel="book", **fields, len=length)
            client.until(lambda m: isinstance(m, dict))
            first = client.until(lambda m: m[1] != "hb")[-1]
            copy = BookCopy(prec == "R0", is_funding=symbol == "fUSD")
            copy.feed(first[1])
            for bids, asks in (before, quiet.book(**fields, len=str(length))):
                assert bids + asks == copy.rows() == first[1]
                assert len(bids) == len(copy.bids)
            assert quiet.checksum(**fields, len=length) == copy.checksum()


def test_a_slow_book_is_returned_as_its_subscribers_have_it(
    exchange: PaperExchange,
) -> None:
    with connected(exchange) as client:
        ack = ask(
            client, event="subscribe", channel="book", symbol="tETHUSD", freq="F1"
        )
        first = client.receive()
        assert first[0] == ack["chanId"]
        while exchange.book("tETHUSD") == exchange.book("tETHUSD", freq="F1"):
            pass
        bids, asks = exchange.book("tETHUSD", freq="F1")
        assert bids + asks == first[1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"symbol": "tNOPE"}, "symbol: invalid"),
        ({"symbol": "tBTCUSD", "prec": "P5"}, "precision: invalid"),
        ({"symbol": "tBTCUSD", "len": 2}, "length: invalid"),
        ({"symbol": "tBTCUSD", "freq": ""}, "frequency: invalid"),
    ],
    ids=str,
)
def test_books_that_are_not_there_are_clear_errors(
    quiet: PaperExchange, fields: dict[str, str], message: str
) -> None:
    for call in (quiet.book, quiet.checksum):
        with pytest.raises(UsageError, match=message):
            call(**fields)
