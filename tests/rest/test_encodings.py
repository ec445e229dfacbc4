"""Bodies that are packed: once, as was asked for, and in bounded memory."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.errors import NetworkError, OutcomeUnknown, RemoteError
from bfxsync.rest.http import connections as sessions
from bfxsync.rest.http.encodings import unpacked

from .conftest import Connect, Serve
from .server import Exchange

BODY = json.dumps(["value", 1.25, "ü"]).encode() * 3_000


def in_blocks(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " x-gzip "])
@given(size=st.integers(1, 2_000))
def test_gzip_is_unpacked_however_it_is_cut(encoding: str, size: int) -> None:
    blocks = in_blocks(gzip.compress(BODY), size)
    assert b"".join(unpacked(blocks, encoding)) == BODY


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(BODY[:50]) + gzip.compress(BODY[50:]),
        gzip.compress(BODY[:50]) + bytes(100) + gzip.compress(BODY[50:]) + bytes(9),
    ],
    ids=["members", "zeros"],
)
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_several_members_are_one_body(data: bytes, size: int) -> None:
    assert b"".join(unpacked(in_blocks(data, size), "gzip")) == BODY


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_what_is_not_packed_passes(encoding: str) -> None:
    assert list(unpacked([b"a", b"b"], encoding)) == [b"a", b"b"]


@pytest.mark.parametrize("size", [0, 1, 9, 10, 100])
def test_a_body_that_was_cut_off_ends_early(size: int) -> None:
    found = b"".join(unpacked([gzip.compress(BODY)[:size]], "gzip"))
    assert BODY.startswith(found) and len(found) < len(BODY)


@given(st.binary())
def test_any_body_is_unpacked_or_broken(data: bytes) -> None:
    try:
        b"".join(unpacked([data, data], "gzip"))
    except zlib.error:
        pass


def test_pieces_are_small_however_much_they_were_packed() -> None:
    data = gzip.compress(bytes(10_000_000))
    pieces = list(unpacked([data], "gzip"))
    assert sum(map(len, pieces)) == 10_000_000 and max(map(len, pieces)) <= 65_536


def answering(encoding: str, body: bytes) -> Any:
    def handle(request: Exchange) -> None:
        request.send(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
            % (encoding.encode(), len(body))
            + body
        )

    return handle


def test_a_packed_answer_is_read(serve: Serve, connect: Connect) -> None:
    server = serve(answering("gzip", gzip.compress(b'{"a":1}')))
    transport = connect(server)
    for _ in range(2):
        assert transport.request("GET", "x") == {"a": 1}
    assert server.connections == 1
    assert server.requests[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    "encoding",
    ["gzip, gzip", "gzip,identity", "deflate", "br", "zstd", "gzip, deflate"],
)
def test_an_answer_that_nobody_asked_for_is_refused(
    serve: Serve, connect: Connect, encoding: str
) -> None:
    twice = gzip.compress(gzip.compress(bytes(10**7)))
    transport = connect(serve(answering(encoding, twice)))
    tracemalloc.start()
    with pytest.raises(RemoteError, match="'gzip' was requested"):
        transport.request("GET", "x")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
    with pytest.raises(OutcomeUnknown):
        transport.request("POST", "w/x", body={})


def test_r09_an_answer_that_unpacks_to_too_much_is_given_up(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_BODY_SIZE", 10**6)
    body = gzip.compress(bytes(10**8))
    assert len(body) < 10**6
    transport = connect(serve(answering("gzip", body)))
    tracemalloc.start()
    with pytest.raises(RemoteError, match="more than 1000000 bytes"):
        transport.request("GET", "x")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * 10**6


def test_r09_an_answer_that_unpacks_to_nothing_is_counted_too(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_BODY_SIZE", 10**5)
    transport = connect(serve(answering("gzip", gzip.compress(b"") * 10**4)))
    with pytest.raises(RemoteError, match="more than 100000 bytes"):
        transport.request("GET", "x")


def test_a_broken_answer_is_a_failed_link(
    serve: Serve, connect: Connect, no_delays: None
) -> None:
    transport = connect(serve(answering("gzip", b"no gzip")))
    with pytest.raises(NetworkError) as caught:
        transport.request("GET", "x")
    assert caught.value.phase == "receive"
