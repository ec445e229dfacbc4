"""Tradable symbols: the exchange's lists, order sizes and aliases."""

from __future__ import annotations

import difflib
import time
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from types import MappingProxyType
from typing import Any, Callable, Mapping, NamedTuple, Optional, Protocol, Sequence

import attrs

from bfxsync._base.aliases import Row, Symbol
from bfxsync._base.atomic import AtomicValue
from bfxsync._base.forks import reset_after_fork
from bfxsync._base.guesses import did_you_mean
from bfxsync._base.latch import Latch
from bfxsync._base.numbers import round_amount, round_price
from bfxsync._base.pairs import Pair, split_pair
from bfxsync._base.plain import plain_text
from bfxsync.checks.containers import optional
from bfxsync.checks.symbols import check_pair, find_symbol
from bfxsync.checks.texts import check_choice
from bfxsync.errors import RemoteError, UsageError
from bfxsync.models.conf import PairInfo

__all__ = ["Symbols"]

CONF_KEYS = (
    "pub:list:pair:exchange",
    "pub:list:pair:margin",
    "pub:list:pair:futures",
    "pub:list:currency",
    "pub:list:currency:margin",
    "pub:map:currency:sym",
    "pub:info:pair",
    "pub:info:pair:futures",
)
"""Keys of the lists, fetched with one request."""


_DIRECTIONS = ("down", "up")
_ROUNDINGS = {None: ROUND_HALF_EVEN, "down": ROUND_FLOOR, "up": ROUND_CEILING}


class Conf(Protocol):
    """Source of the exchange's configuration: ``rest.public``."""

    def conf_many(self, configs: Sequence[str]) -> Mapping[str, Any]:
        """Return the values by key."""
        ...


