"""Runs a strategy over a recording."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from typing import Any, Callable, Iterator, Mapping, Optional, Union

from bfxsync._base.describe import without_our_frames
from bfxsync.backtest.driver import Driver, RecordingEnded
from bfxsync.backtest.equity import curve, interval_s
from bfxsync.backtest.loading import (
    Main,
    Path,
    bind,
    check_client_options,
    check_path,
    loaded,
)
from bfxsync.backtest.observing import Observer
from bfxsync.backtest.result import Backtest, BacktestFailed
from bfxsync.backtest.valuation import legs_of, rates
from bfxsync.backtest.virtual_time import VirtualTime
from bfxsync.checks.options import check_bool
from bfxsync.checks.times import check_seconds
from bfxsync.client import Client
from bfxsync.errors import UsageError
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.model_list import ModelList
from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.paper.engine.units import SCALE
from bfxsync.paper.markets.captured import load
from bfxsync.paper.markets.recordings import Recording
from bfxsync.paper.settings import Amounts
from bfxsync.testing.settle import is_of
from bfxsync.ws.core.core import OBSERVERS, Core

START_BALANCE = 100_000
"""Of the currency of the equity, unless balances are given."""

MAX_STEP_S = 60.0

# No client is disconnected because its strategy computes for long.
_IDLE_S = 86_400.0

# A strategy may compute for long, and no heartbeats come meanwhile.
_PATIENCE = {"ping_after": _IDLE_S / 2, "stale_after": _IDLE_S}

_FIRST_S = 60.0

_running = threading.Lock()


def backtest(
    strategy: Union[Path, Main],
    recording: Path,
    *,
    balances: Optional[Amounts] = None,
    currency: Optional[str] = None,
    parameters: Optional[Mapping[str, Any]] = None,
    client_options: Optional[Mapping[str, Any]] = None,
    every_s: Optional[float] = None,
    step_s: Optional[float] = None,
    check: bool = True,
    on_progress: Optional[Callable[[float], object]] = None,
) -> Backtest:
    """
    Run a strategy over a recording, in the recording's time, on the engine of the local exchange.

    The strategy runs on this thread, and its time is that of the recording: it passes only while
    the strategy waits. The same strategy and recording give the same result. What that can tell is
    in ``docs/howto/backtests.rst``.

    Parameters
    ----------
    strategy : str, os.PathLike or callable
        A file with a function ``main(bfx)``, or such a function.
    recording : str or os.PathLike
        A file written by ``Client(record=path)``, or the name of a recording that `PaperExchange`
        has.
    balances : mapping, optional
        What the account has in the beginning, by wallet and currency: ``{"exchange": {"USD": 1000,
        "BTC": "0.5"}}``. By default 100,000 of `currency`, in the wallet ``exchange``.
    currency : str, optional
        Of the equity; by default the quote currency of the first recorded pair.
    parameters : mapping, optional
        Further arguments of the strategy, by name.
    client_options : mapping, optional
        Options of its `Client`, in addition to the ``client_options`` of the file.
    every_s : float, optional
        Interval of the equity curve; by default a round one that gives at most 1,000 points.
    step_s : float, optional
        Let the strategy react only every so many seconds of the recording, which is faster; by
        default after each message.
    check : bool
        Raise `BacktestFailed` if the strategy or one of its callbacks has raised.
    on_progress : callable, optional
        Called now and then with the ratio of the recording that was played, on another thread.

    Raises
    ------
    UsageError
        An argument is invalid, the recording has no market, or another backtest is running.
    BacktestFailed
        The strategy has raised; ``result`` has what happened until then.
    """
    check_bool("check", check)
    if not (callable(strategy) or isinstance(strategy, (str, os.PathLike))):
        raise UsageError(f"strategy must be a file or a function, not {strategy!r}")
    if not callable(strategy):
        check_path(os.fspath(strategy))
    if not isinstance(recording, (str, os.PathLike)):
        raise UsageError(f"recording must be the path of a file, not {recording!r}")
    for name, value in (("every_s", every_s), ("step_s", step_s)):
        if value is not None:
            check_seconds(name, value)
    if step_s is not None and step_s > MAX_STEP_S:
        raise UsageError(f"step_s must be at most {MAX_STEP_S:g}, not {step_s!r}")
    if not isinstance(parameters or {}, Mapping):
        raise UsageError(f"parameters must be a mapping, not {parameters!r}")
    options = check_client_options({} if client_options is None else client_options)
    contents = load(recording)
    pairs = [legs_of(symbol) for symbol in contents.first if symbol.startswith("t")]
    if not pairs:
        raise UsageError(f"there is no pair in the recording {os.fspath(recording)!r}")
    currency = _currency(currency, pairs)
    if balances is None:
        balances = {"exchange": {currency: START_BALANCE}}
    account = PaperAccount(balances=balances)
    _check_prices(account, pairs, currency)
    if not _running.acquire(blocking=False):
        raise UsageError("another backtest is running in this process")
    try:
        run = _Run(contents, os.fspath(recording), account, currency)
        run.every_s = every_s or interval_s(_duration_s(contents))
        run.step_s, run.on_progress = step_s, on_progress
        result = run(strategy, options, parameters or {})
    finally:
        _running.release()
    if check and (result.error is not None or result.callback_errors):
        raise BacktestFailed(_failure(result), result) from run.cause
    return result


class _Run:
    def __init__(
        self,
        contents: Recording,
        recording: str,
        account: PaperAccount,
        currency: str,
    ) -> None:
        self.every_s = 1.0
        self.step_s: Optional[float] = None
        self.on_progress: Optional[Callable[[float], object]] = None
        self.cause: Optional[BaseException] = None
        self._contents = contents
        self._recording = recording
        self._currency = currency
        self._exchange = PaperExchange(
            captures=[recording],
            simulate=False,
            begin_mts=contents.begin_mts,
            paused=True,
            autoplay=False,
            restart_at_end=False,
            idle_s=_IDLE_S,
            accounts=[account],
        )

    def __call__(
        self,
        strategy: Union[Path, Main],
        options: Mapping[str, Any],
        parameters: Mapping[str, Any],
    ) -> Backtest:
        with ExitStack() as stack:
            exchange = stack.enter_context(self._exchange)
            # The first connection imports modules, which takes a while; this one is in real time.
            with exchange.client() as first:
                first.wss.wait_authenticated(_FIRST_S)
            server = exchange._thread.call(lambda server: server)
            server.session_call_later = server.clock.call_later
            clock = server.clock
            virtual = VirtualTime(lambda: clock.time(), self._contents.begin_mts)
            stack.enter_context(_environment(exchange))
            stack.enter_context(_signal_handlers())
            virtual.install()
            stack.callback(virtual.remove)
            stack.enter_context(_own_clients_only(exchange, virtual))
            loading = stack.enter_context(loaded(strategy))
            for names in loading.modules:
                virtual.adopt(names)
            bfx = exchange.client(**{**loading.client_options, **options, **_PATIENCE})
            bfx._guard._clock = virtual.monotonic_s
            call = bind(loading.main, bfx, parameters)
            observer = Observer(self._currency, self.every_s)
            driver = Driver(
                exchange, virtual, observer, self.step_s, self._progress(virtual)
            )
            ended_by = self._run(call, bfx, driver)
            if driver.error is not None:
                raise driver.error
            observer.finish(exchange)
            dispatcher = bfx.wss._core.dispatcher
            if self.cause is None and dispatcher.error_count:
                self.cause = dispatcher.last_error
            error = self.cause if ended_by == "error" else None
            return Backtest(
                strategy=loading.name,
                recording=self._recording,
                currency=self._currency,
                begin=_utc(self._contents.begin_mts),
                end=_utc(observer.samples[-1][0]),
                ended_by=ended_by,
                fills=_fills(observer),
                equity=curve(observer.samples),
                fees=observer.fees / SCALE,
                open_orders=len(exchange.account.orders),
                unpriced=tuple(sorted(observer.unpriced)),
                error=error,
                callback_errors=dispatcher.error_count,
                events=sum(step.at <= clock.time() for step in self._contents.steps),
            )

    def _run(self, call: Callable[[], object], bfx: Client, driver: Driver) -> str:
        """Run the strategy, and close its client; return what has ended it."""
        driver.start()
        try:
            ended_by = self._call(call, driver)
            try:
                bfx.close()
            except RecordingEnded:
                bfx.close()
            return ended_by
        finally:
            driver.stop()

    def _call(self, call: Callable[[], object], driver: Driver) -> str:
        try:
            driver.wait_for_turn()
            call()
        except KeyboardInterrupt as exc:
            if not (isinstance(exc, RecordingEnded) or driver.was_interrupted):
                return "interrupt"
        except SystemExit as exc:
            if exc.code not in (None, 0):
                self.cause = exc
                return "error"
        except BaseException as exc:
            without_our_frames(exc)
            self.cause = exc
            return "error"
        return "recording" if driver.was_interrupted else "strategy"

    def _progress(self, virtual: VirtualTime) -> Callable[[], object]:
        tell, whole_s = self.on_progress, max(_duration_s(self._contents), 1e-9)
        if tell is None:
            return lambda: None
        return lambda: tell(min(virtual.now_s() / whole_s, 1.0))


@contextmanager
def _environment(exchange: PaperExchange) -> Iterator[None]:
    """Make clients that the strategy creates itself connect to the exchange, too."""
    before = dict(os.environ)
    os.environ.update(exchange.environment)
    for name in ("BFX_AUTH_WSS_HOST", "BFX_AUTH_REST_HOST"):
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name in exchange.environment:
            os.environ.pop(name, None)
        os.environ.update(before)


@contextmanager
def _signal_handlers() -> Iterator[None]:
    """Restore those that the strategy replaces; only the main thread can."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    before = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in zip(numbers, before):
                signal.signal(number, handler)


