"""
One call of REST: check it, wait for its turn, send it, read the answer, try again.

What is tried again
-------------------

Only reads (GET, and the POSTs of ``calc/``, which change nothing), at most `MAX_ATTEMPTS` times,
after a random delay, and only within the call's total time:

==============================  =================================================================
`NetworkError`                  the link failed in any phase: a read has no effect to repeat. At
                                once, if the connection had been idle: the server has closed it
`NotReady`                      the exchange asks for it: 11000 (not ready), 10008 (others were
                                faster), 20060 (maintenance), HTTP 503
`NotReady`                      HTTP 502 and 504: a gateway before the exchange does not reach it
`RateLimited`                   by the exchange, with ``on_limit="wait"``: after its block, which
                                all calls to that group wait for (see `bfxsync.rest.limits`)
==============================  =================================================================

Everything else is raised at once: it would fail again in the same way.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import Any, Mapping, NamedTuple, Tuple, Union
from urllib.parse import urlsplit

from bfxsync.errors import (
    BfxError,
    ClosedError,
    NetworkError,
    NotReady,
    RateLimited,
    RequestTimeout,
    UsageError,
)
from bfxsync.forks import renew_after_fork
from bfxsync.hosts import PUB_REST_HOST
from bfxsync.rest.answers import read_answer
from bfxsync.rest.calls import Call
from bfxsync.rest.limits import SHARED, Limits
from bfxsync.rest.outgoing import Request, request_of
from bfxsync.rest.sessions import Pool, Route, Session
from bfxsync.types import NumberType
from bfxsync.wire.codec import loads_for
from bfxsync.ws.arguments import MAX_TIMEOUT_S, check_ca_bundle

MAX_ATTEMPTS = 4

RETRIED = (NetworkError, NotReady)

DEFAULT_PER_MINUTE = 90
"""The exchange's limit for most endpoints."""

DEFAULT_TIMEOUT = (10.0, 10.0, 30.0)

Timeout = Union[float, Tuple[float, float, float]]

_FIRST_DELAY_S = 0.5
_MAX_DELAY_S = 4.0

_log = logging.getLogger(__name__)


