"""What a backtest has found out: fills, the equity curve, and numbers about them."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Dict, List, Tuple, Union

import attrs

from bfxsync._base.describe import also_half_made
from bfxsync.backtest.drawing import equity_svg, equity_text, percent
from bfxsync.backtest.equity import EquityPoint
from bfxsync.errors import BfxError, UsageError
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.model_list import ModelList

if TYPE_CHECKING:
    import pandas

FILL_COLUMNS = (
    "mts_create id symbol order_id exec_amount exec_price order_type maker fee fee_currency"
).split()
"""Without the client order id, which the client draws at random."""
EQUITY_COLUMNS = ("mts", "equity", "drawdown_ratio")


@attrs.frozen(kw_only=True, repr=False)
class Backtest:
    """
    The result of a strategy over a recording.

    The same strategy and recording give the same fills and the same curve, byte for byte. Amounts
    of money without a currency are in `currency`.

    Attributes
    ----------
    strategy, recording : str
        The file or function, and the recording.
    currency : str
        Of the equity.
    begin, end : datetime
        Of the simulated time, in UTC.
    ended_by : str
        ``"recording"``: the strategy ran until its end; ``"strategy"``: it was done before;
        ``"error"`` or ``"interrupt"``: an exception of its own, or Ctrl-C.
    fills : ModelList of AccountTrade
        Oldest first; ``fills.df()`` is their DataFrame.
    equity : ModelList of EquityPoint
        At regular times and at each fill; ``equity.df()`` is their DataFrame.
    fees : float
        All fees, each at the prices of its time.
    open_orders : int
        Orders that were still open at the end.
    unpriced : tuple of str
        Currencies of which the recording has no price; they count as nothing.
    error : BaseException or None
        What ended the strategy.
    callback_errors : int
        Exceptions of its callbacks, which end nothing, as elsewhere.
    events : int
        Recorded events that were played.
    """

    strategy: str
    recording: str
    currency: str
    begin: datetime
    end: datetime
    ended_by: str
    fills: ModelList[AccountTrade]
    equity: ModelList[EquityPoint]
    fees: float
    open_orders: int
    unpriced: Tuple[str, ...] = ()
    error: "BaseException | None" = None
    callback_errors: int = 0
    events: int = 0

    @also_half_made
    def __repr__(self) -> str:
        return (
            f"<Backtest of {self.strategy}: {len(self.fills)} fills, {self.start_equity:.2f} to"
            f" {self.end_equity:.2f} {self.currency}>"
        )

    def _repr_html_(self) -> str:
        svg = base64.b64encode(self.svg().encode()).decode()
        lines = html.escape(self.text())
        return f'<img src="data:image/svg+xml;base64,{svg}"><pre>{lines}</pre>'

    # --- numbers --------------------------------------------------------------------------------

    @property
    def start_equity(self) -> float:
        """Value of the account at the begin."""
        return self.equity[0].equity

    @property
    def end_equity(self) -> float:
        """Value of the account at the end."""
        return self.equity[-1].equity

    @property
    def return_ratio(self) -> float:
        """Change of the equity: 0.01 means 1 %."""
        first = self.start_equity
        return round((self.end_equity - first) / first, 8) if first else 0.0

    @property
    def max_drawdown_ratio(self) -> float:
        """Largest loss since a highest equity before: 0.01 means 1 %."""
        return max(point.drawdown_ratio for point in self.equity)

    @property
    def simulated_s(self) -> float:
        """Simulated time in seconds."""
        return (self.end - self.begin).total_seconds()

    def summary(self) -> Dict[str, Any]:
        """Return all numbers by name, with times as texts of ISO 8601."""
        return {
            "strategy": os.path.basename(self.strategy),
            "recording": os.path.basename(self.recording),
            "currency": self.currency,
            "begin": _iso(self.begin),
            "end": _iso(self.end),
            "simulated_s": self.simulated_s,
            "ended_by": self.ended_by,
            "start_equity": self.start_equity,
            "end_equity": self.end_equity,
            "return_ratio": self.return_ratio,
            "max_drawdown_ratio": self.max_drawdown_ratio,
            "fees": self.fees,
            "fills": len(self.fills),
            "open_orders": self.open_orders,
            "callback_errors": self.callback_errors,
            "unpriced": list(self.unpriced),
            "events": self.events,
        }

    # --- tables ---------------------------------------------------------------------------------

    def df(self) -> pandas.DataFrame:
        """Return the equity curve as a DataFrame; needs the extra ``pandas``."""
        return self.equity.df()

    def fills_csv(self) -> str:
        """Return the fills as CSV, with a header."""
        return _csv(FILL_COLUMNS, self.fills)

    def equity_csv(self) -> str:
        """Return the equity curve as CSV, with a header."""
        return _csv(EQUITY_COLUMNS, self.equity)

    def json(self) -> str:
        """Return everything as a line of JSON: ``summary``, ``fills`` and ``equity``."""
        fills = [_values(FILL_COLUMNS, each) for each in self.fills]
        equity = [_values(EQUITY_COLUMNS, each) for each in self.equity]
        whole = {"summary": self.summary(), "fills": fills, "equity": equity}
        return json.dumps(whole) + "\n"

    def text(self) -> str:
        """Return the numbers as lines for people."""
        change = self.end_equity - self.start_equity
        counts = [f"{len(self.fills)}, fees {self.fees:,.2f} {self.currency}"]
        if self.open_orders:
            counts.append(f"{self.open_orders} orders still open")
        rows = [
            ("time", f"{_plain(self.begin)} to {_plain(self.end)} UTC"),
            ("", f"{_duration(self.simulated_s)}, {self.events:,} recorded events"),
            (
                "equity",
                f"{self.start_equity:,.2f} to {self.end_equity:,.2f} {self.currency}"
                f" ({change:+,.2f}, {percent(self.return_ratio, 3)})",
            ),
            ("drawdown", f"{self.max_drawdown_ratio:.3%}".replace("%", " %")),
            ("fills", "; ".join(counts)),
        ]
        if self.unpriced:
            rows.append(
                ("no price", ", ".join(self.unpriced) + " (counted as nothing)")
            )
        if self.ended_by == "strategy":
            rows.append(("ended", "by the strategy, before the recording"))
        elif self.ended_by != "recording":
            rows.append(("ended", f"early, by {_because(self)}"))
        if self.callback_errors:
            rows.append(("errors", f"{self.callback_errors} exceptions in callbacks"))
        return "\n".join(f"{name:<9} {value}" for name, value in rows)

    # --- pictures -------------------------------------------------------------------------------

    def svg(self) -> str:
        """Return the picture of the equity curve as SVG."""
        marks = [(fill.mts_create, fill.exec_amount > 0) for fill in self.fills]
        return equity_svg(self._points, self.currency, marks)

    def plot(self, path: "Union[str, os.PathLike[str]]") -> None:
        """
        Write the picture of the equity curve to a file ``….svg``.

        Raises
        ------
        UsageError
            Not such a name.
        OSError
            The file cannot be written.
        """
        if not isinstance(path, (str, os.PathLike)) or not os.fspath(path).endswith(
            ".svg"
        ):
            raise UsageError(f"path must be the name of a file .svg, not {path!r}")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(self.svg())

    def chart(
        self, width: int = 80, height: int = 12, *, is_plain: bool = False
    ) -> str:
        """Return the equity curve in box characters, or in ASCII."""
        return equity_text(
            self._points, self.currency, width, height, is_plain=is_plain
        )

    @property
    def _points(self) -> List[Tuple[int, float]]:
        return [(point.mts, point.equity) for point in self.equity]


class BacktestFailed(BfxError):
    """
    The strategy, or one of its callbacks, has raised an exception; it is the cause.

    Attributes
    ----------
    result : Backtest
        What happened until then.
    """

    def __init__(self, message: str, result: "Backtest | None" = None) -> None:
        super().__init__(message)
        self.result: "Backtest | None" = result


def _because(result: Backtest) -> str:
    return "Ctrl-C" if result.error is None else type(result.error).__name__


def _values(columns: "Any", row: Any) -> Dict[str, Any]:
    return {name: getattr(row, name) for name in columns}


def _csv(columns: "Any", rows: "Any") -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([getattr(row, name) for name in columns] for row in rows)
    return text.getvalue()


def _iso(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")


def _plain(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
