"""R11: rows that do not fit their channel become no levels, and the channel is healed."""

from __future__ import annotations

from typing import Any

import pytest

from bfxsync import Gap, RemoteError, Snapshot

from .bare_server import BareServer, Peer
from .conftest import Serve
from .support import acknowledge, greet, round_trip
from .user import User

MTS = 1_574_694_475_039

LEVELS = [[100.0, 1, 2.0], [99.0, 1, 1.0], [101.0, 1, -2.0], [102.0, 1, -1.0]]
OTHERS = [[200.0, 1, 2.0], [199.0, 1, 1.0], [201.0, 1, -2.0], [202.0, 1, -1.0]]
ORDERS = [[11, 100.0, 1.0], [12, 99.0, 1.0], [21, 101.0, -1.0], [22, 102.0, -2.0]]
TRADES = [[401597395, MTS, 0.005, 7244.9], [401597394, MTS, -0.5, 7245.3]]

BOOK = {"channel": "book", "symbol": "tBTCUSD"}


@pytest.fixture
def server(serve: Serve) -> BareServer:
    return serve()


def connected(user: User, server: BareServer, first: Any) -> Peer:
    """Return the peer of a user whose book has had its snapshot, on channel 5."""
    peer = server.next_peer()
    greet(peer)
    acknowledge(peer, 5, [5, first])
    user.seen[0].until_story("S")
    return peer


def test_r11_second_snapshot_leaves_no_ghosts(server: BareServer) -> None:
    with User(server.url, BOOK, wait=False, flags=0) as user:
        peer = connected(user, server, LEVELS)
        peer.send_json([5, OTHERS], [5, [198.0, 1, 3.0]])
        (seen,), (subscription,) = user.seen, user.subscriptions
        seen.until_updated()
        round_trip(user.client, peer)
        assert seen.shape == "SGS."
        book = subscription.book
        assert [level.price for level in book.bids()] == [200.0, 199.0, 198.0]
        assert [level.price for level in book.asks()] == [201.0, 202.0]
        assert book.is_live
        assert subscription.gap_count == 1
        assert subscription.heal_count == 0
        assert user.errors.items == []


def test_r11_order_without_amount_is_gone(server: BareServer) -> None:
    with User(server.url, {**BOOK, "prec": "R0"}, wait=False, flags=0) as user:
        peer = connected(user, server, ORDERS)
        peer.send_json([5, [11, 100.0, 0]])
        round_trip(user.client, peer)
        book = user.subscriptions[0].book
        assert [order.order_id for order in book.bids()] == [12]
        assert [order.order_id for order in book.asks()] == [21, 22]
        assert book.unknown_deletes == 0


@pytest.mark.parametrize("rows", [TRADES, TRADES[0]], ids=["list", "one"])
def test_r11_trades_under_the_number_of_a_book_heal_it(
    server: BareServer, rows: Any
) -> None:
    with User(server.url, BOOK, wait=False, flags=0) as user:
        peer = connected(user, server, LEVELS)
        peer.send_json([5, rows])
        assert peer.receive_json() == {"event": "unsubscribe", "chanId": 5}
        peer.send_json({"event": "unsubscribed", "status": "OK", "chanId": 5})
        acknowledge(peer, 6, [6, OTHERS])
        (seen,) = user.seen
        seen.until_story("SGS")
        assert [type(event) for event in seen.events] == [Snapshot, Gap, Snapshot]
        assert seen.data == []
        errors = user.errors.wait_for(1)
        assert {type(error) for error in errors} == {RemoteError}
        assert user.subscriptions[0].book.best_bid.price == 200.0
        assert user.subscriptions[0].heal_count == 1
        assert user.closes.items == []
