"""
The checks of ``bfxsync doctor``, each with what to do.

Strategy: a check returns findings and never raises, so that one problem hides no other. Nothing
here reads a secret: keys stay in the client, a proxy is named without user and password.
"""

from __future__ import annotations

import os
import platform
import re
import socket
import ssl
import sys
import time
from importlib import metadata
from typing import Any, Callable, Iterator, List, Sequence

import attrs

from bfxsync import (
    ApiError,
    AuthError,
    BfxError,
    Client,
    NetworkError,
    NonceTooSmall,
    RateLimited,
    UsageError,
)
from bfxsync._base.hosts import Address, address_of, is_loopback, shown
from bfxsync._base.proxies import proxy_for
from bfxsync._version import __version__

OK, WARN, FAIL, SKIP = "ok", "warn", "fail", "skip"

_CONNECT_S = 10.0
_CERTIFICATE_DAYS = 14

# Above the first it is worth a word, above the second client ids and expiries go wrong.
_SKEW_S, _GREAT_SKEW_S = 5.0, 60.0

_MARKET = "tBTCUSD"

# Errors of several layers repeat each other.
_MOST_CHARS = 200

# Packages of extras that matter here.
_SHOWN = ("orjson", "click", "rich", "keyring", "PySocks")
_PYTHON = re.compile(r"python_version\s*(>=|<)\s*[\"']([\d.]+)")

_HOSTS = ("BFX_REST_HOST", "BFX_WSS_HOST")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@attrs.frozen
class Finding:
    """
    The result of one check.

    Attributes
    ----------
    state : str
        ``ok``, ``warn``, ``fail`` or ``skip``: not checked, as something else failed.
    todo : str
        What to do; empty if nothing.
    cause : str
        Of a failure: ``network``, ``refused`` or ``other``.
    """

    name: str
    state: str
    text: str
    todo: str = ""
    cause: str = ""


def failed(name: str, error: BaseException, todo: str) -> Finding:
    """Return the finding for an error."""
    text = " ".join(str(error).split())
    is_network = isinstance(error, (NetworkError, OSError))
    cause = "network" if is_network else "other"
    if isinstance(error, ApiError):
        cause = "refused"
    text = text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]} ..."
    return Finding(name, FAIL, text or type(error).__name__, todo, cause)


# --- this machine -----------------------------------------------------------------------------


def versions() -> Iterator[Finding]:
    """Check the versions of Python and of the packages."""
    system = f"{platform.system()} {platform.release()}"
    python = (
        f"{platform.python_version()} ({platform.python_implementation()}), {system}"
    )
    yield Finding("python", OK, python)
    found = {"bfxsync": __version__}
    missing: List[str] = []
    old: List[str] = []
    for name, floor, is_extra in _requirements():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            if not is_extra:
                missing.append(f"{name} is missing")
            continue
        if _numbers(version) < _numbers(floor):
            problem = f"{name} {version} is older than {floor}"
            (old if is_extra else missing).append(problem)
        if not is_extra or name in _SHOWN:
            found[name] = version
    told = "; ".join(
        [*missing, *old, ", ".join(f"{name} {found[name]}" for name in found)]
    )
    if missing or old:
        state = FAIL if missing else WARN
        todo = "pip install --upgrade bfxsync, with the extras you use"
        yield Finding("packages", state, told, todo, "other")
    else:
        yield Finding("packages", OK, told)


def _requirements() -> Iterator[tuple[str, str, bool]]:
    """Yield name and lowest version of each package for this Python; whether it is of an extra."""
    try:
        lines = metadata.requires("bfxsync") or ()
    except metadata.PackageNotFoundError:
        # Not installed, such as in a zip file.
        return
    seen = set()
    for line in lines:
        match = re.match(r"([\w-]+)\s*>=\s*([\d.]+)", line)
        is_other = any(
            (sys.version_info[:2] >= _numbers(version)) is not (sign == ">=")
            for sign, version in _PYTHON.findall(line)
        )
        if match is not None and not is_other and match[1] not in seen:
            # Several extras may name one.
            seen.add(match[1])
            yield match[1], match[2], "extra ==" in line


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version.split("+")[0])[:4]))


