"""The proxy does to a connection what it says, and nothing else."""

from __future__ import annotations

import socket
import time
from typing import Callable, Iterator

import pytest

from .bare_server import DEADLINE_S
from .fault_proxy import BOTH, DOWN, UP, FaultProxy

Ends = tuple[socket.socket, socket.socket]

QUIET_S = 0.05
"""How long nothing must come, to believe that nothing does."""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE_S)
        yield listener


@pytest.fixture
def proxy(listener: socket.socket) -> Iterator[FaultProxy]:
    with FaultProxy(listener.getsockname()[1]) as proxy:
        yield proxy


@pytest.fixture
def connect(listener: socket.socket, proxy: FaultProxy) -> Iterator[Callable[[], Ends]]:
    """Make connections through the proxy; both ends are in the test's hands."""
    socks: list[socket.socket] = []

    def connect() -> Ends:
        client = socket.create_connection(("127.0.0.1", proxy.port), DEADLINE_S)
        socks.append(client)
        server, _ = listener.accept()
        server.settimeout(DEADLINE_S)
        socks.append(server)
        return client, server

    yield connect
    for sock in socks:
        sock.close()


def receive(sock: socket.socket, count: int) -> bytes:
    """Return so many bytes, or what there is before the end."""
    data = b""
    while len(data) < count:
        block = sock.recv(count - len(data))
        if not block:
            break
        data += block
    return data


def is_quiet(sock: socket.socket) -> bool:
    sock.settimeout(QUIET_S)
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except socket.timeout:
        return True
    finally:
        sock.settimeout(DEADLINE_S)


def assert_passes(ends: Ends) -> None:
    client, server = ends
    client.sendall(b"there")
    assert receive(server, 5) == b"there"
    server.sendall(b"and back")
    assert receive(client, 8) == b"and back"


