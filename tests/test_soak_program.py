"""The soak notices what it is there for: growth, losses, differences, and what is left behind."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from bfxsync import Degraded, Gap, Snapshot, Trade

pytest.importorskip("resource", reason="the benchmarks are for Unix")
if not sys.platform.startswith("linux"):
    pytest.skip("the soak reads /proc", allow_module_level=True)

pytestmark = pytest.mark.once
ROOT = Path(__file__).parent.parent
# They stay there: the client's process imports them, too.
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT)]

import soak  # noqa: E402
from soak_channels import missing, requests, watch_for  # noqa: E402
from soak_checks import MOST_SKIPPED_ROUNDS, Books  # noqa: E402
from soak_trend import ALLOWED, trend  # noqa: E402

from bfxsync.paper import PaperExchange  # noqa: E402

HOUR = [5.0 * number for number in range(720)]


def noise(size, seed=1):
    chance = random.Random(seed)
    return [chance.gauss(0.0, size) for _ in HOUR]


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_growth(seed):
    found = trend(HOUR, [60_000.0 + each for each in noise(500.0, seed)])
    assert found is not None and not found.is_leak(ALLOWED["malloc_kb"])


@pytest.mark.parametrize("seed", range(20))
def test_growth_in_noise_is_found(seed):
    # Three megabytes in the hour, with bursts of ten.
    values = [60_000.0 + 3_000.0 * at / HOUR[-1] for at in HOUR]
    values = [a + b for a, b in zip(values, noise(500.0, seed))]
    values[100:110] = [value + 10_000.0 for value in values[100:110]]
    found = trend(HOUR, values)
    assert found is not None and found.is_leak(ALLOWED["malloc_kb"])
    assert found.low < 3_000.0 < found.high + 300.0


def test_a_burst_of_threads_is_no_growth():
    values = [30.0] * 720
    values[300:360] = [45.0] * 60
    found = trend(HOUR, values)
    assert found is not None and not found.is_leak(ALLOWED["threads"])


def test_two_threads_left_behind_are_growth():
    found = trend(HOUR, [30.0 + number // 360 for number in range(720)])
    assert found is not None and found.high >= 1.0
    found = trend(HOUR, [30.0 + number // 100 for number in range(720)])
    assert found is not None and found.is_leak(ALLOWED["threads"])


def test_few_samples_say_nothing():
    assert trend(HOUR[:20], [1.0] * 20) is None


def test_there_are_250_different_channels():
    found = requests(250)
    assert len({tuple(each.items()) for each in found}) == 250
    assert len({each["channel"] for each in found}) == 5
    kinds = {(each["prec"], each["symbol"][0]) for each in found if "prec" in each}
    assert len(kinds) == 12
    with pytest.raises(ValueError, match="at most"):
        requests(1_000)


def trade(id):
    return Trade(id=id, mts=1, amount=1.0, price=1.0)


@pytest.mark.parametrize(
    "items, complaint",
    [
        ([Snapshot([]), trade(1), trade(2)], None),
        ([Snapshot([]), trade(1), Gap("lost"), Snapshot([trade(1)]), trade(2)], None),
        ([Snapshot([]), trade(1), trade(1)], "trade 1 after 1"),
        ([Snapshot([]), trade(2), trade(1)], "trade 1 after 2"),
        ([Snapshot([trade(3)]), trade(3)], "trade 3 after 3"),
        ([trade(1)], "an update without a snapshot"),
        ([Snapshot([]), Gap("lost"), trade(1)], "an update without a snapshot"),
        ([Snapshot([]), Snapshot([])], "a snapshot without a gap"),
        ([Snapshot([]), Degraded("wrong"), 5], None),
    ],
)
def test_the_contract_of_a_subscription_is_checked(items, complaint):
    found = []
    channel = "trades" if complaint or items[-1] != 5 else "ticker"
    watch = watch_for({"channel": channel, "symbol": "tBTCUSD"}, found.append)
    for item in items:
        is_event = isinstance(item, (Snapshot, Gap, Degraded))
        (watch.on_event if is_event else watch)(item)
    assert [each.partition(": ")[2][: len(complaint or "")] for each in found] == (
        [] if complaint is None else [complaint]
    )


@pytest.mark.parametrize(
    "log, last, lost, newest",
    [
        ([("start", 3), ("trade", 4), ("trade", 5)], None, [], 5),
        ([("trade", 6)], 5, [], 6),
        ([("trade", 7)], 5, [6], 7),
        ([("trade", 4), ("start", 6), ("trade", 7)], 3, [], 7),
        ([("trade", 4), ("start", 6), ("trade", 8)], 3, [7], 8),
        ([], 5, [], 5),
    ],
)
def test_trades_missing_without_a_gap_are_found(log, last, lost, newest):
    assert missing(log, last, list(range(1, 10))) == (lost, newest)


def test_a_book_unlike_that_of_the_exchange_is_found():
    channels = [each for each in requests(40) if each["channel"] == "book"]
    with PaperExchange(rate=1e-3) as exchange:

        def answer(name, numbers):
            found = {}
            for number in numbers:
                request = channels[number]
                fields = {key: request[key] for key in ("prec", "len")}
                found[number] = exchange.book(request["symbol"], **fields)
            if spoiled and 2 in found:
                found[2][0][0][-1] += 1.0
            if spoiled and 3 in found:
                found[3] = None
            return found

        spoiled = False
        books = Books(exchange, answer, channels)
        assert books.check(0.0) == []
        assert books.compared_count == len(channels) and not books.skipped_count
        spoiled = True
        assert not books.neglected()
        (complaint,) = books.check(0.0)
        assert complaint.startswith("the book book ") and books.skipped_count == 2
        for _ in range(MOST_SKIPPED_ROUNDS - 1):
            assert not books.neglected()
            books.check(0.0)
        assert len(books.neglected()) == 2


SHORT = ["--subscriptions", "40", "--sample-every", "0.2", "--fault-every", "0.5"]
SHORT += ["--orders-every", "0.2", "--print-every", "5", "--warm-up", "0"]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_sound_client_passes(capfd, tmp_path):
    file = tmp_path / "soak.jsonl"
    arguments = ["--seconds", "20", "--round", "10", "--json", str(file), *SHORT]
    # In so short a time the memory has not settled.
    arguments += ["--warm-up", "10000"]
    assert soak.main(arguments) == 0, capfd.readouterr().out
    assert capfd.readouterr().out.endswith("no failure\n")
    assert len(file.read_text().splitlines()) >= 3


@pytest.mark.long
@pytest.mark.timeout(600)
def test_every_mistake_of_a_broken_client_fails(capfd):
    arguments = ["--seconds", "20", "--round", "10", *SHORT]
    assert soak.main([*arguments, "--broken", *soak.BREAKS]) == 1
    out = capfd.readouterr().out
    for complaint in (
        "malloc_kb grows",
        "rss_kb grows",
        "threads grows",
        "descriptors grows",
        "is not the exchange's",
        "missing without a gap",
        "sent twice",
        "an unexpected error: KeyError",
        "not live at the end: ticker tBTCUSD",
        "an update without a snapshot",
        "threads left after close(): ",
        "descriptors left after close()",
    ):
        assert complaint in out, (complaint, out)