def settings() -> Iterator[Finding]:
    """List the environment variables that change where a client connects, and how."""
    for name in _HOSTS:
        if os.environ.get(name):
            # Its address may hold a secret.
            text = f"{name} is {shown(os.environ[name])}"
            yield Finding("environment", WARN, text, "unset it for the real exchange")
    for name in _BUNDLES:
        path = os.environ.get(name)
        if path and not os.path.exists(path):
            text = f"{name} names a file that does not exist"
            yield Finding("environment", FAIL, text, "correct it, or unset it", "other")
        elif path:
            yield Finding("environment", OK, f"{name} is {path}")


def proxies(hosts: Sequence[str]) -> Iterator[Finding]:
    """Say which proxy the environment has for the hosts."""
    found = sorted({str(proxy_for(host) or "") for host in hosts} - {""})
    for proxy in found:
        yield Finding("proxy", OK, f"{proxy}, from the environment")
    if not found:
        yield Finding("proxy", OK, "none: direct connections")


# --- the network ------------------------------------------------------------------------------


def connections(hosts: Sequence[str], lost: set[str]) -> Iterator[Finding]:
    """Resolve the name of each server, and connect to it; `lost` gets those without an address."""
    for host in dict.fromkeys(map(_server, hosts)):
        label = host.hostname
        if proxy_for(str(host)) is not None:
            yield Finding("dns", SKIP, f"{label}: the proxy looks it up")
            continue
        yield from _connection(host, lost)


def _server(host: str) -> Address:
    address = address_of(host)
    assert address is not None
    scheme = {"wss": "https", "ws": "http"}.get(address.scheme, address.scheme)
    return Address(scheme, address.hostname, address.port)


def _connection(host: Address, lost: set[str]) -> Iterator[Finding]:
    name = host.hostname
    started = time.monotonic()
    try:
        found = socket.getaddrinfo(name, host.port, type=socket.SOCK_STREAM)
    except OSError as exc:
        todo = "check the network and the DNS server of this machine"
        yield Finding("dns", FAIL, f"{name}: {exc.strerror or exc}", todo, "network")
        lost.add(name)
        return
    addresses = list(dict.fromkeys(item[4][0] for item in found))
    more = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
    took = _ms(started)
    yield Finding("dns", OK, f"{name}: {addresses[0]}{more}, {took}")
    if host.scheme == "http":
        state = OK if is_loopback(name) else WARN
        yield Finding("tls", state, f"{name}: http, not encrypted")
        return
    started = time.monotonic()
    try:
        context = ssl.create_default_context(cafile=_ca_bundle())
        with socket.create_connection((name, host.port), _CONNECT_S) as plain:
            with context.wrap_socket(plain, server_hostname=name) as secure:
                certificate: Any = secure.getpeercert()
                version = secure.version()
    except ssl.SSLCertVerificationError as exc:
        todo = "check the clock; behind a company's proxy set REQUESTS_CA_BUNDLE"
        yield Finding("tls", FAIL, f"{name}: {exc.verify_message}", todo, "network")
        return
    except OSError as exc:
        todo = "check firewall and proxy"
        yield Finding("tls", FAIL, f"{name}: {exc}", todo, "network")
        return
    end_s = ssl.cert_time_to_seconds(certificate["notAfter"])
    days = (end_s - time.time()) / 86_400
    text = f"{name}: {version}, certificate valid for {days:.0f} days, {_ms(started)}"
    yield Finding("tls", OK if days > _CERTIFICATE_DAYS else WARN, text)


def _ca_bundle() -> str:
    import certifi

    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if os.environ.get(name):
            return os.environ[name]
    return certifi.where()


def _ms(started: float) -> str:
    return f"{(time.monotonic() - started) * 1000:.0f} ms"


# --- the exchange -----------------------------------------------------------------------------


def rest(bfx: Client) -> Iterator[Finding]:
    """Call REST: platform status, clock, and rate limits."""
    started = time.monotonic()
    try:
        status = bfx.rest.public.get_platform_status()
    except RateLimited as error:
        yield failed("rest", error, "wait; other programs of this address count, too")
        return
    except BfxError as error:
        yield failed("rest", error, "see the lines above; or the exchange is down")
        yield Finding("clock", SKIP, "needs REST")
        return
    took = _ms(started)
    yield Finding("rest", OK, f"answers in {took}")
    if status.status:
        yield Finding("platform", OK, "operative")
    else:
        todo = "wait: orders are refused until it ends"
        yield Finding("platform", WARN, "in maintenance", todo)
    yield from _clock(bfx)
    yield from _limits(bfx)


