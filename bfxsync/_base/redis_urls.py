"""
URLs of Redis servers, connections to them, and their errors; needs the extra ``redis``.

Strategy: a URL is parsed once, by us, so that only known options reach redis-py and no message can
contain a password. Every connection has timeouts, and redis-py's retries are off: it would send a
command again whose answer was lost. Its exceptions are translated here and nowhere else.
"""

from __future__ import annotations

import importlib
import re
import socket
from contextlib import contextmanager
from typing import Any, Collection, Iterator, Mapping
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

import attrs

from bfxsync._base.forks import lazily
from bfxsync._base.hidden import Hidden, without_frames
from bfxsync._base.hosts import HIDDEN, address_of
from bfxsync.errors import NetworkError, RequestTimeout, UsageError

PORT = 6379
_TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")

# redis-py cuts the code off an error for which it has a class.
_CODES = {
    "AuthenticationError": "WRONGPASS",
    "AuthorizationError": "NOPERM",
    "BusyLoadingError": "LOADING",
    "ClusterDownError": "CLUSTERDOWN",
    "NoPermissionError": "NOPERM",
    "NoScriptError": "NOSCRIPT",
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
}
_CODE = re.compile(r"[A-Z]{2,}\b")


@attrs.frozen
class RedisUrl:
    """A parsed URL; its text, unlike `url`, has no password."""

    scheme: str
    """``redis``, ``rediss`` (TLS) or ``unix``."""
    hostname: str = ""
    port: int = PORT
    path: str = ""
    """The socket of a ``unix`` URL."""
    db: int = 0
    username: str | None = attrs.field(default=None, repr=False)
    password: str | None = attrs.field(default=None, repr=False)
    tls: Mapping[str, str] = attrs.field(factory=dict)
    """Files of a ``rediss`` URL: ``ssl_ca_certs``, ``ssl_certfile``, ``ssl_keyfile``."""
    options: Mapping[str, str] = attrs.field(factory=dict)
    """The caller's own options from the query."""

    def __str__(self) -> str:
        return self._text("" if self.password is None else f"{HIDDEN}@")

    @property
    def url(self) -> str:
        """The URL with user and password, without the caller's options; its `repr` is masked."""
        user = ""
        if self.password is not None:
            name = quote(self.username or "", safe="")
            user = f"{name}:{quote(self.password, safe='')}@"
        query = "&".join(f"{key}={quote(file)}" for key, file in self.tls.items())
        return Hidden(self._text(user, query))

    def _text(self, user: str, query: str = "") -> str:
        if self.scheme == "unix":
            return f"unix://{user}{self.path}?db={self.db}"
        name = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        text = f"{self.scheme}://{user}{name}:{self.port}/{self.db}"
        return f"{text}?{query}" if query else text


class RedisRefused(NetworkError):
    """
    Redis answered a command with an error.

    Attributes
    ----------
    reply : str
        Its code: ``"OOM"``, ``"WRONGTYPE"``, ``"NOSCRIPT"``; ``"ERR"`` for all without one.
    """

    def __init__(self, message: str, *, reply: str) -> None:
        super().__init__(message, phase="receive")
        self.reply = reply


def is_redis_url(text: object) -> bool:
    """Return whether a text begins as a Redis URL does, valid or not."""
    return isinstance(text, str) and text.startswith(
        ("redis://", "rediss://", "unix://")
    )


def redis_url(url: object, *, name: str, options: Collection[str] = ()) -> RedisUrl:
    """
    Parse the URL of a Redis server.

    Parameters
    ----------
    url : str
        ``redis://user:password@host:6379/0``, ``rediss://…`` or ``unix:///path?db=0``.
    name : str
        What the messages of errors call it.
    options : collection of str
        Options that the query may contain, beside ``db`` and the files of TLS.

    Raises
    ------
    UsageError
        Invalid URL or unknown option; the message contains nothing that may be a password.
    """
    found = _parsed(url, options)
    if found is None:
        # Here, where no frame holds the parts of the URL.
        raise UsageError(
            f"{name} must look like 'redis://host:{PORT}/0' (or rediss://, unix:///path), with "
            "special characters of a password as %XX"
            + (f"; options: {', '.join(options)}" if options else "")
        )
    return found