class RestTransport:
    """
    Calls of one host, from any thread.

    Parameters
    ----------
    host : str
        Address before the paths: ``https://api-pub.bitfinex.com/v2``.
    numbers : type
        What numbers with a fraction become: `float` or `decimal.Decimal`.
    timeout : float or (float, float, float)
        Seconds for a whole call; or for connecting, for the longest silence, and for a whole
        call. The whole is from its first byte to the last of its answer, with all attempts and
        the pauses between them, but without waiting for its turn. Looking up the host's name is
        the system's and not bounded here, and connecting is tried so long for each of its
        addresses.
    proxy : str, optional
        As for the WebSocket: ``http://user:password@host:3128``, or socks4, socks4a, socks5,
        socks5h. By default the environment decides (``https_proxy``, ``no_proxy``).
    ca_bundle : str, optional
        Path of the certificates to trust. By default the environment decides
        (``REQUESTS_CA_BUNDLE``), else those that come with requests.
    on_limit : str
        What to do when a budget is used up, or the exchange refuses for that reason: ``"wait"``
        for the turn, or ``"raise"`` `RateLimited`.
    max_wait_s : float
        A call that would have to wait longer for its turns raises `RateLimited` at once.
    limits : Limits, optional
        By default shared by all clients of the process.
    pool_size : int
        Connections that are kept alive between calls. More threads than that may call at the
        same time; their connections are closed afterwards.
    """

    def __init__(
        self,
        *,
        host: str = PUB_REST_HOST,
        numbers: NumberType = float,
        timeout: Timeout = DEFAULT_TIMEOUT,
        proxy: str | None = None,
        ca_bundle: str | None = None,
        on_limit: str = "wait",
        max_wait_s: float = 120.0,
        limits: Limits | None = None,
        pool_size: int = 10,
    ) -> None:
        if on_limit not in ("wait", "raise"):
            raise UsageError(f"on_limit must be 'wait' or 'raise', not {on_limit!r}")
        self.host = _check_host(host)
        self._hostname = urlsplit(self.host).hostname or ""
        self._loads = loads_for(numbers)
        self._connect_s, self._read_s, self._total_s = _check_timeouts(timeout)
        longest_s = _check_seconds("max_wait_s", max_wait_s)
        self._max_wait_s = longest_s if on_limit == "wait" else 0.0
        self._limits = limits if limits is not None else SHARED
        self._route = Route.to(self.host, proxy, check_ca_bundle(ca_bundle))
        self._pool = Pool(_check_count("pool_size", pool_size))
        self._closed = threading.Event()
        renew_after_fork(self)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        group: str | None = None,
        per_minute: int | None = None,
        total: float | None = None,
        is_read: bool | None = None,
    ) -> Any:
        """
        Make a call and return the value of its answer.

        Parameters
        ----------
        method : str
            ``"GET"`` or ``"POST"``.
        path : str
            After the host: ``ticker/tBTCUSD``.
        params : mapping, optional
            The query; None values are left out.
        body : mapping, optional
            Sent as JSON; None values are left out.
        group, per_minute : str and int, optional
            The budget that it counts against; by default that of the path's first part, with
            the limit that most endpoints have.
        total : float, optional
            Seconds for this call, as the last of `timeout`.
        is_read : bool, optional
            It changes nothing, so it may be repeated. By default true of every GET and of
            ``calc/``.

        Raises
        ------
        UsageError
            An argument can never work; nothing was sent.
        ApiError
            The exchange says no.
        RateLimited
            Too many requests, and no (more) waiting.
        RemoteError
            The answer cannot be read.
        NetworkError
            The link failed; `RequestTimeout` when the time was over.
        ClosedError
            `close` was called.
        """
        request = request_of(self.host, method, path, params, body)
        first = path.partition("/")[0]
        if is_read is None:
            is_read = method == "GET" or first == "calc"
        budget = _Budget(
            group if group is not None else first,
            _check_count("per_minute", per_minute, DEFAULT_PER_MINUTE),
        )
        total_s = self._total_s if total is None else _check_seconds("total", total)
        try:
            return self._attempt(request, budget, total_s, is_read)
        except BfxError as error:
            error.endpoint = path
            raise

    def close(self) -> None:
        """
        End all waits and idle connections; returns at once.

        Calls that are on the wire end as they would have.
        """
        self._closed.set()
        self._pool.close()

    def renew(self) -> None:
        """Start anew in a child process: another thread may have held the event's lock."""
        was_closed = self._closed.is_set()
        self._closed = threading.Event()
        if was_closed:
            self._closed.set()

    def _attempt(
        self, request: Request, budget: _Budget, rest_s: float, is_read: bool
    ) -> Any:
        """Send it, again if that is allowed and makes sense; see the top of this file."""
        wait_left_s = self._max_wait_s
        attempts = 0
        is_fresh = False
        while True:
            wait_left_s -= self._limits.acquire(
                self._hostname,
                budget.group,
                budget.per_minute,
                max_wait_s=wait_left_s,
                closed=self._closed,
            )
            if self._closed.is_set():
                raise ClosedError("the client is closed")
            session = self._pool.take(is_fresh)
            was_idle = session.is_used
            attempts += 1
            started = time.monotonic()
            try:
                return self._once(session, request, started + rest_s)
            except (RateLimited, *RETRIED) as error:
                rest_s -= time.monotonic() - started
                if isinstance(error, RateLimited):
                    self._limits.refuse(
                        self._hostname, budget.group, error.retry_after_s
                    )
                    delay_s, is_hopeless = 0.0, error.retry_after_s > wait_left_s
                else:
                    is_link = isinstance(error, NetworkError)
                    is_timeout = isinstance(error, RequestTimeout)
                    is_stale = was_idle and is_link and not is_timeout
                    is_fresh = is_fresh or is_link
                    delay_s = 0.0 if is_stale else _delay_s(attempts)
                    rest_s -= delay_s
                    is_hopeless = rest_s <= 0
                if not is_read or attempts == MAX_ATTEMPTS or is_hopeless:
                    raise
                _log.debug("trying again after: %s", error)
            if self._closed.wait(delay_s):
                raise ClosedError("the client was closed")

    def _once(self, session: Session, request: Request, deadline: float) -> Any:
        call = Call(self._connect_s, self._read_s, deadline)
        try:
            answer = session.exchange(request, self._route, call)
        except BaseException:
            # Whatever is left on its connection would be taken for the next answer.
            session.close()
            raise
        self._pool.give(session)
        return read_answer(answer, self._loads, time.time())


class _Budget(NamedTuple):
    group: str
    per_minute: int


def _delay_s(failures: int) -> float:
    """Return a random delay up to a bound that doubles with every failure."""
    return random.uniform(0, min(_MAX_DELAY_S, _FIRST_DELAY_S * 2 ** (failures - 1)))


def _check_host(host: object) -> str:
    parts = None
    if isinstance(host, str):
        try:
            parts = urlsplit(host)
            parts.port  # noqa: B018 - raises if it is no number
        except ValueError:
            parts = None
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.username is not None
        or parts.query
        or parts.fragment
    ):
        raise UsageError("a host must look like 'https://host/path'")
    return str(host).rstrip("/")


def _check_timeouts(timeout: object) -> tuple[float, float, float]:
    if not isinstance(timeout, tuple):
        total_s = _check_seconds("timeout", timeout)
        return total_s, total_s, total_s
    if len(timeout) != 3:
        raise UsageError(
            f"timeout must be one number, or (connect, read, total), not {timeout!r}"
        )
    connect_s, read_s, total_s = (_check_seconds("timeout", part) for part in timeout)
    return connect_s, read_s, total_s


def _check_seconds(name: str, value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # NaN is in no range.
        if 0 < value <= MAX_TIMEOUT_S:
            return float(value)
    raise UsageError(
        f"{name} must be a positive number of seconds, at most a day, not {value!r}"
    )


def _check_count(name: str, value: object, default: int | None = None) -> int:
    if value is None and default is not None:
        return default
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise UsageError(f"{name} must be a positive integer, not {value!r}")