def test_without_faults_everything_passes(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    first, second = connect(), connect()
    for ends in (first, second, first):
        assert_passes(ends)
    client, server = first
    data = bytes(range(256)) * 8192  # more than any buffer holds
    server.setblocking(False)
    sent = server.send(data)
    assert receive(client, sent) == data[:sent]
    assert proxy.passed(UP) == 5 and proxy.passed(DOWN) == 8  # of the newest
    assert proxy.counts == {"accept": 2}


def test_orderly_ends_pass_in_both_directions(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    client, server = connect()
    client.sendall(b"last words")
    client.shutdown(socket.SHUT_WR)
    assert receive(server, 99) == b"last words"
    server.sendall(b"answer")
    server.close()
    assert receive(client, 99) == b"answer"
    assert proxy.counts == {"accept": 1}


def test_an_end_by_reset_passes(proxy: FaultProxy, connect: Callable[[], Ends]) -> None:
    client, server = connect()
    client.sendall(b"unread")
    assert receive(server, 1)
    server.close()  # with bytes unread: that is a reset
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert proxy.counts == {"accept": 1}


def test_a_server_that_is_not_there_is_a_reset(
    listener: socket.socket, proxy: FaultProxy
) -> None:
    listener.close()
    with pytest.raises(ConnectionResetError):
        # It may come before `connect` has returned.
        with socket.create_connection(("127.0.0.1", proxy.port), DEADLINE_S) as client:
            client.recv(1)


def test_address_leads_through_the_proxy(proxy: FaultProxy) -> None:
    url = proxy.url("wss://localhost:1234/ws/2")
    assert url == f"wss://localhost:{proxy.port}/ws/2"


# --- conditions -------------------------------------------------------------------------------


def test_delay_holds_back_without_changing_the_order(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    client, server = connect()
    proxy.delay(0.05, jitter_s=0.02, directions=[DOWN])
    begin = time.monotonic()
    for number in range(20):
        server.sendall(bytes([number]) * 10)
    server.close()
    assert receive(client, 999) == b"".join(bytes([n]) * 10 for n in range(20))
    assert time.monotonic() - begin >= 0.05
    assert proxy.counts["delay"] >= 1
    counted = proxy.counts["delay"]
    client.sendall(b"up is as ever")
    assert proxy.counts["delay"] == counted


def test_delay_is_for_new_connections_too_until_it_is_cleared(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    proxy.delay(0.02)
    ends = connect()
    assert_passes(ends)
    assert proxy.counts["delay"] == 2
    proxy.clear()
    assert_passes(ends)
    assert proxy.counts["delay"] == 2


@pytest.mark.parametrize("size", [1, 7])
def test_slices_are_no_longer_than_asked_for(
    proxy: FaultProxy, connect: Callable[[], Ends], size: int
) -> None:
    client, server = connect()
    proxy.slice(size, pause_s=0.002, directions=[DOWN])
    text = b"cut into small pieces"
    server.sendall(text)
    pieces = [client.recv(99)]
    while sum(map(len, pieces)) < len(text):
        pieces.append(client.recv(99))
    assert b"".join(pieces) == text
    # A slow test may find two pieces in one block, but not all of them.
    assert len(pieces) > 1
    assert proxy.counts["slice"] == (len(text) - 1) // size


def test_slices_without_pauses_keep_a_long_stream_whole(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    client, server = connect()
    proxy.slice(1)
    data = bytes(range(256)) * 40
    server.sendall(data)
    client.sendall(b"and up")
    assert receive(client, len(data)) == data
    assert receive(server, 6) == b"and up"
    assert proxy.counts["slice"] == len(data) - 1 + 5


def test_bandwidth_is_limited(proxy: FaultProxy, connect: Callable[[], Ends]) -> None:
    client, server = connect()
    proxy.limit(100_000, [DOWN])
    begin = time.monotonic()
    server.sendall(bytes(10_000))
    assert receive(client, 10_000) == bytes(10_000)
    assert time.monotonic() - begin >= 0.09
    assert proxy.counts["limit"] >= 1


def test_stop_is_silence_without_an_end_until_resume(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    client, server = connect()
    assert_passes((client, server))
    proxy.stop()
    server.sendall(b"kept")
    server.shutdown(socket.SHUT_WR)
    client.sendall(b"kept too")
    proxy.wait_for("stop", 2)
    assert is_quiet(client) and is_quiet(server)
    proxy.resume()
    assert receive(client, 99) == b"kept"
    assert receive(server, 8) == b"kept too"


def test_stop_of_one_direction_leaves_the_other(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    client, server = connect()
    proxy.stop([UP])
    client.sendall(b"kept")
    server.sendall(b"comes")
    assert receive(client, 5) == b"comes"
    assert is_quiet(server)
    assert proxy.counts["stop"] == 1


@pytest.mark.parametrize("new", [True, False], ids=["all", "present"])
def test_stop_is_for_new_connections_too_if_wanted(
    proxy: FaultProxy, connect: Callable[[], Ends], new: bool
) -> None:
    old = connect()
    proxy.stop(new=new)
    client, server = connect()
    server.sendall(b"hello")
    if new:
        assert is_quiet(client)
    else:
        assert receive(client, 5) == b"hello"
    old[1].sendall(b"hello")
    assert is_quiet(old[0])
    proxy.resume()
    assert receive(old[0], 5) == b"hello"


def test_a_peer_that_left_during_a_silence_is_gone_after_it(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    client, server = connect()
    proxy.stop()
    client.close()
    assert is_quiet(server)
    proxy.resume()
    assert receive(server, 1) == b""


def test_what_a_silence_kept_is_lost_with_its_connection(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    client, server = connect()
    proxy.stop([UP], new=False)
    other = connect()
    client.sendall(b"kept")
    assert is_quiet(server)
    proxy.end_stopped()
    proxy.clear()
    with pytest.raises(ConnectionResetError):
        server.recv(4)
    assert_passes(other)


def test_a_stopped_stream_is_not_read_without_bounds(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    client, server = connect()
    proxy.stop()
    server.settimeout(QUIET_S)
    sent = 0
    with pytest.raises(socket.timeout):
        while sent < 2**26:
            sent += server.send(bytes(65_536))
    proxy.resume()
    assert len(receive(client, sent)) == sent


# --- refusals ---------------------------------------------------------------------------------


def test_absent_is_refused_and_the_port_is_kept(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    ends = connect()
    proxy.refuse("absent")
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", proxy.port), DEADLINE_S)
    assert_passes(ends)
    proxy.refuse("absent")
    proxy.accept()
    proxy.accept()
    assert_passes(connect())
    assert proxy.counts == {"accept": 2, "absent": 1}


def test_connections_are_ended_at_once(proxy: FaultProxy) -> None:
    proxy.refuse("fin")
    with socket.create_connection(("127.0.0.1", proxy.port), DEADLINE_S) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(1) == b""
        proxy.wait_for("refuse")
    proxy.refuse("reset")
    with pytest.raises(ConnectionResetError):
        # It may come before `connect` has returned.
        with socket.create_connection(("127.0.0.1", proxy.port), DEADLINE_S) as client:
            client.recv(1)
    proxy.wait_for("refuse", 2)
    assert proxy.counts == {"accept": 2, "refuse": 2}


# --- ends -------------------------------------------------------------------------------------


def test_reset_is_seen_by_both_sides(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    ends = connect()
    proxy.reset()
    for sock in ends:
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    assert proxy.counts == {"accept": 1, "reset": 1}


def test_fin_is_seen_by_both_sides_whatever_they_send(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    ends = connect()
    proxy.fin()
    for sock in ends:
        sock.sendall(b"into the void")
        assert sock.recv(1) == b""
    assert proxy.counts == {"accept": 1, "fin": 1}


def test_half_close_ends_one_direction(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    client, server = connect()
    proxy.half_close()
    assert client.recv(1) == b""
    server.sendall(b"into the void")
    client.sendall(b"still here")
    assert receive(server, 10) == b"still here"
    assert proxy.counts == {"accept": 1, "half_close": 1}


@pytest.mark.parametrize("how", ["reset", "fin", "half_close"])
@pytest.mark.parametrize("count", [1, 1000])
def test_cut_comes_after_exactly_so_many_bytes(
    proxy: FaultProxy, connect: Callable[[], Ends], how: str, count: int
) -> None:
    client, server = connect()
    server.sendall(b"before")
    assert receive(client, 6) == b"before"
    proxy.cut_after(count, how)
    server.sendall(bytes(range(250)) * 8)
    data = b""
    try:
        while True:
            block = client.recv(4096)
            if not block:
                break
            data += block
    except ConnectionResetError:
        assert how == "reset"
    assert data == (bytes(range(250)) * 8)[:count]
    assert proxy.counts == {"accept": 1, "cut": 1, how: 1}


def test_connections_to_come_are_cut_in_turn(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    for count in (3, None, 0):
        proxy.cut_next_after(count, "fin")
    for count in (3, None, 0):
        client, server = connect()
        if count is None:
            assert_passes((client, server))
        else:
            server.sendall(b"abcdef")
            assert receive(client, 99) == b"abcdef"[:count]
    assert_passes(connect())
    assert proxy.counts == {"accept": 4, "cut": 2, "fin": 2}


def test_a_cut_that_waits_for_bytes_can_be_made_at_once(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    client, server = connect()
    proxy.cut_now()
    assert_passes((client, server))
    proxy.cut_after(1000, "fin")
    server.sendall(b"some")
    assert receive(client, 4) == b"some"
    proxy.cut_now()
    assert client.recv(1) == b""
    assert proxy.counts["cut"] == 1


# --- at a place in the stream -----------------------------------------------------------------


@pytest.mark.parametrize("is_after", [False, True])
def test_something_happens_where_a_pattern_stands(
    proxy: FaultProxy, connect: Callable[[], Ends], is_after: bool
) -> None:
    proxy.at(b"c.e", "fin", is_after=is_after)
    client, server = connect()
    server.sendall(b"abcdef")
    assert receive(client, 99) == (b"abcde" if is_after else b"ab")
    client, server = connect()
    server.sendall(b"abcdef")
    server.close()
    assert receive(client, 99) == b"abcdef"  # once is enough
    assert proxy.counts["fin"] == 1


def test_a_pattern_is_found_across_blocks_and_each_time(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    proxy.at(b"xyz", "insert", data=b"!", is_after=True, times=3)
    client, server = connect()
    received = b""
    for part in (b"-xyz-x", b"y", b"z-xyz", b"-xyz-"):
        server.sendall(part)
        received += receive(client, len(part) + part.count(b"z") - (b"-xyz-" == part))
    assert received == b"-xyz!-xyz!-xyz!-xyz-"
    assert proxy.counts["insert"] == 3


def test_a_pattern_is_not_looked_for_in_what_came_before(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    client, server = connect()
    server.sendall(b"xyz")
    assert receive(client, 3) == b"xyz"
    proxy.at(b"yz?", "fin", is_after=True)
    server.sendall(b"z-yz.")
    assert receive(client, 99) == b"z-yz"


def test_conditions_begin_where_a_pattern_stands(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    proxy.at(b"now", "slice", size=1, direction=UP)
    proxy.at(b"quiet", "stop", direction=UP)
    client, server = connect()
    client.sendall(b"and now and then quiet")
    assert receive(server, 17) == b"and now and then "
    assert is_quiet(server)
    assert proxy.counts["slice"] >= 12
    assert proxy.counts["stop"] == 1  # in the other direction nothing was on its way
    proxy.resume()
    assert receive(server, 5) == b"quiet"


def test_all_is_as_ever_after_clear(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    proxy.at(b"there", "reset", direction=UP)
    proxy.slice(1, directions=BOTH)
    proxy.limit(1000)
    proxy.delay(1.0)
    proxy.stop()
    proxy.refuse("absent")
    proxy.clear()
    assert_passes(connect())
    assert proxy.counts == {"accept": 1, "absent": 1}


FRAMES = [b"\x81\x03one", b"\x81\x7e\x00\x03two", b"\x81\x05three"]
"""Of a server: short, with a length of two bytes, and short again."""


@pytest.mark.parametrize(
    ("fault", "order"),
    [("repeat", (0, 1, 1, 2)), ("overtake", (0, 2, 1))],
)
def test_frames_come_twice_or_in_another_order(
    proxy: FaultProxy, connect: Callable[[], Ends], fault: str, order: tuple[int, ...]
) -> None:
    client, server = connect()
    proxy.at(rb"\x81\x7e..two", fault)
    server.sendall(FRAMES[0] + FRAMES[1])
    if fault == "overtake":
        assert receive(client, len(FRAMES[0])) == FRAMES[0]
        proxy.wait_for(fault)
        assert is_quiet(client)
    server.sendall(FRAMES[2])
    expected = b"".join(FRAMES[n] for n in order)
    begin = FRAMES[0] if fault == "overtake" else b""
    assert begin + receive(client, len(expected) - len(begin)) == expected
    assert proxy.counts[fault] == 1
    assert_passes((client, server))


def test_an_overtaken_frame_comes_before_the_end(
    proxy: FaultProxy, connect: Callable[[], Ends]
) -> None:
    client, server = connect()
    proxy.at(rb"\x81\x7e..two", "overtake")
    server.sendall(FRAMES[1])
    server.close()
    assert receive(client, 99) == FRAMES[1]