def _parsed(url: object, options: Collection[str]) -> RedisUrl | None:
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(Hidden(url))
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        known = (*options, "db", *(_TLS_OPTIONS if parts.scheme == "rediss" else ()))
        if parts.fragment or not set(query) <= set(known):
            return None
        place = _place(parts, query.pop("db", None))
    except ValueError:
        return None
    if place is None:
        return None
    username, password = (
        None if value is None else Hidden(unquote(value))
        for value in (parts.username, parts.password)
    )
    return RedisUrl(
        parts.scheme,
        **place,
        username=username or None,
        password=password,
        tls={key: query.pop(key) for key in _TLS_OPTIONS if key in query},
        options=query,
    )


def _place(parts: SplitResult, db: str | None) -> dict[str, Any] | None:
    """Return host, port and database, or the path of a socket; raises `ValueError`."""
    if parts.scheme == "unix":
        netloc = parts.netloc.rpartition("@")[2]
        if netloc or len(parts.path) < 2:
            return None
        return {"path": unquote(parts.path), "db": _database("0" if db is None else db)}
    port = parts.port or PORT
    address = address_of(f"http://{parts.netloc.rpartition('@')[2]}")
    if parts.scheme not in ("redis", "rediss") or address is None:
        return None
    path = parts.path.strip("/")
    if path and db is not None:
        return None
    number = _database(path or "0" if db is None else db)
    return {"hostname": address.hostname, "port": port, "db": number}


def _database(text: str) -> int:
    if not re.fullmatch("[0-9]{1,6}", text):
        raise ValueError("invalid database")
    return int(text)


def open_redis(
    url: RedisUrl,
    *,
    timeout_s: float,
    connect_timeout_s: float | None = None,
    client_name: str = "bfxsync",
) -> Any:
    """
    Return a ``redis.Redis`` of bytes; it connects at its first command.

    It repeats nothing, and a command without a response ends after `timeout_s`. The lookup of the
    host name is limited by the system's resolver only: redis-py resolves it before its timeouts
    begin. Use it within `translated`. It takes locks: call it from threads that no signal reaches,
    and open another one in a forked child.

    Raises
    ------
    UsageError
        The extra ``redis`` is not installed.
    """
    redis = _redis()
    backoff = lazily(lambda: importlib.import_module("redis.backoff"))
    retry = lazily(lambda: importlib.import_module("redis.retry"))
    if url.scheme == "unix":
        place: dict[str, Any] = {"unix_socket_path": url.path}
    else:
        place = {"host": url.hostname, "port": url.port, "socket_keepalive": True}
    if url.scheme == "rediss":
        # Since redis-py 6 that is the default.
        place.update(url.tls, ssl=True, ssl_check_hostname=True)
    return redis.Redis(
        **place,
        db=url.db,
        username=url.username,
        password=url.password,
        socket_timeout=timeout_s,
        socket_connect_timeout=connect_timeout_s or timeout_s,
        # A command whose answer was lost must not be sent twice.
        retry=retry.Retry(backoff.NoBackoff(), 0),
        # One shape of the replies in all versions.
        protocol=2,
        client_name=client_name,
    )


@contextmanager
def translated(url: RedisUrl) -> Iterator[None]:
    """
    Turn exceptions of redis-py into errors of this library.

    `RedisRefused` for an error reply, `RequestTimeout`, and `NetworkError` for all others.
    """
    redis = _redis()
    try:
        yield
    except (redis.RedisError, OSError, UnicodeError) as exc:
        # A frame of redis-py holds the password.
        error = _translation(redis, url, without_frames(exc))
        try:
            raise error from exc
        finally:
            # Its traceback refers to this frame, and so to all objects of its caller.
            del error


def _translation(redis: Any, url: RedisUrl, exc: Exception) -> NetworkError:
    text = f"Redis at {url}: {exc}"
    reply = _CODES.get(type(exc).__name__)
    if reply is not None or isinstance(exc, redis.ResponseError):
        if reply is None:
            found = _CODE.match(str(exc))
            reply = found.group() if found else "ERR"
        return RedisRefused(text, reply=reply)
    # Older versions turn a timeout during the handshake into another error.
    error: BaseException | None = exc
    while error is not None:
        if isinstance(error, (redis.TimeoutError, socket.timeout)):
            return RequestTimeout(text)
        error = error.__context__
    return NetworkError(text, phase="connect")


def _redis() -> Any:
    try:
        return lazily(lambda: importlib.import_module("redis"))
    except ImportError as exc:
        raise UsageError(
            'Redis needs the extra "redis": pip install "bfxsync[redis]"'
        ) from exc
