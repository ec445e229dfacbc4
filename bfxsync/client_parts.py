"""
The parts of a client that are imported on first use.

The functions that import modules are called by `lazily`, so that no fork happens during an import.
"""

from __future__ import annotations

import time
import weakref
from functools import partial
from itertools import chain
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Iterable,
    Mapping,
    Protocol,
    Sequence,
    TypeVar,
)

from bfxsync._base.forks import lazily
from bfxsync._base.guesses import unexpected_argument
from bfxsync._base.hidden import hide
from bfxsync.checks.account import check_dms, check_filters
from bfxsync.checks.containers import optional
from bfxsync.checks.hosts import check_encryption
from bfxsync.checks.options import check_bool, check_on_limit
from bfxsync.checks.texts import check_token
from bfxsync.checks.times import check_seconds, check_timeouts
from bfxsync.errors import ClosedError, UsageError
from bfxsync.ws.core.core import CLOSE_TIMEOUT_S

if TYPE_CHECKING:
    from bfxsync.guards.guard import OrderGuard
    from bfxsync.joined.registry import Histories
    from bfxsync.paper.exchange import PaperExchange
    from bfxsync.rest.cancel_on_exit import CancelOnExit
    from bfxsync.rest.client import RestClient
    from bfxsync.rest.http.shared_rate_limiter import SharedRequestLimiter
    from bfxsync.symbols import Symbols
    from bfxsync.ws.account_services import AccountServices
    from bfxsync.ws.client import WebSocketClient
    from bfxsync.ws.settings import ConnectionSettings


class _HasWss(Protocol):
    wss: WebSocketClient


C = TypeVar("C", bound=_HasWss)


def check_names(options: dict[str, Any], *classes: type) -> None:
    """Raise `TypeError` for an option that the last class lacks; mask URLs with passwords."""
    *own, others = (vars(each)["__init__"].__kwdefaults__ for each in classes)
    for name in options:
        if name not in others:
            # The value of a misspelled argument may be a secret, too.
            options.clear()
            known = ("api_key", "api_secret", *chain(*own), *others)
            raise unexpected_argument(name, known)
    for name in {"source", "shared_budget"} & set(options):
        # Its URL may have a password.
        options[name] = hide(options[name])


def checked_rest_options(
    *,
    rest_timeout: float | None,
    on_limit: str,
    strict: bool,
    max_wait_s: float | None,
    allow_insecure: bool,
    absence_s: float,
    affiliate_code: str | None,
    dry_run: bool,
) -> dict[str, Any]:
    """Check the options of REST, which is created on first use; return them under its names."""
    options = {
        "on_limit": check_on_limit(on_limit),
        "strict": check_bool("strict", strict),
        "max_wait_s": max_wait_s,
        "allow_insecure": check_bool("allow_insecure", allow_insecure),
        "absence_s": absence_s,
        "affiliate_code": optional(check_token, "affiliate_code", affiliate_code),
        "dry_run": check_bool("dry_run", dry_run),
    }
    check_seconds("absence_s", absence_s)
    if max_wait_s is not None:
        check_seconds("max_wait_s", max_wait_s)
    if rest_timeout is not None:
        check_timeouts(rest_timeout, "rest_timeout")
        options["timeout"] = rest_timeout
    return options


def checked_account_options(
    filters: Sequence[str] | None, dms: int | None, check_funds: bool
) -> dict[str, Any]:
    """Check the options of the account, which is created on first use; return its fields."""
    return {
        "filters": check_filters(filters),
        "has_dms": check_dms(dms),
        "checks_funds": check_bool("check_funds", check_funds),
    }


def check_hosts(hosts: Iterable[str], allow_insecure: bool, key: str) -> None:
    """Refuse to send a key to any of the hosts without encryption."""
    for host in hosts:
        check_encryption(host, key, allow_insecure)


def credentials_and_guard() -> Any:
    """Import the classes for keys and orders, which a `WebSocketClient` alone does not need."""
    from bfxsync.credentials import ClientCredentials, hidden_source
    from bfxsync.guards.guard import OrderGuard
    from bfxsync.guards.limits import OrderLimits

    def guard(**limits: Any) -> OrderGuard:
        return OrderGuard(OrderLimits.of(**limits))

    return ClientCredentials, hidden_source, guard


def shared_limits(wss: WebSocketClient) -> dict[str, Any]:
    """Return the option of REST for the shared budget of a WebSocket client, if it has one."""
    budget = wss.shared_budget
    if budget is None:
        return {}
    return {"limits": lazily(_shared_limiter)(budget)}


def connected(options: Mapping[str, Any], **changes: Any) -> RestClient:
    """Return a REST client with these options."""
    return lazily(_rest_client)(**{**options, **changes})


