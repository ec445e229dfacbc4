"""The REST client, which combines public, signed and merchant endpoints."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Mapping, TypeVar

import attrs

from bfxsync._base.aliases import NumberType
from bfxsync._base.describe import also_half_made
from bfxsync._base.forks import lazily
from bfxsync._base.guesses import PARTS, ProposesNames
from bfxsync._base.hidden import hide, hide_private
from bfxsync._base.hosts import PUB_REST_HOST, address_of
from bfxsync.auth.current_signer import CurrentSigner
from bfxsync.auth.signer import RestSigner
from bfxsync.checks.containers import optional
from bfxsync.checks.hosts import check_rest_host, signed_rest_host
from bfxsync.checks.options import check_bool
from bfxsync.checks.texts import check_token
from bfxsync.errors import UsageError
from bfxsync.guards.guard import OrderGuard
from bfxsync.outcome.cid_dates import CidDates
from bfxsync.rest.http.rate_limiter import RateLimit
from bfxsync.rest.http.request import SIGNED
from bfxsync.rest.http.transport import RestTransport
from bfxsync.rest.order_queries import AccountQueries
from bfxsync.rest.public import PublicEndpoints

if TYPE_CHECKING:
    from bfxsync.rest.auth import AuthEndpoints
    from bfxsync.rest.merchant import MerchantEndpoints
    from bfxsync.shared_limits.budget import SharedBudget

__all__ = ["RestClient"]

R = TypeVar("R", bound="RestClient")


class RestClient(ProposesNames):
    """
    Typed REST endpoints, from any thread.

    Parameters
    ----------
    host : str
        Base URL.
    auth_host : str, optional
        Base URL of signed calls. By default `REST_HOST`, or `host` unless that is the exchange's
        public host, which does not accept signed calls.
    signer : Signer, TokenSigner or CurrentSigner, optional
        Required for `auth` and `merchant`.
    numbers : type
        Type of number fields: `float` or `decimal.Decimal`.
    strict, affiliate_code
        As for `Client`.
    guard : OrderGuard, optional
        Checks orders before they are sent.
    shared_budget : str, os.PathLike or SharedBudget, optional
        As for `WebSocketClient`.
    **options
        All other keyword arguments of `RestTransport`.

    Attributes
    ----------
    public : PublicEndpoints
        Endpoints that need no key.
    """

    def __init__(
        self,
        host: str = PUB_REST_HOST,
        *,
        auth_host: str | None = None,
        signer: RestSigner | CurrentSigner | None = None,
        numbers: NumberType = float,
        strict: bool = True,
        affiliate_code: str | None = None,
        guard: OrderGuard | None = None,
        shared_budget: str | os.PathLike[str] | SharedBudget | None = None,
        **options: Any,
    ) -> None:
        # First, so that no traceback shows a password in the URL.
        shared_budget = hide(shared_budget)
        if "proxy" in options:
            options["proxy"] = hide(options["proxy"])
        strict = check_bool("strict", strict)
        affiliate_code = optional(check_token, "affiliate_code", affiliate_code)
        host = check_rest_host(host)
        auth_host = signed_rest_host(host, auth_host)
        if shared_budget is not None:
            if options.get("limits") is not None:
                raise UsageError("pass limits or shared_budget, not both")
            make_budget, shared_limiter = lazily(_shared)
            options["limits"] = shared_limiter(make_budget(shared_budget))
        self._guard = OrderGuard() if guard is None else guard
        self._options: dict[str, Any] = {"numbers": numbers, "strict": strict}
        self._order_options: dict[str, Any] = {
            "affiliate_code": affiliate_code,
            "guard": self._guard,
            "cid_dates": CidDates(),
        }
        self._transport = RestTransport(host=host, numbers=numbers, **options)
        self._signed = RestTransport(
            host=auth_host, numbers=numbers, signer=signer, **options
        )
        self.public: PublicEndpoints = PublicEndpoints(self._transport, **self._options)
        self._auth: AuthEndpoints | None = None
        self._merchant: MerchantEndpoints | None = None

    @property
    def auth(self) -> AuthEndpoints:
        """Endpoints that need a key; without a key every method raises `UsageError`."""
        if self._auth is None:
            # A race is harmless: both results are equivalent.
            self._auth = lazily(_auth_endpoints)(
                self._signed, **self._options, **self._order_options
            )
        return self._auth

    @property
    def merchant(self) -> MerchantEndpoints:
        """Endpoints of Bitfinex Pay; without a key every method raises `UsageError`."""
        if self._merchant is None:
            # A race is harmless: both results are equivalent.
            self._merchant = lazily(_merchant_endpoints)(self._signed, **self._options)
        return self._merchant

    @also_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._transport.host}>"

    def __enter__(self: R) -> R:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """
        Call any other endpoint and return the decoded JSON.

        The rate limit group is the first segment of the path. Paths that begin with ``auth/`` are
        signed; ``auth/r/`` and ``auth/calc/`` count as reads, which are retried. Order guards check
        requests about orders, and refuse unreadable ones.

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
        """
        body = hide_private(body)
        if not isinstance(path, str) or not path.startswith(SIGNED):
            return self._transport.request(method, path, params=params, body=body)
        with self._guard.admit(path, body, AccountQueries(self._signed)) as admission:
            return self._signed.request(
                method,
                path,
                params=params,
                body=admission.body,
                before_send=admission.confirm,
            )

    @property
    def limits(self) -> dict[str, RateLimit]:
        """
        Remaining rate limits by group of endpoints, as counted by this process.

        With a shared budget they are as of this process's last request of the group.

        Contains groups that were used in the last minute, or are blocked by the exchange; see
        `RateLimited` and ``docs/reference/rest.rst``. Requests to loopback are not counted. Groups
        of public requests that order guards send to the host of signed calls are prefixed with its
        name: ``api.bitfinex.com/ticker``.
        """
        found = self._transport.limits
        public, signed = address_of(self._transport.host), address_of(self._signed.host)
        assert public is not None and signed is not None
        prefix = "" if signed.netloc == public.netloc else f"{signed.netloc}/"
        for group, limit in self._signed.limits.items():
            found[group if group.startswith("auth") else prefix + group] = limit
        return found

    def stats(self) -> dict[str, Any]:
        """
        Return counters as plain data.

        Returns
        -------
        dict
            JSON-serializable. ``requests`` (attempts), ``retries`` (repetitions among them),
            ``requests_per_s`` (over the last minute), ``received_bytes`` and ``sent_bytes`` (of
            HTTP, inside TLS), ``errors`` (raised by calls, by class) and ``last_error`` (text of
            the latest), ``clock_skew_s`` (seconds by which this machine's clock is ahead of the
            exchange's, accurate to half a second; None before any response), ``limits`` (as
            `limits`), ``shared_budget`` (see `SharedBudget.stats`; None without one).
        """
        public, per_s = self._transport.counters.read()
        signed, signed_per_s = self._signed.counters.read()
        total = public.plus(signed)
        skews = [self._signed.clock_skew_s, self._transport.clock_skew_s]
        return {
            "requests": total.requests,
            "retries": total.retries,
            "requests_per_s": per_s + signed_per_s,
            "received_bytes": total.received_bytes,
            "sent_bytes": total.sent_bytes,
            "errors": dict(total.errors),
            "last_error": total.last_error,
            "clock_skew_s": next((skew for skew in skews if skew is not None), None),
            "limits": {
                group: attrs.asdict(limit) for group, limit in self.limits.items()
            },
            "shared_budget": self._signed.limiter.stats(),
        }

    def close(self, abort: bool = False) -> None:
        """
        Close all connections; waiting calls raise `ClosedError`.

        Requests in flight complete, unless `abort` is true: then they fail as if the connection had
        been lost, a write with `OutcomeUnknown`.
        """
        abort = check_bool("abort", abort)
        self._transport.close(abort)
        self._signed.close(abort)


def _auth_endpoints() -> type[AuthEndpoints]:
    from bfxsync.rest.auth import AuthEndpoints

    return AuthEndpoints


def _shared() -> Any:
    from bfxsync.rest.http.shared_rate_limiter import SharedRequestLimiter
    from bfxsync.shared_limits.registry import budget_of

    return budget_of, SharedRequestLimiter


def _merchant_endpoints() -> type[MerchantEndpoints]:
    from bfxsync.rest.merchant import MerchantEndpoints

    return MerchantEndpoints


PARTS.update(
    {
        "rest": lambda: RestClient,
        "rest.public": lambda: PublicEndpoints,
        "rest.auth": lambda: lazily(_auth_endpoints),
        "rest.merchant": lambda: lazily(_merchant_endpoints),
    }
)
