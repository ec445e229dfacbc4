"""A channel that bfxsync does not know, from a server that has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bfxsync import Backoff, Gap, Snapshot, replay

from .bare_server import BareServer, Peer
from .conftest import Connect, Serve
from .support import Collector, acknowledge, greet

REQUEST = {"event": "subscribe", "channel": "depth", "levels": 5, "symbols": ["a", "b"]}
FIELDS: dict[str, Any] = {"levels": 5, "symbols": ["a", "b"]}


@pytest.fixture
def server(serve: Serve) -> BareServer:
    return serve()


def serve_depth(peer: Peer, *frames: list[Any]) -> None:
    """Accept the request and send frames with sequence numbers."""
    greet(peer, 65536)
    numbered = ([7, *frame, number] for number, frame in enumerate(frames, 1))
    request = acknowledge(peer, 7, *numbered)
    assert {**request, "subId": 0} == {**REQUEST, "subId": 0}


def test_unknown_channel_is_requested_recorded_and_played(
    connect: Connect, server: BareServer, tmp_path: Path
) -> None:
    path, items = tmp_path / "run.jsonl.gz", Collector()
    client = connect(server, flags=65536, record=path, backoff=Backoff(first_s=0.01))
    client.subscribe_raw("depth", items, on_event=items, wait=False, **FIELDS)
    peer = server.next_peer()
    serve_depth(peer, [[[1, "x"], [2, "y"]]], ["add", [3, "z"]], [{"total": 3}])
    assert items.wait_for(3) == [
        Snapshot([[1, "x"], [2, "y"]]),
        [3, "z"],
        [{"total": 3}],
    ]
    peer.end()
    peer = server.next_peer()
    serve_depth(peer, [[]], ["add", [4, "w"]])
    gap, *rest = items.wait_for(6)[3:]
    assert type(gap) is Gap
    assert rest == [Snapshot([]), [4, "w"]]
    client.close()
    played: list[Any] = []
    with replay(path) as recording:
        assert recording.channels == [{"channel": "depth", **FIELDS}]
        recording.subscribe_raw(
            "depth", played.append, on_event=played.append, **FIELDS
        )
        recording.run()
    assert played == items.wait_for(6)