class Symbols:
    """
    The exchange's symbols, fetched on first use and cached.

    Thread-safe: when the lists are missing or expired, one thread fetches them and the others
    wait. Every method may raise the errors of the request (`NetworkError`, `ApiError`,
    `RemoteError`), and `UsageError` for a symbol that the exchange does not list; its message
    suggests similar ones.

    https://docs.bitfinex.com/reference/rest-public-conf

    Parameters
    ----------
    public : object
        The client's ``rest.public``; only `conf_many` is used.
    ttl_s : float, optional
        Seconds for which the lists are cached. New pairs are listed every few days.
    clock : callable, optional
        A monotonic clock, in seconds.
    """

    def __init__(
        self,
        public: Conf,
        *,
        ttl_s: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._public = public
        self._ttl_s = ttl_s
        self._clock = clock
        self._state = AtomicValue(_State())
        reset_after_fork(self)

    @property
    def exchange_pairs(self) -> tuple[Symbol, ...]:
        """Symbols of the spot pairs, such as ``tBTCUSD``."""
        return self._current().exchange_pairs

    @property
    def margin_pairs(self) -> tuple[Symbol, ...]:
        """Symbols of the pairs that can be traded on margin."""
        return self._current().margin_pairs

    @property
    def futures_pairs(self) -> tuple[Symbol, ...]:
        """Symbols of the derivatives, such as ``tBTCF0:USTF0``."""
        return self._current().futures_pairs

    @property
    def currencies(self) -> tuple[str, ...]:
        """Currencies in the exchange's spelling, such as ``UST``."""
        return self._current().currencies

    @property
    def fundable(self) -> tuple[Symbol, ...]:
        """Symbols of the currencies that have a funding market, such as ``fUSD``."""
        return self._current().fundable

    @property
    def aliases(self) -> Mapping[str, str]:
        """Common names of currencies by the exchange's spelling: ``USDt`` for ``UST``."""
        return self._current().aliases

    def alias(self, currency: str) -> str:
        """Return the common name of a currency (``USDt`` for ``UST``), or the currency itself."""
        code = plain_text(currency)
        if code is None:
            raise UsageError(f"currency must be text such as 'UST', not {currency!r}")
        return self._current().aliases.get(code, code)

    def check(self, symbol: Symbol) -> Symbol:
        """
        Return the symbol if the exchange lists it, as a pair or as a currency that can be funded.

        ``BTC/USD`` and ``btcusd`` are accepted as in all other methods, and returned as
        ``tBTCUSD``.
        """
        lists = self._current()
        text = plain_text(symbol)
        if text is None:
            raise UsageError(
                f"symbol must be text such as 'tBTCUSD' or 'fUSD', not {symbol!r}"
            )
        found = find_symbol(text)
        if found in lists.known:
            return found
        raise UsageError(f"there is no symbol {text!r}{lists.reason(text)}")

    def min_order_size(self, symbol: Symbol) -> Decimal | None:
        """Return the minimum order size in base currency; None if the exchange states none."""
        info = self._pair_info(symbol)
        return None if info is None else Decimal(info.min_order_size)

    def max_order_size(self, symbol: Symbol) -> Decimal | None:
        """Return the maximum order size in base currency; None if the exchange states none."""
        info = self._pair_info(symbol)
        return None if info is None else Decimal(info.max_order_size)

    @staticmethod
    def split(symbol: Symbol) -> Pair:
        """
        Return base and quote of a pair: ``("BTC", "USD")`` of ``tBTCUSD``, with these names.

        Takes every spelling of a pair that the methods of the client take. No list is requested, so
        the pair need not be listed. Raises `UsageError` for what is no symbol of a pair.
        """
        checked = check_pair(symbol)
        pair = split_pair(checked)
        if ":" not in checked and len(checked) != 7:
            raise UsageError(
                f"symbol must be that of a pair such as 'tBTCUSD' or 'tDUSK:USD', not {symbol!r}"
            )
        return pair

    def round_price(
        self,
        symbol: Symbol,
        price: str | int | Decimal | float,
        *,
        direction: str | None = None,
    ) -> Decimal:
        """
        Round to a price that the exchange keeps unchanged: 5 significant digits, at most 8 places.

        The rule is the same for all symbols; `symbol` is only checked.

        Parameters
        ----------
        symbol : str
        price : number or its text
        direction : str, optional
            ``down`` never returns a higher price, as for a bid that must not reach the asks; ``up``
            never returns a lower one. By default to the nearest, half to even.
        """
        rounding = _ROUNDINGS[
            optional(check_choice, "direction", direction, _DIRECTIONS)
        ]
        self.check(symbol)
        return round_price(price, rounding)

    @staticmethod
    def round_amount(amount: str | int | Decimal | float) -> Decimal:
        """Round an amount towards zero to 8 places."""
        return round_amount(amount)

    def refresh(self) -> None:
        """Fetch the lists now, or wait for the thread that is fetching them."""
        self._state.update(lambda state: (state._replace(expires_at=0.0), None))
        self._current()

    def _reset_after_fork(self) -> None:
        """Forget the fetching thread, which a child process does not have; the lists stay."""
        self._state = AtomicValue(self._state.get()._replace(fetching=None))

    def _pair_info(self, symbol: Symbol) -> PairInfo | None:
        checked = self.check(symbol)
        if checked.startswith("f"):
            raise UsageError(f"orders are for pairs; {symbol!r} has no order size")
        row = self._current().pair_infos.get(checked)
        # Parsed lazily: an unreadable row must not affect other pairs.
        return None if row is None else PairInfo.from_row(row, number=Decimal)

    def _current(self) -> _Lists:
        while True:
            mine, now = _Fetch(), self._clock()

            def look(state: _State) -> tuple[_State, _Lists | _Fetch]:
                if state.lists is not None and now < state.expires_at:
                    return state, state.lists
                if state.fetching is not None:
                    return state, state.fetching
                return state._replace(fetching=mine), mine

            try:
                # Called twice, as Ctrl-C may interrupt the first call.
                try:
                    found = self._state.update(look)
                    if found is mine:
                        mine.lists = _Lists.from_conf(self._public.conf_many(CONF_KEYS))
                        return mine.lists
                except Exception as exc:
                    mine.error = exc
                    raise
                finally:
                    self._end(mine)
            finally:
                self._end(mine)
            if isinstance(found, _Lists):
                return found
            found.is_over.wait_in_naps()
            if found.error is not None:
                raise found.error
            # None if the fetching thread was interrupted: then this thread tries.
            if found.lists is not None:
                return found.lists

    def _end(self, fetching: _Fetch) -> None:
        """Publish the result, if this thread has fetched the lists."""
        expires_at = self._clock() + self._ttl_s

        def end(state: _State) -> tuple[_State, None]:
            if state.fetching is not fetching:
                return state, None
            if fetching.lists is None:
                return state._replace(fetching=None), None
            return _State(fetching.lists, expires_at), None

        self._state.update(end)
        fetching.is_over.set()


@attrs.define(eq=False)
class _Fetch:
    """A request for the lists in progress, which other threads wait for."""

    is_over: Latch = attrs.field(factory=Latch)
    lists: Optional[_Lists] = None
    error: Optional[Exception] = None


class _State(NamedTuple):
    lists: Optional[_Lists] = None
    expires_at: float = 0.0
    fetching: Optional[_Fetch] = None


@attrs.frozen
class _Lists:
    """The lists of one response."""

    exchange_pairs: tuple[Symbol, ...]
    margin_pairs: tuple[Symbol, ...]
    futures_pairs: tuple[Symbol, ...]
    currencies: tuple[str, ...]
    fundable: tuple[Symbol, ...]
    aliases: Mapping[str, str]
    pair_infos: Mapping[Symbol, Row]
    known: frozenset[Symbol]

    @classmethod
    def from_conf(cls, values: Mapping[str, Any]) -> _Lists:
        """Build from the values of `CONF_KEYS`; raise `RemoteError` for an unexpected format."""
        exchange, margin, futures = (
            tuple("t" + pair for pair in _texts(values, f"pub:list:pair:{kind}"))
            for kind in ("exchange", "margin", "futures")
        )
        currencies = _texts(values, "pub:list:currency")
        # Documented as collateral; the exchange's own reports read it as the funding currencies.
        fundable = tuple(
            "f" + currency for currency in _texts(values, "pub:list:currency:margin")
        )
        infos = {
            **_by_name(values, "pub:info:pair"),
            **_by_name(values, "pub:info:pair:futures"),
        }
        aliases = _by_name(values, "pub:map:currency:sym")
        return cls(
            exchange,
            margin,
            futures,
            currencies,
            fundable,
            MappingProxyType({code: row[1] for code, row in aliases.items()}),
            {"t" + pair: row for pair, row in infos.items()},
            frozenset((*exchange, *margin, *futures, *fundable)),
        )

    def reason(self, symbol: str) -> str:
        """Return the end of a message about an unknown symbol: the problem, or similar symbols."""
        if symbol.startswith("f") and symbol[1:] in self.currencies:
            return f": {symbol[1:]} has no funding market"
        plain = {_plain(known): known for known in sorted(self.known)}
        close = difflib.get_close_matches(_plain(symbol), plain, n=3, cutoff=0.75)
        return did_you_mean(*(repr(plain[name]) for name in close))


def _plain(symbol: str) -> str:
    """Return the letters and digits of a symbol in capitals, for comparison."""
    return "".join(filter(str.isalnum, symbol.upper()))


def _texts(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    texts = values[key]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise RemoteError(f"{key}: expected a list of texts", raw=texts)
    return tuple(texts)


def _by_name(values: Mapping[str, Any], key: str) -> dict[str, Row]:
    rows = values[key]
    try:
        found = {row[0]: row for row in rows if row[1] is not None}
    except (TypeError, LookupError):
        raise RemoteError(
            f"{key}: expected pairs of name and value", raw=rows
        ) from None
    if not all(isinstance(name, str) for name in found):
        raise RemoteError(f"{key}: expected names that are text", raw=rows)
    return found
