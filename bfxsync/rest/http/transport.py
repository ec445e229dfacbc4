"""
Makes a REST call: checks, rate limit, sending, reading the response, and retries.

`bfxsync.rest.http.retry_policy` has the rules for retries.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping, Tuple, Union
from urllib.parse import urlsplit

from bfxsync._base.aliases import NumberType
from bfxsync._base.hidden import hide, hide_private
from bfxsync._base.hosts import PUB_REST_HOST
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.auth.current_signer import CurrentSigner, first_key
from bfxsync.auth.signer import RestSigner
from bfxsync.checks.files import check_ca_bundle
from bfxsync.checks.hosts import check_encryption, check_rest_host
from bfxsync.checks.numbers import check_count
from bfxsync.checks.options import check_bool, check_on_limit
from bfxsync.checks.times import check_seconds, check_timeouts
from bfxsync.errors import (
    ApiError,
    AuthError,
    BfxError,
    ClosedError,
    NonceTooSmall,
    RateLimited,
    UsageError,
)
from bfxsync.guards.dry_run import dry_run_row
from bfxsync.outcome.clocks import ExchangeClock
from bfxsync.outcome.writes import RecentWrites, sent_to
from bfxsync.rest.http.call_deadline import CallDeadline
from bfxsync.rest.http.callers import current_call
from bfxsync.rest.http.connections import (
    HttpConnection,
    HttpConnectionPool,
    ProxyConfig,
)
from bfxsync.rest.http.counters import CallCounters
from bfxsync.rest.http.rate_limiter import (
    SHARED,
    RateLimit,
    RequestRateLimiter,
    wait_in_naps,
)
from bfxsync.rest.http.request import Request, request_of
from bfxsync.rest.http.response import HttpResponse, read_answer
from bfxsync.rest.http.retry_policy import (
    RETRIED,
    RequestKind,
    Retries,
    is_uncertain,
    kind_of,
    unknown_outcome,
)
from bfxsync.rest.http.signing import (
    signed_lock,
    warn_of_other_process,
    with_current_key,
    without_secrets,
)
from bfxsync.wire.codec import loads_for

LONGEST_IDLE_S = 5.0
"""A write never uses a connection that was idle for longer, as it may be dead."""

DEFAULT_PER_MINUTE = 90
"""The exchange's limit for most endpoints."""

DEFAULT_TIMEOUT = (10.0, 10.0, 30.0)

DEFAULT_ABSENCE_S = 60.0
"""Twice the maximum duration of a call by default."""

Timeout = Union[float, Tuple[float, float, float]]

_log = get_logger(__name__)


