"""What a close says, and what handlers hear when a connection goes and comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List

import pytest

from bfxsync import Backoff, Client, UsageError, WebSocketClient
from bfxsync.paper import PaperExchange
from bfxsync.ws.replay import replay

from .bare_server import DEADLINE_S
from .conftest import Connect, Serve
from .support import Collector, greet

SENDABLE = [1000, 1003, 1007, 1011, 3000, 4000, 4999]
LONGEST = "é" * 61 + "!"


@pytest.mark.parametrize("code", SENDABLE)
def test_a_close_frame_has_the_users_code_and_reason(
    serve: Serve, connect: Connect, code: int
) -> None:
    server, closes = serve(), Collector()
    client = connect(server, flags=0)
    client.on("disconnected", closes)
    client.start()
    peer = server.next_peer()
    greet(peer)
    client.wait_ready()
    client.close(code, LONGEST)
    frame = peer.receive()
    assert frame.opcode == 8
    assert frame.payload == code.to_bytes(2, "big") + LONGEST.encode()
    client.close(1001, "another")
    assert closes.items == [(code, LONGEST)]


@pytest.mark.parametrize(
    "code", [0, 999, 1004, 1005, 1006, 1012, 1015, 2999, 5000, -1, True, 1000.0, "1000"]
)
def test_a_code_that_no_client_may_send_is_refused(code: Any) -> None:
    with Client() as bfx:
        for close in (bfx.close, bfx.wss.close):
            with pytest.raises(UsageError, match="code must be one of 1000-1003, "):
                close(code)
        bfx.rest.public  # still open


@pytest.mark.parametrize("reason", [None, b"x", 5, "é" * 62, "x" * 124, "\ud800"])
def test_a_reason_that_does_not_fit_is_refused(reason: Any) -> None:
    with Client() as bfx:
        for close in (bfx.close, bfx.wss.close):
            with pytest.raises(UsageError, match="reason must be text of at most 123 "):
                close(1000, reason)
        bfx.rest.public


def test_handlers_that_take_it_hear_of_the_reconnect(tmp_path: Path) -> None:
    two, named, third, keyword, back = (Collector() for _ in range(5))
    path = tmp_path / "run.jsonl"

    def register(client: WebSocketClient) -> None:
        client.on("disconnected", two)

        @client.on("disconnected")
        def by_name(code: int, reason: str, will_reconnect: bool = False) -> None:
            named(will_reconnect)

        @client.on("disconnected")
        def by_keyword(code: int, reason: str, *, will_reconnect: bool) -> None:
            keyword(will_reconnect)

        client.on("disconnected", lambda code, reason, again: third(again))
        client.on("restored", back)
        client.off("disconnected", by_keyword)
        client.on("disconnected", by_keyword)

    def heard() -> List[List[Any]]:
        return [each.items for each in (named, third, keyword)]

    with PaperExchange(rate=100.0) as exchange:
        with WebSocketClient(
            exchange.url, backoff=Backoff(first_s=0.05), record=path
        ) as client:
            register(client)
            client.subscribe_trades("tBTCUSD")
            exchange.drop_connections(1001, "gone")
            (gap_s,) = back.wait_for(1, DEADLINE_S)
            assert 0 < gap_s < DEADLINE_S
            client.close(4000, "done")
    assert heard() == [[True, False]] * 3
    assert two.items == [(1001, "gone"), (4000, "done")]
    assert len(back.items) == 1
    # The same from the recording.
    for each in (two, named, third, keyword, back):
        each.items.clear()
    with replay(path) as recording:
        register(recording)
        recording.subscribe_trades("tBTCUSD")
        recording.run()
    assert heard() == [[True, False]] * 3
    assert two.items == [(1001, "gone"), (4000, "done")]
    (recorded_s,) = back.items
    assert recorded_s > 0


def test_a_handler_that_cannot_be_called_is_refused() -> None:
    def four(code: int, reason: str, will_reconnect: bool, more: int) -> None: ...

    with WebSocketClient("ws://127.0.0.1:1/ws/2") as client:
        with pytest.raises(UsageError, match="is called with 2 arguments"):
            client.on("disconnected", four)
        with pytest.raises(UsageError, match="is called with 1 argument"):
            client.on("restored", lambda: None)
