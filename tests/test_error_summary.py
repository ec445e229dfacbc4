"""The line about errors since the last cell."""

from __future__ import annotations

from threading import Thread

from bfxsync.notebook.error_summary import ErrorSummary


def test_without_errors_there_is_no_line():
    summary = ErrorSummary()
    assert summary.take() == ""
    summary.add("ticker tBTCUSD", ValueError("x"))
    assert summary.take()
    assert summary.take() == ""


def test_errors_are_counted_by_what_failed_and_class():
    summary = ErrorSummary()
    summary.add("ticker tBTCUSD", ValueError("first"))
    assert summary.take() == (
        "bfxsync: 1 error in the background since the last cell: ticker tBTCUSD: ValueError: first"
    )
    for text in ("second", "third"):
        summary.add("ticker tBTCUSD", ValueError(text))
    summary.add("trades tETHUSD", KeyError("k"))
    assert summary.take() == (
        "bfxsync: 3 errors in the background since the last cell: "
        "ticker tBTCUSD: ValueError: third (2 times); trades tETHUSD: KeyError: 'k'"
    )


def test_threads_count_together():
    summary = ErrorSummary()
    summary.add("ticker", ValueError("x"))
    thread = Thread(target=summary.add, args=("ticker", ValueError("x")))
    thread.start()
    thread.join()
    assert summary.take().endswith("ticker: ValueError: x (2 times)")


def test_many_kinds_take_one_line():
    summary = ErrorSummary()
    for number in range(5):
        summary.add(f"ticker {number}", ValueError("a\nb" * 100))
    line = summary.take()
    assert "\n" not in line and line.endswith("; 3 more kinds")
    assert len(line) < 400


def test_kinds_without_end_take_no_memory():
    summary = ErrorSummary()
    for number in range(1_500):
        summary.add(f"ticker {number}", ValueError("x"))
    assert len(summary._texts) <= 1_001
    assert summary.take().startswith("bfxsync: 1500 errors")
