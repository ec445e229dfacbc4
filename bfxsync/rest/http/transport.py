"""
One call of REST: check it, wait for its turn, send it, read the answer, try again.

What is tried again
-------------------

At most `MAX_ATTEMPTS` times, after a random delay, and only within the call's total time. Reads
(GET, and the POSTs of ``calc/``, ``auth/r/`` and ``auth/calc/``), which have no effect to repeat:

==============================  =================================================================
`NetworkError`                  the link failed in any phase. At once, if the connection had been
                                idle: the server has closed it
`NotReady`                      the exchange asks for it: 11000 (not ready), 10008 (others were
                                faster), 20060 (maintenance), HTTP 503
`NotReady`                      HTTP 502, 504, 520 to 527, 530: a gateway before the exchange does
                                not reach it; 408: it was about to close the connection
`RateLimited`                   by the exchange, with ``on_limit="wait"``: after its block, which
                                all calls to that group wait for (`bfxsync.rest.http.rate_limiter`),
                                if it is not longer than ``max_wait_s``, or an hour
`NonceTooSmall`                 once and at once, with a fresh nonce
==============================  =================================================================

Writes, only where it is certain that nothing was executed:

==============================  =================================================================
`NetworkError`, ``connect``     there was no connection: nothing has left
`NotReady`, code 11000          the exchange has not begun with it
`RateLimited`                   as for reads
`NonceTooSmall`                 as for reads
==============================  =================================================================

Everything else is raised at once: it would fail again in the same way. A write may have been
executed all the same, and raises `OutcomeUnknown`, when

- the link failed while it was sent or while the answer was awaited,
- the answer cannot be read, or is that of a gateway (HTTP 408, 502 to 504, 520 to 530),
- the exchange itself does not know (10000, or a refusal without a code of the exchange).

Every other error of a write means that it was not executed.
"""

from __future__ import annotations

import random
import time
from typing import Any, Callable, Mapping, NamedTuple, Tuple, Union
from urllib.parse import urlsplit

from bfxsync._base.aliases import NumberType
from bfxsync._base.forks import reset_after_fork
from bfxsync._base.hidden import hide, hide_private
from bfxsync._base.hosts import PUB_REST_HOST
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.auth.signer import RestSigner
from bfxsync.checks.files import check_ca_bundle
from bfxsync.checks.hosts import check_encryption, check_rest_host
from bfxsync.checks.numbers import check_count
from bfxsync.checks.options import check_bool, check_on_limit
from bfxsync.checks.times import check_seconds, check_timeouts
from bfxsync.errors import (
    ApiError,
    BfxError,
    ClosedError,
    NetworkError,
    NonceTooSmall,
    NotReady,
    RateLimited,
    RequestTimeout,
    UsageError,
)
from bfxsync.outcome.clocks import ExchangeClock
from bfxsync.outcome.writes import RecentWrites, sent_to
from bfxsync.rest.http.call_deadline import CallDeadline
from bfxsync.rest.http.callers import current_call
from bfxsync.rest.http.connections import (
    HttpConnection,
    HttpConnectionPool,
    ProxyConfig,
)
from bfxsync.rest.http.rate_limiter import (
    LONGEST_REFUSAL_S,
    SHARED,
    RequestRateLimiter,
    wait_in_naps,
)
from bfxsync.rest.http.request import Request, request_of
from bfxsync.rest.http.response import HttpResponse, read_answer
from bfxsync.rest.http.retry_policy import (
    RequestKind,
    is_uncertain,
    kind_of,
    may_repeat,
    unknown_outcome,
)
from bfxsync.rest.http.signing import signed_lock, without_secrets
from bfxsync.wire.codec import loads_for

MAX_ATTEMPTS = 4

RETRIED = (NetworkError, NotReady, RateLimited, NonceTooSmall)

LONGEST_IDLE_S = 5.0
"""A write does not go out on a connection that was idle for longer: it may be dead already."""

DEFAULT_PER_MINUTE = 90
"""The exchange's limit for most endpoints."""

DEFAULT_TIMEOUT = (10.0, 10.0, 30.0)

DEFAULT_ABSENCE_S = 60.0
"""Twice as long as a call takes at most."""

Timeout = Union[float, Tuple[float, float, float]]

_FIRST_DELAY_S = 0.5
_MAX_DELAY_S = 4.0

_log = get_logger(__name__)


