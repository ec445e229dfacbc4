"""Live views in a notebook: the functions that show them."""

from __future__ import annotations

import time
import weakref
from typing import Any, Dict, List, Tuple

from bfxsync._base.cells import shell
from bfxsync._base.plain import plain_real
from bfxsync.checks.numbers import check_integer
from bfxsync.checks.symbols import check_symbol
from bfxsync.client import Client
from bfxsync.errors import BfxError, ClosedError, SubscriptionRejected, UsageError
from bfxsync.notebook.cells import register
from bfxsync.notebook.live_view import LiveView, ViewWorker
from bfxsync.notebook.sources import (
    BoardSource,
    BookSource,
    CandlesSource,
    OrdersSource,
    Source,
    latest_fills,
)
from bfxsync.ws.client import WebSocketClient
from bfxsync.ws.stateful_subscriptions import BookSubscription, CandleSubscription

MOST_PER_SECOND = 5.0
_LEAST_PER_SECOND = 0.1
_LEVELS = range(1, 251)
_CANDLES = range(1, 241)

# Of the sparklines, and the time until a board is shown without those that have not come.
_TIMEFRAME = "30m"
_SPARKLINES_TIMEOUT_S = 2.0
_FILLS = 20

# By subscription and run of a cell; a view keeps its subscription, so no id is used again.
_running = weakref.WeakValueDictionary[Tuple[int, int], ViewWorker]()


def show_book(
    subscription: BookSubscription[Any], levels: int, rate: float
) -> LiveView:
    """Show a book; see `BookSubscription.show`."""
    levels = check_integer("levels", levels, _LEVELS)
    rate = _check_rate(rate)
    _check_notebook("show()")
    return _show_once(subscription, BookSource(subscription, levels), rate)


def show_candles(subscription: CandleSubscription, count: int, rate: float) -> LiveView:
    """Show candles; see `CandleSubscription.show`."""
    count = check_integer("count", count, _CANDLES)
    rate = _check_rate(rate)
    _check_notebook("show()")
    return _show_once(subscription, CandlesSource(subscription, count), rate)


def board(
    client: Client | WebSocketClient, *symbols: str, rate: float = 2.0
) -> LiveView:
    """
    Show a board of tickers, with the prices of the last 24 hours as small lines.

    The board subscribes to the ticker and to the candles of each symbol, and unsubscribes when it
    ends; see `LiveView`.

    Parameters
    ----------
    client : Client or WebSocketClient
    *symbols : str
        Pairs and funding currencies, whose rates are shown per day.
    rate : float
        How often a second it looks for changes, at most 5.

    Returns
    -------
    LiveView
        It is shown in the present cell.

    Raises
    ------
    UsageError
        Invalid argument, or there is no notebook.
    BfxError
        Those of `WebSocketClient.subscribe`, for the tickers.

    Examples
    --------
    ::

        from bfxsync import Client, notebook

        bfx = Client()
        notebook.board(bfx, "tBTCUSD", "tETHUSD", "fUSD")
    """
    wss = _wss_of(client)
    if not symbols:
        raise UsageError("board needs at least one symbol")
    checked = list(dict.fromkeys(check_symbol(symbol) for symbol in symbols))
    rate = _check_rate(rate)
    _check_notebook("board()")
    tickers = wss.subscribe_many(
        [{"channel": "ticker", "symbol": symbol} for symbol in checked]
    )
    source = BoardSource(wss._core, tickers)
    try:
        _add_charts(wss, checked, source.charts)
        return _show(source, rate)
    except BaseException:
        source.close()
        raise


def orders(client: Client, *, rate: float = 2.0) -> LiveView:
    """
    Show the open orders and the latest fills of the account.

    It opens the connection of the account, and reads the latest 20 fills from before it from REST.
    See `LiveView`.

    Parameters
    ----------
    client : Client
        With a key.
    rate : float
        How often a second it looks for changes, at most 5.

    Raises
    ------
    UsageError
        Invalid argument, or there is no key or no notebook.
    BfxError
        Those of `Account.wait_ready`.
    """
    if not isinstance(client, Client):
        raise UsageError(f"client must be a Client, not {client!r}")
    rate = _check_rate(rate)
    _check_notebook("orders()")
    account = client.wss.account
    account.wait_ready()
    past, problem = latest_fills(client.rest, _FILLS)
    return _show(OrdersSource(client.wss._core, account, past, problem), rate)


# --- internal -------------------------------------------------------------------------------------


def _check_rate(rate: object) -> float:
    found = plain_real(rate)
    if found is not None and _LEAST_PER_SECOND <= found <= MOST_PER_SECOND:
        return found
    raise UsageError(
        f"rate must be a number from {_LEAST_PER_SECOND:g} to {MOST_PER_SECOND:g}, "
        f"not {rate!r}"
    )


def _check_notebook(name: str) -> None:
    if getattr(shell(), "kernel", None) is None:
        raise UsageError(
            f"{name} needs a notebook, such as one of JupyterLab; in a terminal use commands such "
            "as 'bfxsync book tBTCUSD'"
        )


def _wss_of(client: object) -> WebSocketClient:
    if isinstance(client, Client):
        return client.wss
    if isinstance(client, WebSocketClient):
        return client
    raise UsageError(f"client must be a Client or a WebSocketClient, not {client!r}")


def _add_charts(
    wss: WebSocketClient, symbols: List[str], charts: Dict[str, CandleSubscription]
) -> None:
    """Subscribe to the candles of sparklines; a board without one of them is still a board."""
    for symbol in symbols:
        key = f"{symbol}:a30:p2:p30" if symbol.startswith("f") else symbol
        try:
            charts[symbol] = wss.subscribe_candles(key, _TIMEFRAME, wait=False)
        except SubscriptionRejected:
            pass  # a recording without these candles
    # A recording brings nothing before it is played.
    wait_s = 0.0 if wss._core.is_replay else _SPARKLINES_TIMEOUT_S
    deadline = time.monotonic() + wait_s
    for chart in charts.values():
        try:
            chart.wait_ready(max(0.001, deadline - time.monotonic()))
        except BfxError:
            pass  # has been reported


def _show_once(subscription: Any, source: Source, rate: float) -> LiveView:
    """Show a subscription; another view of it in the same run of a cell ends."""
    ending = source.ending()
    if ending:
        raise ClosedError(f"{source.name} has ended: {ending}")
    key = id(subscription), shell().execution_count
    earlier = _running.get(key)
    if earlier is not None:
        earlier.end("stopped")
    view = _show(source, rate)
    _running[key] = view._worker
    return view


def _show(source: Source, rate: float) -> LiveView:
    from IPython.display import display

    worker = ViewWorker(source, rate)
    show: Any = display
    handle = show(worker.sent, display_id=True)
    worker.start(handle)
    view = LiveView(worker, shell().execution_count)
    register(view)
    return view