class LazyRest:
    """
    The REST client and the symbols of a client, created on first use.

    If two threads create the same object, `dict.setdefault` keeps one: no lock that an interrupted
    thread could keep.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.host: str = options["host"]
        self._options = options
        self._made: dict[str, Any] = {}
        self._is_closed = False

    def check_open(self) -> None:
        """Raise `ClosedError` if the client is closed."""
        if self._is_closed:
            raise ClosedError("the client is closed")

    @property
    def made(self) -> RestClient | None:
        """The REST client, None before its first use."""
        return self._made.get("rest")

    @property
    def client(self) -> RestClient:
        """The REST client; raises `ClosedError` if the client is closed."""
        made = self.made
        if made is not None:
            return made
        self.check_open()
        mine = connected(self._options)
        rest: RestClient = self._made.setdefault("rest", mine)
        if rest is not mine:
            mine.close()
        if self._is_closed:
            # Closed by a thread or signal handler that did not see this object.
            rest.close()
            self.check_open()
        return rest

    @property
    def symbols(self) -> Symbols:
        """The symbols."""
        made: Symbols | None = self._made.get("symbols")
        if made is not None:
            return made
        mine = lazily(_symbols_class)(self.client.public)
        symbols: Symbols = self._made.setdefault("symbols", mine)
        return symbols

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of the REST client."""
        return self._options

    def stats(self) -> dict[str, Any] | None:
        """Return the counters of the REST client, None before its first use."""
        return None if self.made is None else self.made.stats()

    def close(self) -> None:
        """End it; it cannot be created any more."""
        self._is_closed = True
        if self.made is not None:
            self.made.close()


def account_services(
    rest: LazyRest, options: dict[str, Any], settings: ConnectionSettings
) -> AccountServices:
    """Return what the account of the WebSocket needs, on its first use."""
    return lazily(_make_account_services)(
        rest.client, rest.options, {**options, "sizes": rest.symbols}, settings
    )


def _make_account_services() -> Callable[..., AccountServices]:
    from bfxsync.checks.ids import WSS_GIDS
    from bfxsync.rest.account_access import AccountAccess, shared_parts
    from bfxsync.wire.inputs import OrderInputs
    from bfxsync.ws.account_services import AccountServices

    def make(
        rest: RestClient,
        rest_options: Mapping[str, Any],
        options: Mapping[str, Any],
        settings: ConnectionSettings,
    ) -> AccountServices:
        parts = shared_parts(rest)
        dates = parts["cid_dates"]
        affiliate_code = rest_options["affiliate_code"]
        return AccountServices(
            settings=settings,
            signer=rest_options["signer"],
            is_dry_run=rest_options["dry_run"],
            inputs=OrderInputs(WSS_GIDS, affiliate_code, dates.date_for),
            open_access=partial(
                AccountAccess.of, rest_options, dates, parts["transport"].clock
            ),
            **parts,
            **options,
        )

    return make


def cancellation_at_exit(
    guard: OrderGuard, rest_options: Mapping[str, Any]
) -> CancelOnExit | None:
    """Return the object that cancels the client's orders at its end, or None."""
    if guard.placed is None:
        return None
    # Imported lazily: most clients do not need it.
    from bfxsync.rest.cancel_on_exit import CancelOnExit

    return CancelOnExit(guard, guard.placed, partial(connected, rest_options))


def close_parts(
    rest: LazyRest,
    histories: Histories,
    on_exit: CancelOnExit | None,
    wss: WebSocketClient,
    farewell: tuple[int, str],
    exchange: PaperExchange | None,
) -> None:
    """End the parts of a client; if one fails, the others too."""
    try:
        rest.close()
        histories.begin_close()
        if on_exit is not None:
            on_exit.run()
    finally:
        deadline = time.monotonic() + CLOSE_TIMEOUT_S
        try:
            wss.close(*farewell)
        finally:
            histories.join(deadline)
            if exchange is not None:
                exchange.stop()


def _rest_client() -> type[RestClient]:
    # Includes modules that Python imports lazily on a DNS lookup or when a date is parsed.
    import email.utils  # noqa: F401
    import encodings.idna  # noqa: F401

    from bfxsync.rest.client import RestClient

    return RestClient


def _shared_limiter() -> type[SharedRequestLimiter]:
    from bfxsync.rest.http.shared_rate_limiter import SharedRequestLimiter

    return SharedRequestLimiter


def _symbols_class() -> type[Symbols]:
    from bfxsync.symbols import Symbols

    return Symbols


def start_paper(
    make: Callable[..., C], exchange: PaperExchange | None, options: dict[str, Any]
) -> tuple[C, PaperExchange]:
    """Start an exchange, by default a new one, and create its client; see `Client.paper`."""
    from bfxsync.paper.exchange import PaperExchange

    if exchange is None:
        exchange = PaperExchange()
    elif not isinstance(exchange, PaperExchange):
        raise UsageError(f"exchange must be a PaperExchange, not {exchange!r}")
    key = {"api_key": exchange.account.api_key}
    key["api_secret"] = exchange.account.api_secret
    exchange.start()
    try:
        hosts = {"wss_host": exchange.url, "rest_host": exchange.rest_url}
        client = make(**{**hosts, **key, **options})
    except BaseException:
        exchange.stop()
        raise
    # If it is dropped without `close`. Subscriptions and views, which keep the WebSocket client,
    # keep the exchange too.
    finalizer = weakref.finalize(client.wss, exchange._abandoner())
    # Not at exit: its thread ends with the process. Type checkers take this property for a slot.
    setattr(finalizer, "atexit", False)
    return client, exchange
