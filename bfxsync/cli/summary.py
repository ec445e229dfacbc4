"""State and results of a demonstration, with a verdict."""

from __future__ import annotations

import math
from collections import deque
from typing import Deque, Sequence

import attrs

from bfxsync import BookUpdate, Ticker, Trade
from bfxsync.cli.text import ms_text

_MAX_SAMPLES = 100_000
_RATIOS = (0.5, 0.9, 0.99)


class Samples:
    """The latest 100,000 durations, in seconds."""

    def __init__(self) -> None:
        self._values: Deque[float] = deque(maxlen=_MAX_SAMPLES)

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: float) -> None:
        """Add a duration."""
        self._values.append(value)

    @property
    def last(self) -> float | None:
        """The latest duration, or None."""
        # One atomic copy: another thread may be adding the first.
        newest = self._values.copy()
        return newest[-1] if newest else None

    def percentiles(self) -> Percentiles:
        """Return the median and the 90th and 99th percentiles."""
        ordered = sorted(self._values)
        if not ordered:
            return Percentiles(0, None, None, None)
        at = [ordered[math.ceil(ratio * len(ordered)) - 1] for ratio in _RATIOS]
        return Percentiles(len(ordered), *at)


@attrs.frozen
class Percentiles:
    """Percentiles in seconds; None without samples."""

    count: int
    p50: float | None
    p90: float | None
    p99: float | None


@attrs.frozen
class ChannelSummary:
    """Results of one subscription."""

    name: str
    """Symbol and channel: ``tBTCUSD book``."""
    update_count: int
    gaps: tuple[str, ...] = ()
    """Reasons of the gaps."""
    verified_count: int | None = None
    """Checksums that matched; None for channels without checksums."""
    mismatch_count: int | None = None


def total(channels: Sequence[ChannelSummary]) -> ChannelSummary:
    """Return the sum of the results of several channels."""
    return ChannelSummary(
        "all",
        sum(channel.update_count for channel in channels),
        tuple(reason for channel in channels for reason in channel.gaps),
        sum(channel.verified_count or 0 for channel in channels),
        sum(channel.mismatch_count or 0 for channel in channels),
    )


@attrs.frozen
class Step:
    """A line about one step of the demonstration: an order, its fill, the wallet."""

    label: str
    """Empty if the line continues the previous step."""
    text: str
    tone: str = ""
    """``"buy"``, ``"sell"``, ``"bad"`` or nothing."""

    @property
    def line(self) -> str:
        """Label and text, aligned with others."""
        return f"{self.label:<6} {self.text}"


@attrs.frozen
class MarketView:
    """One symbol at one moment."""

    symbol: str
    source: str
    """Description of the data's source."""
    is_live: bool
    """False while the book may be outdated."""
    ticker: Ticker | None
    bids: list[BookUpdate]
    """Best first, like the asks."""
    asks: list[BookUpdate]
    trades: tuple[Trade, ...]
    """Newest first."""


@attrs.frozen
class View:
    """The whole display at one moment."""

    host: str
    status: str
    """Status of the connection."""
    left_s: float
    """Seconds until the end."""
    markets: tuple[MarketView, ...]
    frame_count: int
    frames_per_s: float
    """Over the last second."""
    total: ChannelSummary
    """Sum of all channels."""
    round_trip_s: float | None
    """Latest measurement, as is the lag."""
    lag_s: float | None
    steps: tuple[Step, ...] = ()
    """The trading steps; empty on the real exchange."""


@attrs.frozen
class FeedSummary:
    """Results of a demonstration."""

    elapsed_s: float
    """From the first data of all channels to the end."""
    frame_count: int
    channels: tuple[ChannelSummary, ...]
    round_trips: Percentiles
    """From ping to pong."""
    lags: Percentiles
    """From the I/O thread to the callback."""
    errors: tuple[str, ...] = ()
    """Errors not related to a channel."""
    steps: tuple[Step, ...] = ()
    """The trading steps; empty on the real exchange."""
    trading_problem: str | None = None
    cut_count: int = 0
    """Intended disconnects of the demonstration: the expected number of gaps per channel."""
    was_interrupted: bool = False
    """Ended with Ctrl-C."""

    @property
    def problems(self) -> list[str]:
        """Reasons why the demonstration failed, as text; empty if it succeeded."""
        silent = [item.name for item in self.channels if not item.update_count]
        broken = [item for item in self.channels if len(item.gaps) > self.cut_count]
        uncut = [item for item in self.channels if len(item.gaps) < self.cut_count]
        wrong = [item.name for item in self.channels if item.mismatch_count]
        unverified = [item.name for item in self.channels if item.verified_count == 0]
        found = []
        if silent:
            found.append(
                f"no update of {', '.join(silent)} in {self.elapsed_s:.1f} s"
                " (a quiet market may need more --seconds)"
            )
        if broken:
            names = ", ".join(item.name for item in broken)
            found.append(f"gaps in {names} ({broken[0].gaps[self.cut_count]!r})")
        if uncut:
            names = ", ".join(item.name for item in uncut)
            found.append(f"the disconnect was not noticed by {names}")
        if self.trading_problem is not None:
            found.append(self.trading_problem)
        if wrong:
            found.append(f"wrong checksums of {', '.join(wrong)}")
        if unverified:
            found.append(f"no verified checksum of {', '.join(unverified)}")
        if self.errors:
            found.append(f"errors: {len(self.errors)}, the first: {self.errors[0]}")
        return found

    def text(self, *, is_roomy: bool = True, is_brief: bool = False) -> str:
        """
        Return lines of at most 60 ASCII characters; with `is_roomy` separated by empty lines.

        With `is_brief` a demonstration that traded leaves out its tables.
        """
        steps = [step.line for step in self.steps]
        tables = [] if is_brief and steps else [self._table(), self._latency()]
        parts = [steps, self._flow(), *tables, [self._verdict()]]
        gap = "\n\n" if is_roomy else "\n"
        return gap.join("\n".join(lines) for lines in parts if lines)

    def _flow(self) -> list[str]:
        rate = self.frame_count / self.elapsed_s if self.elapsed_s > 0 else 0.0
        return [
            f"{self.frame_count:,} frames in {self.elapsed_s:.1f} s ({rate:,.0f}/s)"
        ]

    def _table(self) -> list[str]:
        lines = [f"{'channel':<18}{'updates':>10}{'gaps':>6}{'checksums':>26}"]
        for channel in (*self.channels, total(self.channels)):
            checksums = ""
            if channel.verified_count is not None:
                checksums = f"{channel.verified_count:,} verified, {channel.mismatch_count:,} wrong"
            lines.append(
                f"{channel.name:<18}{channel.update_count:>10,}{len(channel.gaps):>6}"
                f"{checksums:>26}".rstrip()
            )
        return lines

    def _latency(self) -> list[str]:
        lines = [f"{'latency, ms':<30}{'p50':>10}{'p90':>10}{'p99':>10}"]
        for name, values in (
            (f"ping and pong ({self.round_trips.count:,})", self.round_trips),
            (f"I/O to callback ({self.lags.count:,})", self.lags),
        ):
            texts = map(ms_text, (values.p50, values.p90, values.p99))
            lines.append(f"{name:<30}" + "".join(f"{text:>10}" for text in texts))
        return lines

    def _verdict(self) -> str:
        if self.was_interrupted:
            return "Ended with Ctrl-C."
        if self.problems:
            return f"Problems: {len(self.problems)}."
        if self.steps:
            return "All good: orders filled, disconnect healed, checksums match."
        return "All good: updates in every channel, no gap, checksums match."