class RestTransport:
    """
    Calls of one host, from any thread.

    Parameters
    ----------
    host : str
        Address before the paths: ``https://api-pub.bitfinex.com/v2``.
    signer : Signer or TokenSigner, optional
        For the paths that begin with ``auth/``.
    numbers : type
        What numbers with a fraction become: `float` or `decimal.Decimal`.
    timeout : float or (float, float, float)
        Seconds for a whole call; or for connecting, for the longest silence, and for a whole
        call. The whole is from its first byte to the last of its answer, with all attempts and
        the pauses between them, and the time for which other calls with the same key are on the
        wire, but without waiting for limits. Looking up the host's name is
        the system's and not bounded here, and connecting is tried so long for each of its
        addresses.
    proxy : str, optional
        As for the WebSocket: ``http://user:password@host:3128``, or socks4, socks4a, socks5,
        socks5h (extra ``socks``). By default the environment decides (``https_proxy``,
        ``all_proxy``, ``no_proxy``), but not about this machine itself.
    ca_bundle : str, optional
        Path of the certificates to trust. By default the environment decides
        (``REQUESTS_CA_BUNDLE``), else those that come with requests.
    on_limit : str
        What to do when a budget is used up, or the exchange refuses for that reason: ``"wait"``
        for the turn, or ``"raise"`` `RateLimited`.
    max_wait_s : float, optional
        A call that would have to wait longer for its turns raises `RateLimited` at once. By
        default it waits for budgets as long as it takes, and for a refusal of the exchange up to
        an hour.
    limits : Limits, optional
        By default shared by all clients of the process.
    pool_size : int
        Connections that are kept alive between calls. More threads than that may call at the
        same time; their connections are closed afterwards.
    allow_insecure : bool
        Let a key go to another machine over ``http://``, where everybody on the way can read what
        it is used for and change it.
    absence_s : float
        So many seconds after its call has failed a write is no longer on its way: what the
        exchange does not list then counts as not executed (see `OutcomeUnknown.resolve`).

    Attributes
    ----------
    clock : ExchangeClock
        What answers have shown of the exchange's clock.
    """

    def __init__(
        self,
        *,
        host: str = PUB_REST_HOST,
        signer: RestSigner | None = None,
        numbers: NumberType = float,
        timeout: Timeout = DEFAULT_TIMEOUT,
        proxy: str | None = None,
        ca_bundle: str | None = None,
        on_limit: str = "wait",
        max_wait_s: float | None = None,
        limits: RequestRateLimiter | None = None,
        pool_size: int = 10,
        allow_insecure: bool = False,
        absence_s: float = DEFAULT_ABSENCE_S,
    ) -> None:
        # First of all: from here on no frame shows a password in it.
        proxy = hide(proxy)
        on_limit = check_on_limit(on_limit)
        allow_insecure = check_bool("allow_insecure", allow_insecure)
        self.host: str = check_rest_host(host)
        if signer is not None:
            check_encryption(self.host, signer.identity, allow_insecure)
        parts = urlsplit(self.host)
        self._hostname = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._loads = loads_for(numbers)
        self._connect_s, self._read_s, self._total_s = check_timeouts(timeout)
        if max_wait_s is not None:
            max_wait_s = check_seconds("max_wait_s", max_wait_s)
        self._max_wait_s = max_wait_s if on_limit == "wait" else 0.0
        self._limits = limits if limits is not None else SHARED
        self._route = ProxyConfig.to(self.host, proxy, check_ca_bundle(ca_bundle))
        self._pool = HttpConnectionPool(check_count("pool_size", pool_size))
        self._closed = Latch()
        self._signer = signer
        self.sent: RecentWrites = (
            RecentWrites() if signer is None else sent_to(self.host, signer.identity)
        )
        if signer is not None:
            # Held while a signed call is on the wire: the exchange wants nonces in their order.
            self._signed_lock = signed_lock(signer.identity)
            reset_after_fork(signer.nonce)
        self.absence_s: float = check_seconds("absence_s", absence_s)
        self.clock: ExchangeClock = ExchangeClock()

    @property
    def clock_skew_s(self) -> float | None:
        """How far this machine's clock is ahead of the exchange's; None before any answer."""
        return self.clock.skew_s

    def pause(self, seconds: float) -> None:
        """
        Wait.

        Raises
        ------
        ClosedError
            `close` was called.
        """
        end = time.monotonic() + seconds
        while True:
            rest_s = end - time.monotonic()
            if wait_in_naps(self._closed, max(rest_s, 0.0)):
                raise ClosedError("the client was closed")
            if rest_s <= 0:
                return

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
        kind: RequestKind | None = None,
        leave: Callable[[], None] | None = None,
    ) -> Any:
        """
        Make a call and return the value of its answer.

        It is signed if its path begins with ``auth/``.

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
        kind : Kind, optional
            Whether it changes anything. By default told by the path: GET, ``calc/``, ``auth/r/``
            and ``auth/calc/`` read.
        leave : callable, optional
            Called each time before it goes out.

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
        OutcomeUnknown
            A write that may or may not have been executed.
        NetworkError
            The link failed; `RequestTimeout` when the time was over.
        ClosedError
            `close` was called.
        """
        body = hide_private(body)
        request = request_of(self.host, method, path, params, body)
        if request.signed_path is not None and self._signer is None:
            raise UsageError(
                f"{path} needs a key: Client(api_key=..., api_secret=...), or the environment "
                "variables BFX_API_KEY and BFX_API_SECRET"
            )
        kind = kind_of(method, path) if kind is None else kind
        budget = _Budget(
            group if group is not None else path.partition("/")[0],
            check_count("per_minute", per_minute, DEFAULT_PER_MINUTE),
        )
        total_s = self._total_s if total is None else check_seconds("total", total)
        try:
            return self._attempt(request, budget, total_s, kind, leave)
        except BfxError as error:
            error.endpoint = path
            if isinstance(error, ApiError):
                error.call = current_call() or f"{method} {path}"
            if kind is RequestKind.READ or not is_uncertain(error):
                raise
            raise unknown_outcome(error) from error

    def close(self) -> None:
        """
        End all waits and idle connections; returns at once.

        Calls that are on the wire end as they would have.
        """
        self._closed.set()
        if self._signer is not None:
            self._signed_lock.wake()
        self._pool.close()

    def _attempt(
        self,
        request: Request,
        budget: _Budget,
        rest_s: float,
        kind: RequestKind,
        leave: Callable[[], None] | None,
    ) -> Any:
        """Send it, again if that is allowed and makes sense; see the top of this file."""
        wait_left_s = self._max_wait_s
        attempts = 0
        is_fresh = is_again = False
        while True:
            waited_s = self._limits.acquire(
                self._hostname,
                budget.group,
                budget.per_minute,
                port=self._port,
                max_wait_s=wait_left_s,
                closed=self._closed,
            )
            if wait_left_s is not None:
                wait_left_s -= waited_s
            if self._closed.is_set:
                raise ClosedError("the client is closed")
            was_idle = False
            attempts += 1
            started = time.monotonic()
            deadline = started + rest_s

            def send() -> Any:
                nonlocal was_idle
                # A read may try an old connection: it is repeated if that is dead.
                session = self._pool.take(
                    is_fresh, None if kind is RequestKind.READ else LONGEST_IDLE_S
                )
                was_idle = session.is_used
                if leave is not None:
                    leave()
                return self._once(session, request, deadline, is_again)

            try:
                if request.signed_path is None:
                    return send()
                return self._signed_lock.run(kind, deadline, self._closed, send)
            except RETRIED as error:
                rest_s -= time.monotonic() - started
                delay_s = 0.0
                if isinstance(error, RateLimited):
                    wait_s = error.retry_after_s
                    self._limits.refuse(
                        self._hostname, budget.group, wait_s, port=self._port
                    )
                    longest_s = (
                        LONGEST_REFUSAL_S if wait_left_s is None else wait_left_s
                    )
                    is_hopeless = wait_s > longest_s
                elif isinstance(error, NonceTooSmall):
                    error.clock_skew_s = self.clock_skew_s
                    is_signed = request.signed_path is not None
                    is_hopeless = is_again or rest_s <= 0 or not is_signed
                    is_again = True
                else:
                    is_link = isinstance(error, NetworkError)
                    is_timeout = isinstance(error, RequestTimeout)
                    is_stale = was_idle and is_link and not is_timeout
                    is_fresh = is_fresh or is_link
                    delay_s = 0.0 if is_stale else _delay_s(attempts)
                    rest_s -= delay_s
                    is_hopeless = rest_s <= 0
                if (
                    not may_repeat(error, kind)
                    or attempts == MAX_ATTEMPTS
                    or is_hopeless
                ):
                    raise
                _log.debug("trying again after: %s", error)
            self.pause(delay_s)

    def _once(
        self, session: HttpConnection, request: Request, deadline: float, is_again: bool
    ) -> Any:
        call = CallDeadline(self._connect_s, self._read_s, deadline)
        headers: Mapping[str, str] = {}
        try:
            if request.signed_path is None or self._signer is None:
                answer = session.exchange(request, self._route, call)
            else:
                signer, path, body = (
                    self._signer,
                    request.signed_path,
                    request.signed_body,
                )

                def send_signed() -> HttpResponse:
                    nonlocal headers
                    headers = signer.rest_headers(path, body)
                    return session.exchange(request, self._route, call, headers)

                # The second time nobody else may draw a nonce until this one has arrived.
                if is_again:
                    answer = signer.nonce.exclusive(call.timeouts[0], send_signed)
                else:
                    answer = send_signed()
        except BaseException:
            # Whatever is left on its connection would be taken for the next answer.
            session.close()
            raise
        self._pool.give(session)
        now = time.time()
        if answer.date is not None:
            self.clock.see_date(answer.date, answer.came_s, answer.came_at)
        if headers:
            answer = without_secrets(
                answer, (*headers.values(), *request.secrets), self._loads
            )
        return read_answer(answer, self._loads, now)


class _Budget(NamedTuple):
    group: str
    per_minute: int


def _delay_s(failures: int) -> float:
    """Return a random delay up to a bound that doubles with every failure."""
    return random.uniform(0, min(_MAX_DELAY_S, _FIRST_DELAY_S * 2 ** (failures - 1)))