class RestTransport:
    """
    Makes the calls to one host, from any thread.

    Parameters
    ----------
    host : str
        Base URL: ``https://api-pub.bitfinex.com/v2``.
    signer : Signer, TokenSigner or CurrentSigner, optional
        Signs the paths that begin with ``auth/``.
    numbers : type
        Type of non-integer numbers: `float` or `decimal.Decimal`.
    timeout : float or (float, float, float)
        Total timeout in seconds; or connect timeout, read timeout (longest silence) and total. The
        total includes all attempts, the delays between them, and waiting for other calls with the
        same key, but not waiting for rate limits. The DNS lookup has no timeout here, and the
        connect timeout applies to each address of the host.
    proxy : str, optional
        As for the WebSocket: ``http://user:password@host:3128``, or socks4, socks4a, socks5,
        socks5h (extra ``socks``). By default the proxy of the environment (``https_proxy``,
        ``all_proxy``, ``no_proxy``), except for loopback hosts.
    ca_bundle : str, optional
        Path of the certificates to trust. By default that of the environment
        (``REQUESTS_CA_BUNDLE``), else the certificates of requests.
    on_limit, max_wait_s, allow_insecure, absence_s, dry_run
        As for `Client`.
    limits : RequestRateLimiter, optional
        By default shared by all clients of the process.
    pool_size : int
        Connections kept alive between calls. More threads may call at the same time; their extra
        connections are closed afterwards.

    Attributes
    ----------
    clock : ExchangeClock
        Estimate of the exchange's clock, from the dates of its responses.
    counters : CallCounters
    """

    def __init__(
        self,
        *,
        host: str = PUB_REST_HOST,
        signer: RestSigner | CurrentSigner | None = None,
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
        dry_run: bool = False,
    ) -> None:
        # First, so that no traceback shows a password in the URL.
        proxy = hide(proxy)
        on_limit = check_on_limit(on_limit)
        allow_insecure = check_bool("allow_insecure", allow_insecure)
        self.host: str = check_rest_host(host)
        self._current = CurrentSigner.of(signer)
        check_encryption(self.host, self.identity, allow_insecure)
        parts = urlsplit(self.host)
        self._hostname = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._numbers = numbers
        self._loads = loads_for(numbers)
        self._connect_s, self._read_s, self._total_s = check_timeouts(timeout)
        if max_wait_s is not None:
            max_wait_s = check_seconds("max_wait_s", max_wait_s)
        self._max_wait_s = max_wait_s if on_limit == "wait" else 0.0
        self.limiter: RequestRateLimiter = SHARED if limits is None else limits
        self._proxy_config = ProxyConfig.to(
            self.host, proxy, check_ca_bundle(ca_bundle)
        )
        self._pool = HttpConnectionPool(check_count("pool_size", pool_size))
        self._closed = Latch()
        self.is_dry_run: bool = check_bool("dry_run", dry_run)
        self._is_dry_run_announced = False
        self.absence_s: float = check_seconds("absence_s", absence_s)
        self.clock: ExchangeClock = ExchangeClock()
        self.counters: CallCounters = CallCounters()

    @property
    def identity(self) -> str | None:
        """The key or token of the next signed call; None without one."""
        signer = self._current.signer
        return None if signer is None else signer.identity

    @property
    def sent(self) -> RecentWrites:
        """Recent writes with this key and the keys that it replaced."""
        identity = self.identity
        if identity is None:
            return RecentWrites()
        return sent_to(self.host, first_key(identity))

    @property
    def clock_skew_s(self) -> float | None:
        """Seconds this machine's clock is ahead of the exchange's; None before any response."""
        return self.clock.skew_s

    @property
    def limits(self) -> dict[str, RateLimit]:
        """Rate limits of this host by group."""
        return self.limiter.limits(self._hostname, self._port)

    def pause(self, seconds: float) -> None:
        """Sleep; raise `ClosedError` as soon as the client is closed."""
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
        before_send: Callable[[], None] | None = None,
    ) -> Any:
        """
        Make a call and return the decoded response; paths that begin with ``auth/`` are signed.

        Parameters
        ----------
        method : str
            ``"GET"`` or ``"POST"``.
        path : str
            Path relative to the base URL: ``ticker/tBTCUSD``.
        params : mapping, optional
            Query parameters; None values are left out.
        body : mapping, optional
            Sent as JSON; None values are left out.
        group, per_minute : str and int, optional
            Rate limit group and its limit; by default the first segment of the path, with the
            limit of most endpoints.
        total : float, optional
            Total timeout of this call, in seconds.
        kind : RequestKind, optional
            By default inferred from the path: GET, ``calc/``, ``auth/r/`` and ``auth/calc/`` read.
        before_send : callable, optional
            Called before each attempt is sent; nothing is sent if it raises.
        """
        body = hide_private(body)
        request = request_of(self.host, method, path, params, body)
        if request.signed_path is not None and self.identity is None:
            raise UsageError(
                f"{path} needs a key: Client(api_key=..., api_secret=...), or the environment "
                "variables BFX_API_KEY and BFX_API_SECRET"
            )
        kind = kind_of(method, path) if kind is None else kind
        group = group if group is not None else path.partition("/")[0]
        per_minute = check_count("per_minute", per_minute, DEFAULT_PER_MINUTE)
        total_s = self._total_s if total is None else check_seconds("total", total)
        if self.is_dry_run and kind is not RequestKind.READ:
            return self._pretend(path, body)
        try:
            return self._attempt(request, group, per_minute, total_s, kind, before_send)
        except BfxError as error:
            error.endpoint = path
            if isinstance(error, ApiError):
                error.call = current_call() or f"{method} {path}"
            if kind is RequestKind.READ or not is_uncertain(error):
                self.counters.count_error(error)
                raise
            unknown = unknown_outcome(error)
            self.counters.count_error(unknown)
            raise unknown from error

    def _pretend(self, path: str, body: Mapping[str, Any] | None) -> Any:
        """Log a write instead of sending it, and return its notification."""
        if self._closed.is_set:
            raise ClosedError("the client is closed")
        if not self._is_dry_run_announced:
            self._is_dry_run_announced = True
            _log.warning("dry run: no write is sent; each is logged here at level INFO")
        given = {k: v for k, v in (body or {}).items() if v is not None}
        _log.info("dry run: POST %s %r", path, given)
        return dry_run_row(path, body, round(time.time() * 1000), self._numbers)

    def close(self, abort: bool = False) -> None:
        """End all waits and close idle connections; `abort` ends requests in flight as well."""
        self._closed.set()
        identity = self.identity
        if identity is not None:
            # A call that is waiting for the lock of a replaced key notices this within a second.
            signed_lock(identity).wake()
        self._pool.close(abort)

    def _attempt(
        self,
        request: Request,
        group: str,
        per_minute: int,
        total_s: float,
        kind: RequestKind,
        before_send: Callable[[], None] | None,
    ) -> Any:
        is_signed = request.signed_path is not None
        retries = Retries(kind, is_signed, total_s, self._max_wait_s)
        while True:
            waited_s = self.limiter.acquire(
                self._hostname,
                group,
                per_minute,
                port=self._port,
                max_wait_s=retries.wait_left_s,
                closed=self._closed,
            )
            retries.count_wait(waited_s)
            if self._closed.is_set:
                raise ClosedError("the client is closed")
            was_idle = False
            used: RestSigner | None = None
            started = time.monotonic()
            deadline = started + retries.remaining_s

            def send(signer: RestSigner | None = None) -> Any:
                nonlocal was_idle, used
                used = signer
                if before_send is not None:
                    before_send()
                # A read may use an old connection, as it is repeated if that is dead.
                connection = self._pool.acquire(
                    retries.needs_new_connection,
                    None if kind is RequestKind.READ else LONGEST_IDLE_S,
                )
                was_idle = connection.is_used
                return self._once(connection, request, signer, deadline, retries)

            try:
                if not is_signed:
                    return send()
                return with_current_key(
                    self._current, kind, deadline, self._closed, send
                )
            except RETRIED as error:
                elapsed_s = time.monotonic() - started
                if isinstance(error, RateLimited):
                    self.limiter.refuse(
                        self._hostname, group, error.retry_after_s, port=self._port
                    )
                elif isinstance(error, NonceTooSmall):
                    error.clock_skew_s = self.clock_skew_s
                    if used is not None:
                        warn_of_other_process(used, retries.is_nonce_retry)
                delay_s = retries.delay_after(error, elapsed_s, was_idle)
                if delay_s is None:
                    raise
                _log.debug("trying again after: %s", error)
            except AuthError as error:
                # Refused, so the call was not executed: it is repeated if the key was replaced
                # meanwhile.
                if used is None or self._current.signer is used:
                    raise
                retries.count_refused_key(time.monotonic() - started)
                delay_s = 0.0
                _log.debug("trying again with another key after: %s", error)
            self.pause(delay_s)

    def _once(
        self,
        connection: HttpConnection,
        request: Request,
        signer: RestSigner | None,
        deadline: float,
        retries: Retries,
    ) -> Any:
        call = CallDeadline(self._connect_s, self._read_s, deadline)
        headers: Mapping[str, str] = {}
        try:
            path = request.signed_path
            if signer is None or path is None:
                answer = connection.exchange(request, self._proxy_config, call)
            else:

                def send_signed() -> HttpResponse:
                    nonlocal headers
                    headers = signer.rest_headers(path, request.signed_body)
                    return connection.exchange(
                        request, self._proxy_config, call, headers
                    )

                # On the retry no other call may draw a nonce until this one has arrived.
                if retries.is_nonce_retry:
                    answer = signer.nonce.exclusive(call.timeouts[0], send_signed)
                else:
                    answer = send_signed()
        except BaseException:
            # Bytes left on the connection would be read as the next response.
            connection.close()
            raise
        finally:
            self.counters.count_request(
                call.received_bytes, call.sent_bytes, retries.attempts > 0
            )
        self._pool.release(connection)
        now = time.time()
        if answer.date is not None:
            self.clock.see_date(answer.date, answer.came_s, answer.came_at)
        if headers:
            answer = without_secrets(
                answer, (*headers.values(), *request.secrets), self._loads
            )
        return read_answer(answer, self._loads, now)