def _clock(bfx: Client) -> Iterator[Finding]:
    skew_s = bfx.rest.stats()["clock_skew_s"]
    if skew_s is None:
        yield Finding("clock", SKIP, "the exchange's response had no date")
        return
    side = "ahead of" if skew_s > 0 else "behind"
    text = f"{abs(skew_s):.1f} s {side} the exchange's"
    if abs(skew_s) <= _SKEW_S:
        yield Finding("clock", OK, f"within {_SKEW_S:.0f} s of the exchange's")
    else:
        state = WARN if abs(skew_s) <= _GREAT_SKEW_S else FAIL
        yield Finding("clock", state, text, "synchronize it (NTP)", "other")


def _limits(bfx: Client) -> Iterator[Finding]:
    limits = bfx.rest.limits
    refused = [group for group, limit in limits.items() if limit.is_refused]
    if refused:
        wait_s = max(limits[group].wait_s for group in refused)
        text = f"the exchange refuses {', '.join(refused)} for {wait_s:.0f} s"
        yield Finding("limits", FAIL, text, "wait; send fewer requests", "other")
    else:
        left = [
            f"{group} {limit.left} of {limit.per_minute} a minute left"
            for group, limit in sorted(limits.items())
        ]
        yield Finding("limits", OK, ", ".join(left) or "not counted on this host")


def websocket(bfx: Client) -> Iterator[Finding]:
    """Connect to the WebSocket and wait for the first data."""
    started = time.monotonic()
    try:
        with bfx.wss.subscribe_ticker(_MARKET, timeout=_CONNECT_S):
            took, ping_s = _ms(started), bfx.wss.ping(_CONNECT_S)
    except BfxError as error:
        yield failed("websocket", error, "a firewall or proxy may not let it through")
        return
    text = f"first data of {_MARKET} in {took}, ping and pong {ping_s * 1000:.0f} ms"
    yield Finding("websocket", OK, text)


# --- the key ----------------------------------------------------------------------------------


def key(bfx: Client, source: str) -> Iterator[Finding]:
    """Check the key by REST and by the WebSocket, and list what it may do."""
    if not source:
        account = "for an account set BFX_API_KEY and BFX_API_SECRET"
        yield Finding("key", OK, f"none: market data needs none; {account}")
        return
    try:
        found = bfx.rest.auth.get_key_permissions()
    except NonceTooSmall as error:
        yield failed("key", error, "another program uses this key: give each its own")
        return
    except AuthError as error:
        todo = "check that key and secret belong together, were not revoked, and allow this IP"
        yield failed("key", error, f"from {source}: {todo}")
        return
    except BfxError as error:
        yield failed("key", error, "see the lines above")
        return
    yield Finding("key", OK, f"accepted, from {source}")
    yield from _permissions(found, is_real=bfx.exchange is None)
    yield from _account(bfx)


def _permissions(found: Sequence[Any], is_real: bool) -> Iterator[Finding]:
    rights: List[str] = []
    for permission in found:
        letters = "r" * bool(permission.read) + "w" * bool(permission.write)
        if letters:
            rights.append(f"{permission.scope} {letters}")
    text = ", ".join(rights) or "none"
    if is_real and any(p.scope == "withdraw" and p.write for p in found):
        todo = "it may withdraw money: use a key that may not, unless you need it"
        yield Finding("permissions", WARN, text, todo)
    else:
        yield Finding("permissions", OK if rights else WARN, text)


def _account(bfx: Client) -> Iterator[Finding]:
    started = time.monotonic()
    try:
        bfx.wss.wait_authenticated(timeout=_CONNECT_S)
    except BfxError as error:
        yield failed("account", error, "the key works by REST, but not by WebSocket")
        return
    yield Finding("account", OK, f"WebSocket authenticated in {_ms(started)}")


Check = Callable[[], Iterator[Finding]]


def guarded(name: str, check: Check) -> Iterator[Finding]:
    """Yield the findings of a check; an error of it is one, too."""
    try:
        yield from check()
    except UsageError as error:
        yield failed(name, error, "correct it")
    except Exception as error:
        # A bug of a check must not hide the others.
        text = f"{type(error).__name__}: {error}"
        yield Finding(name, FAIL, text, "please report it", "other")
