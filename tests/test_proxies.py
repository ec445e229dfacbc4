"""Which proxy leads to a host: by argument and by the environment, for both transports alike."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
import urllib.request
from typing import Any, Optional
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync._base.proxies import Proxy, proxy_for
from bfxsync.client import Client
from bfxsync.errors import UsageError
from bfxsync.rest.client import RestClient
from bfxsync.rest.http.transport import RestTransport
from bfxsync.ws.client import WebSocketClient

PROXY = "http://proxy:3128"

SECRET = "s3cret"

URLS = ["https://api.example/v2", "wss://api.example/ws/2"]
CLEAR_URLS = ["http://api.example/v2", "ws://api.example/ws/2"]


def start_websocket() -> None:
    with WebSocketClient() as wss:
        wss.start()


def proxy_in(
    url: str, environ: dict[str, str], proxy: Optional[str] = None
) -> Optional[Proxy]:
    """Return the proxy that leads to a host in an environment of nothing but this."""
    with mock.patch.dict(os.environ, environ, clear=True):
        return proxy_for(url, proxy)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "environ, expected",
    [
        ({}, None),
        ({"https_proxy": PROXY}, PROXY),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": " http://Proxy:3128/ "}, PROXY),
        ({"https_proxy": "proxy:3128"}, PROXY),
        ({"https_proxy": "proxy"}, "http://proxy:80"),
        ({"https_proxy": "192.0.2.1:8080"}, "http://192.0.2.1:8080"),
        ({"https_proxy": "http://[2001:db8::1]:1"}, "http://[2001:db8::1]:1"),
        ({"https_proxy": "https://proxy"}, "https://proxy:443"),
        ({"https_proxy": "socks5h://proxy"}, "socks5h://proxy:1080"),
        ({"all_proxy": "socks://proxy:9/"}, "socks5h://proxy:9"),
        ({"all_proxy": PROXY}, PROXY),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY, "all_proxy": "http://other"}, PROXY),
        ({"https_proxy": "", "all_proxy": PROXY}, PROXY),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY}, None),
        ({"http_proxy": PROXY}, None),
        ({"wss_proxy": PROXY}, None),
    ],
    ids=str,
)
def test_proxy_of_the_environment(
    url: str, environ: dict[str, str], expected: Optional[str]
) -> None:
    found = proxy_in(url, environ)
    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize("url", CLEAR_URLS)
def test_hosts_in_clear_text_have_a_variable_of_their_own(url: str) -> None:
    assert str(proxy_in(url, {"http_proxy": PROXY})) == PROXY
    assert str(proxy_in(url, {"HTTP_PROXY": PROXY})) == PROXY
    assert proxy_in(url, {"https_proxy": PROXY}) is None
    # In a CGI script that is a header of whoever asks.
    script = {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}
    assert proxy_in(url, script) is None


@pytest.mark.parametrize(
    "no_proxy",
    [
        "*",
        "api.example",
        "API.Example",
        "other,.example",
        "other example",
        "*.example",
        "api.example:443",
        "api.example.",
    ],
)
@pytest.mark.parametrize("url", URLS)
def test_hosts_without_a_proxy(url: str, no_proxy: str) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        assert proxy_in(url, {"all_proxy": PROXY, name: no_proxy}) is None


@pytest.mark.parametrize(
    "no_proxy",
    [
        "",
        ",",
        "pi.example",
        "xample",
        "api.example:80",
        "api",
        ".",
        "[",
        "192.0.2.0/24",
    ],
)
def test_hosts_that_are_not_meant_have_a_proxy(no_proxy: str) -> None:
    for url in URLS:
        assert proxy_in(url, {"all_proxy": PROXY, "no_proxy": no_proxy})


@pytest.mark.parametrize(
    "host, no_proxy, is_direct",
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.0/24", True),
        ("192.0.2.7", "192.0.2.7/24", True),
        ("192.0.2.7", "192.0.2.7:443", True),
        ("192.0.2.7", "192.0.2.7:80", False),
        ("192.0.2.7", "198.51.100.0/24", False),
        ("192.0.2.7", "2.7", False),
        ("[2001:db8::7]", "2001:db8::/32", True),
        ("[2001:db8::7]", "[2001:db8::7]", True),
        ("[2001:db8::7]", "[2001:db8::7]:443", True),
        ("[2001:db8::7]", "192.0.2.0/24", False),
    ],
)
def test_addresses_and_networks_without_a_proxy(
    host: str, no_proxy: str, is_direct: bool
) -> None:
    environ = {"https_proxy": PROXY, "no_proxy": no_proxy}
    assert (proxy_in(f"wss://{host}/", environ) is None) is is_direct


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "127.1.2.3"])
def test_this_machine_is_not_behind_the_environments_proxy(name: str) -> None:
    environ = {"http_proxy": PROXY, "https_proxy": PROXY, "all_proxy": PROXY}
    for scheme in ("http", "https", "ws", "wss"):
        assert proxy_in(f"{scheme}://{name}:1/", environ) is None
        assert str(proxy_in(f"{scheme}://{name}:1/", environ, PROXY)) == PROXY


@pytest.mark.parametrize("url", URLS + ["ws://localhost:1/"])
def test_explicit_proxy_wins(url: str) -> None:
    environ = {"https_proxy": "http://other:1", "no_proxy": "*"}
    assert str(proxy_in(url, environ, "http://proxy")) == PROXY


@pytest.mark.parametrize(
    "proxy, parts",
    [
        ("http://joe:p%40ss%2F%3A@host:1", ("joe", "p@ss/:")),
        ("http://joe@host:1", ("joe", None)),
        ("http://joe:@host:1", ("joe", "")),
        ("http://host:1", (None, None)),
    ],
)
def test_user_and_password_are_unquoted_and_not_shown(
    proxy: str, parts: tuple[Optional[str], Optional[str]]
) -> None:
    found = proxy_for("", proxy)
    assert found is not None and (found.username, found.password) == parts
    assert str(found) == "http://host:1"
    for text in (repr(found), str(found), repr(found.url)):
        assert "joe" not in text and "p@ss" not in text
    again = proxy_for("", str.__str__(found.url))
    assert again is not None and again.username == found.username
    assert (again.password or "") == (found.password or "")


@pytest.mark.parametrize(
    "proxy",
    [
        f"http://me:{SECRET}/x@host:1",
        f"http://me:{SECRET}#x@host",
        f"http://me:{SECRET}?@host",
        f"http://me:{SECRET}@",
        f"http://me:{SECRET}@host:port",
        f"ftp://me:{SECRET}@host",
        f"me:{SECRET}/@host",
        "http://",
        "http://a b",
    ],
)
def test_address_that_is_none_is_told_without_itself(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for make in (WebSocketClient, RestTransport, RestClient):
        with pytest.raises(UsageError, match="proxy must look like") as info:
            make(proxy=proxy)
        assert SECRET not in shown(info.value)
    monkeypatch.setenv("https_proxy", proxy)
    for make in (start_websocket, RestTransport, RestClient):
        with pytest.raises(UsageError, match="in the environment") as info:
            make()
        assert SECRET not in shown(info.value)


def shown(error: BaseException) -> str:
    """Return an error with all texts in the frames that it went through."""
    parts = ["".join(traceback.format_exception(None, error, None))]
    for frame, _ in list(traceback.walk_tb(error.__traceback__))[1:]:
        parts += [
            repr(value) for name, value in frame.f_locals.items() if name != "self"
        ]
    return "\n".join(parts)


@pytest.mark.parametrize("kind", ["socks4", "socks4a", "socks5", "socks5h", "socks"])
def test_socks_needs_its_extra(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for make in (WebSocketClient, RestTransport):
        with pytest.raises(UsageError, match=r"bfxsync\[socks\]"):
            make(proxy=f"{kind}://localhost" if kind != "socks" else "socks5://host")
    monkeypatch.setenv("all_proxy", f"{kind}://localhost")
    for make in (start_websocket, RestTransport):
        with pytest.raises(UsageError, match=r"bfxsync\[socks\]"):
            make()


# As in a program that has one side of a client on this machine, and does not use the other.
LOCAL = {"rest_host": "http://localhost:1"}
LOCAL_WSS = {"wss_host": "ws://localhost:1"}


@pytest.mark.parametrize("proxy", ["socks5://host", "socks9://host", "http://a b"])
def test_only_what_is_used_needs_a_usable_proxy(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("all_proxy", proxy)
    with Client("paper-key", "secret", **LOCAL) as bfx:
        assert bfx.rest.auth
        for use in (
            bfx.wss.start,
            bfx.wss.ping,
            lambda: bfx.wss.subscribe_ticker("tBTCUSD"),
            lambda: bfx.wss.subscribe_ticker("tBTCUSD", wait=False),
        ):
            with pytest.raises(UsageError, match="proxy"):
                use()
        assert bfx.wss.stats()["subscriptions"] == []
    with Client(**LOCAL_WSS) as bfx:
        bfx.wss.start()
        with pytest.raises(UsageError, match="proxy"):
            bfx.rest


@pytest.mark.parametrize("part", ["user", "password"])
def test_socks_credentials_have_a_length(part: str) -> None:
    long = "x" * 128
    pair = f"{long}:p" if part == "user" else f"u:{long}"
    with pytest.raises(UsageError, match="at most 127 bytes") as info:
        proxy_for("", f"socks5://{pair}@host")
    assert long not in str(info.value)
    assert proxy_for("", f"http://{pair}@host")


# What can stand in an environment.
TEXTS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]))


@given(st.dictionaries(st.sampled_from(["https_proxy", "no_proxy"]), TEXTS))
def test_any_environment_is_read_or_refused(environ: dict[str, str]) -> None:
    try:
        proxy_in("wss://api.example/", environ)
    except UsageError:
        pass


@pytest.mark.parametrize("is_exempt", [False, True])
def test_settings_of_other_systems_count(
    monkeypatch: pytest.MonkeyPatch, is_exempt: bool
) -> None:
    def bypass(host: str) -> Any:
        assert host == "api.example"
        return is_exempt

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"https": PROXY})
    monkeypatch.setattr(urllib.request, "proxy_bypass", bypass, raising=False)
    found = proxy_in(URLS[1], {})
    assert (None if found is None else str(found)) == (None if is_exempt else PROXY)
