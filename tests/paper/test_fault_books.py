from __future__ import annotations

from typing import Any

import pytest

from bfxsync.paper import PaperExchange

from .support import (
    BOOK,
    BULK,
    CHECKSUM,
    SEQ,
    BookCopy,
    Client,
    ask,
    connected,
    subscribed,
)


def follow(
    client: Client, copies: dict[int, BookCopy], until: int
) -> list[tuple[int, bool]]:
    """Feed copies until there were so many checksums; whose they were, and if they were right."""
    checksums: list[tuple[int, bool]] = []
    seq = None
    while len(checksums) < until:
        chan_id, payload, *more = client.receive()
        assert seq is None or more[-1] == seq + 1
        seq = more[-1]
        copy = copies[chan_id]
        if payload == "cs":
            checksums.append((chan_id, more[0] == copy.checksum()))
        elif payload and isinstance(payload[0], list):
            copy.feed(payload)
        elif payload != "hb":
            forgive(copy, payload)
    return checksums


def forgive(copy: BookCopy, row: list[Any]) -> None:
    """Apply a row; a copy that has lost one may not know what is deleted."""
    try:
        copy.apply(row)
    except KeyError:
        pass


def books(client: Client, *fields: dict[str, Any]) -> dict[int, BookCopy]:
    """Subscribe to books; nothing is read before all are asked for, so nothing is lost."""
    copies: dict[int, BookCopy] = {}
    for book in fields:
        ack, first = subscribed(client, **book)
        assert first[0] == ack["chanId"]
        copy = copies[ack["chanId"]] = BookCopy(ack["prec"] == "R0")
        copy.feed(first[1])
    return copies


def test_one_checksum_of_a_symbol_is_wrong(exchange: PaperExchange) -> None:
    flags = SEQ | CHECKSUM
    with connected(exchange, flags) as one, connected(exchange, flags) as other:
        (eth,) = eths = books(one, BOOK)
        (btc,) = btcs = books(other, {**BOOK, "symbol": "tBTCUSD"})
        exchange.inject("wrong_checksum", symbol="tETHUSD")
        while all(is_right for _, is_right in follow(one, eths, until=1)):
            pass
        assert follow(one, eths, until=2) == [(eth, True)] * 2
        assert follow(other, btcs, until=3) == [(btc, True)] * 3
        assert exchange.fault_counts == {"wrong_checksum": 1}


@pytest.mark.parametrize("flags", [SEQ | CHECKSUM, SEQ | CHECKSUM | BULK])
@pytest.mark.parametrize(
    ("prec", "length"), [("P0", 25), ("R0", 100), ("P3", 1), ("P1", 250)]
)
def test_a_lost_update_makes_another_book_for_all_its_subscribers(
    exchange: PaperExchange, flags: int, prec: str, length: int
) -> None:
    book = {**BOOK, "prec": prec, "len": str(length)}
    with connected(exchange, flags) as one, connected(exchange, flags) as two:
        copies = [books(one, book), books(two, book)]
        assert all(is_right for _, is_right in follow(one, copies[0], until=2))
        exchange.inject("lost_book_update", symbol="tETHUSD")
        for client, copy in zip((one, two), copies):
            # The checksum that follows the loss finds it.
            while all(is_right for _, is_right in follow(client, copy, until=1)):
                pass
        assert exchange.fault_counts == {"lost_book_update": 1}
        # The exchange itself is right: a new subscription has the right book.
        (chan_id,) = copies[0]
        ask(one, event="unsubscribe", chanId=chan_id)
        assert all(is_right for _, is_right in follow(one, books(one, book), until=3))


def test_an_update_of_another_symbol_is_not_lost(exchange: PaperExchange) -> None:
    with connected(exchange, SEQ | CHECKSUM) as client:
        copies = books(client, {**BOOK, "symbol": "tBTCUSD"})
        exchange.inject("lost_book_update", symbol="tETHUSD")
        assert all(is_right for _, is_right in follow(client, copies, until=3))
        assert exchange.fault_counts == {}


def test_an_update_of_a_recorded_book_is_lost() -> None:
    with (
        PaperExchange(
            captures=("btcusd-20181112",), speed=20, checksum_s=5, autoplay=False
        ) as exchange,
        connected(exchange, SEQ | CHECKSUM) as client,
    ):
        copies = books(client, {**BOOK, "symbol": "tBTCUSD", "len": "100"})
        exchange.play()
        assert all(is_right for _, is_right in follow(client, copies, until=2))
        exchange.inject("lost_book_update", symbol="tBTCUSD")
        while all(is_right for _, is_right in follow(client, copies, until=1)):
            pass
        assert exchange.fault_counts == {"lost_book_update": 1}