@contextmanager
def _own_clients_only(exchange: PaperExchange, virtual: VirtualTime) -> Iterator[None]:
    """Refuse clients of other exchanges, above all of the real one."""

    def refuse(core: Core) -> None:
        if virtual.is_user() and not is_of(core, exchange.port):
            raise UsageError(
                "a strategy in a backtest has no client of another exchange: use that which main()"
                " gets"
            )
        if is_of(core, exchange.port):
            _send_in_virtual_time(core)

    OBSERVERS.append(refuse)
    try:
        yield
    finally:
        OBSERVERS.remove(refuse)


def _send_in_virtual_time(core: Any) -> None:
    """
    Let no order wait in real time, as the thread of a connection does.

    New orders wait for the wallets if those come, but not for a second; with `buffer_s` they are
    sent at once.
    """
    make_link = core.make_link

    def make(number: int, is_account: bool = False) -> Any:
        link = make_link(number, is_account)
        if is_account:
            inputs, filters = link.session._inputs, core.account.services.filters
            come = not filters or any(each.startswith("wallet") for each in filters)
            begin, buffer, hold = inputs.open, inputs._buffer, inputs._buffer.add

            def begin_settled(now: float) -> None:
                begin(now)
                inputs._settles_at = now + _IDLE_S if come else None

            inputs.open = begin_settled
            buffer.add = lambda command: [*hold(command), *buffer.flush()]
        return link

    core.make_link = make


