from __future__ import annotations

import attrs
import pytest

from bfxsync.cli.summary import (
    ChannelSummary,
    FeedSummary,
    Percentiles,
    Samples,
    Step,
    total,
)

GOOD = FeedSummary(
    elapsed_s=10.0,
    frame_count=12345,
    channels=(
        ChannelSummary("tBTCUSD ticker", 196),
        ChannelSummary("tBTCUSD trades", 29),
        ChannelSummary("tBTCUSD book", 5123, (), 78, 0),
    ),
    round_trips=Percentiles(50, 0.0005, 0.001, 0.25),
    lags=Percentiles(0, None, None, None),
)


def test_percentiles_are_samples_themselves() -> None:
    samples = Samples()
    for value in range(200, 0, -1):
        samples.add(value)
    assert samples.percentiles() == Percentiles(200, 100, 180, 198)
    assert samples.last == 1


def test_one_sample_is_every_percentile() -> None:
    samples = Samples()
    samples.add(0.5)
    assert samples.percentiles() == Percentiles(1, 0.5, 0.5, 0.5)


def test_there_may_be_no_sample() -> None:
    assert Samples().percentiles() == Percentiles(0, None, None, None)
    assert Samples().last is None


def test_samples_are_bounded() -> None:
    samples = Samples()
    for value in range(100_010):
        samples.add(value)
    assert len(samples) == 100_000
    assert samples.last == 100_009


def test_all_channels_together() -> None:
    one = ChannelSummary("one", 1, ("cut",), 2, 3)
    other = ChannelSummary("other", 10, ("lost",))
    assert total([one, other]) == ChannelSummary("all", 11, ("cut", "lost"), 2, 3)


def test_the_text_is_for_any_terminal() -> None:
    lines = GOOD.text().splitlines()
    assert all(line.isascii() and len(line) <= 60 for line in lines)
    assert lines[0] == "12,345 frames in 10.0 s (1,234/s)"
    assert lines[5].split() == "tBTCUSD book 5,123 0 78 verified, 0 wrong".split()
    assert lines[6].split() == "all 5,348 0 78 verified, 0 wrong".split()
    assert lines[9].split() == "ping and pong (50) 0.50 1.00 250".split()
    assert lines[10].split() == "I/O to callback (0) - - -".split()
    assert lines[-1].startswith("All good")
    assert GOOD.problems == []


def test_the_text_of_all_channels_fits_into_fifteen_lines() -> None:
    channels = (*GOOD.channels, *GOOD.channels)
    text = attrs.evolve(GOOD, channels=channels).text(is_roomy=False)
    # One is for the next step, and one for the prompt.
    assert len(text.splitlines()) <= 15 - 2
    assert "" not in text.splitlines()


@pytest.mark.parametrize(
    "channel, problem",
    [
        (
            ChannelSummary("tBTCUSD trades", 0),
            "no update of tBTCUSD trades in 10.0 s"
            " (a quiet market may need more --seconds)",
        ),
        (
            ChannelSummary("tBTCUSD ticker", 5, ("the link was lost", "again")),
            "gaps in tBTCUSD ticker ('the link was lost')",
        ),
        (
            ChannelSummary("tBTCUSD book", 5, (), 7, 1),
            "wrong checksums of tBTCUSD book",
        ),
        (
            ChannelSummary("tBTCUSD book", 5, (), 0, 0),
            "no verified checksum of tBTCUSD book",
        ),
    ],
    ids=["silent", "gap", "mismatch", "unverified"],
)
def test_one_bad_channel_is_a_problem(channel: ChannelSummary, problem: str) -> None:
    summary = attrs.evolve(GOOD, channels=(*GOOD.channels, channel))
    assert summary.problems == [problem]
    assert summary.text().endswith("Problems: 1.")


def test_other_errors_are_problems_too() -> None:
    summary = attrs.evolve(GOOD, errors=("unreadable", "again"))
    assert summary.problems == ["errors: 2, the first: unreadable"]


def test_an_interrupted_run_gets_no_verdict() -> None:
    summary = attrs.evolve(GOOD, was_interrupted=True, elapsed_s=0.0)
    assert summary.text().endswith("Ended with Ctrl-C.")


TRADED = attrs.evolve(
    GOOD,
    channels=tuple(attrs.evolve(item, gaps=("cut",)) for item in GOOD.channels),
    steps=(
        Step("before", "100,000.00 USD 10.0000 BTC"),
        Step("limit", "buy 0.1000 BTC at 64,261"),
        Step("", "filled 64,261 fee 0.0001 BTC"),
    ),
    cut_count=1,
)


def test_trades_come_first_and_fit_into_a_small_terminal() -> None:
    lines = TRADED.text(is_roomy=False).splitlines()
    assert lines[:3] == [
        "before 100,000.00 USD 10.0000 BTC",
        "limit  buy 0.1000 BTC at 64,261",
        "       filled 64,261 fee 0.0001 BTC",
    ]
    assert all(line.isascii() and len(line) <= 60 for line in lines)
    assert lines[-1].startswith("All good: orders filled, disconnect healed")
    brief = TRADED.text(is_roomy=False, is_brief=True).splitlines()
    assert brief == [*lines[:4], lines[-1]]


def test_a_gap_that_was_not_forced_is_a_problem() -> None:
    channels = (*TRADED.channels, ChannelSummary("tETHUSD ticker", 5, ("cut", "more")))
    summary = attrs.evolve(TRADED, channels=channels)
    assert summary.problems == ["gaps in tETHUSD ticker ('more')"]


def test_a_disconnect_that_went_unnoticed_is_a_problem() -> None:
    channels = (*TRADED.channels, ChannelSummary("tETHUSD ticker", 5))
    summary = attrs.evolve(TRADED, channels=channels)
    assert summary.problems == ["the disconnect was not noticed by tETHUSD ticker"]


def test_trading_that_failed_is_a_problem() -> None:
    summary = attrs.evolve(TRADED, trading_problem="the order was not filled")
    assert summary.problems == ["the order was not filled"]
    assert summary.text().endswith("Problems: 1.")
