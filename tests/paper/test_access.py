"""The names that the exchange answers to, and the web pages that it answers."""

from __future__ import annotations

import pytest

from bfxsync.paper.server.access import AccessPolicy

PAGE = "http://elsewhere.example"


@pytest.mark.parametrize(
    ("listen_host", "host"),
    [
        ("127.0.0.1", "127.0.0.1:8080"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost:8080"),
        ("127.0.0.1", "LocalHost.:8080"),
        ("127.0.0.1", "[::1]:8080"),
        ("127.0.0.1", "127.8.8.8:8080"),
        ("127.0.0.1", "api.bitfinex.com"),
        ("127.0.0.1", "api-pub.bitfinex.com:443"),
        ("127.0.0.1", "paper:8080"),
        ("127.0.0.1", "PAPER"),
        ("::1", "[0:0::1]:8080"),
        ("192.168.1.5", "192.168.1.5:8080"),
        ("192.168.1.5", "localhost:8080"),
        ("fd00::5", "[FD00::5]:8080"),
        ("desk.example", "desk.example:8080"),
        ("0.0.0.0", "192.168.1.5:8080"),
        ("::", "[fd00::5]:8080"),
        ("", "192.168.1.5"),
    ],
)
def test_own_names_are_accepted(listen_host: str, host: str) -> None:
    policy = AccessPolicy(listen_host, ["paper", "LAB.example."])
    assert policy.refusal([host], []) is None


@pytest.mark.parametrize("listen_host", ["127.0.0.1", "0.0.0.0", ""])
@pytest.mark.parametrize(
    "host",
    [
        "elsewhere.example",
        "elsewhere.example:8080",
        "127.0.0.1.elsewhere.example:8080",
        "localhost.elsewhere.example",
        "elsewhere.example#localhost",
        "elsewhere.example\\localhost",
        "localhost@elsewhere.example",
        "elsewhere.example@localhost",
        "localhost/elsewhere.example",
        "localhost,elsewhere.example",
        "localhost elsewhere.example",
        "notbitfinex.com",
        "bitfinex.com.elsewhere.example",
        "[localhost]",
        "localhost:port",
        "",
        ":8080",
        "null",
    ],
)
def test_other_names_are_refused(listen_host: str, host: str) -> None:
    refusal = AccessPolicy(listen_host, []).refusal([host], [])
    assert refusal is not None and repr(host) in refusal


def test_an_address_is_refused_unless_listened_on() -> None:
    assert AccessPolicy("127.0.0.1", []).refusal(["192.168.1.5"], []) is not None
    assert AccessPolicy("192.168.1.5", []).refusal(["192.168.1.6"], []) is not None


@pytest.mark.parametrize(
    ("listen_host", "host", "origin"),
    [
        # Made of the address, as websocket-client does.
        ("127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.0.0.1", "localhost:8080", "https://localhost:8080"),
        ("0.0.0.0", "192.168.1.5:8080", "http://192.168.1.5:8080"),
        # Fixed, as in the real exchange's example for Go, and that of a page of this machine.
        ("127.0.0.1", "127.0.0.1:8080", "http://localhost/"),
        ("127.0.0.1", "127.0.0.1:8080", "http://localhost:3000"),
        ("0.0.0.0", "192.168.1.5:8080", "http://[::1]:3000"),
        ("127.0.0.1", "127.0.0.1:8080", "https://api.bitfinex.com"),
        ("127.0.0.1", "127.0.0.1:8080", "https://www.bitfinex.com"),
        ("127.0.0.1", "127.0.0.1:8080", "https://paper:8443"),
    ],
)
def test_origins_of_programs_and_own_pages_are_accepted(
    listen_host: str, host: str, origin: str
) -> None:
    assert AccessPolicy(listen_host, ["paper"]).refusal([host], [origin]) is None


@pytest.mark.parametrize("listen_host", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize(
    "origin",
    [
        PAGE,
        "https://192.168.1.6",
        "http://localhost.elsewhere.example",
        "http://localhost@elsewhere.example",
        "http://elsewhere.example/localhost",
        "http://localhost, http://elsewhere.example",
        "localhost",
        "null",
        "file://",
        "",
    ],
)
def test_origins_of_other_pages_are_refused(listen_host: str, origin: str) -> None:
    refusal = AccessPolicy(listen_host, []).refusal(["127.0.0.1:8080"], [origin])
    assert refusal is not None and repr(origin) in refusal


def test_a_page_behind_a_rebound_name_is_refused() -> None:
    policy = AccessPolicy("127.0.0.1", [])
    assert policy.refusal(["elsewhere.example:8080"], [f"{PAGE}:8080"]) is not None


def test_host_may_be_missing_and_neither_may_come_twice() -> None:
    policy = AccessPolicy("127.0.0.1", [])
    assert policy.refusal([], []) is None
    assert policy.refusal([], [PAGE]) is not None
    assert policy.refusal(["localhost", "localhost"], []) is not None
    assert policy.refusal(["localhost"], [PAGE, "http://localhost"]) is not None