def _fills(observer: Observer) -> ModelList[AccountTrade]:
    rows = [AccountTrade.from_row(row) for row in observer.fills]
    return ModelList(rows, AccountTrade)


def _currency(currency: Optional[str], pairs: "list[tuple[str, str]]") -> str:
    known = sorted({each for pair in pairs for each in pair})
    if currency is None:
        return pairs[0][1]
    if currency not in known:
        raise UsageError(
            f"currency must be one of the recording, {', '.join(known)}, not {currency!r}"
        )
    return currency


def _check_prices(
    account: PaperAccount, pairs: "list[tuple[str, str]]", currency: str
) -> None:
    """Refuse balances that the recording has no price for."""
    priced = rates(dict.fromkeys(pairs, SCALE), currency)
    for amounts in account.balances.values():
        for each in amounts:
            if each not in priced and each[:-2] not in priced:
                raise UsageError(
                    f"the recording has no price of {each} in {currency}: leave it out of balances"
                )


def _duration_s(contents: Recording) -> float:
    return contents.steps[-1].at if contents.steps else 0.0


def _utc(mts: int) -> datetime:
    return datetime.fromtimestamp(mts / 1000, timezone.utc)


def _failure(result: Backtest) -> str:
    if result.error is not None:
        return f"the strategy raised {result.error!r}"
    return f"callbacks of the strategy raised {result.callback_errors} exceptions"
