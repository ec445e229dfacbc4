"""What the run against the Autobahn suite makes of its report; the run itself is in .ci/run."""

from __future__ import annotations

import json

import pytest

from .run import AGENT, GROUPS, Case, complaints, read_index, rst, table

ALL_WELL = [Case(f"{group}.1", "OK", "OK") for group in GROUPS]


def test_run_in_which_every_case_passed_is_a_success() -> None:
    report = ALL_WELL + [Case("7.1.6", "INFORMATIONAL", "INFORMATIONAL")]
    assert complaints(report, len(report)) == []


@pytest.mark.parametrize(
    ("behavior", "close_behavior"),
    [
        ("FAILED", "OK"),
        ("OK", "FAILED"),
        ("NON-STRICT", "OK"),
        ("OK", "WRONG CODE"),
        ("OK", "UNCLEAN"),
        ("INFORMATIONAL", "FAILED"),
        ("UNIMPLEMENTED", "OK"),
    ],
)
def test_case_that_did_not_pass_is_named(behavior: str, close_behavior: str) -> None:
    report = [*ALL_WELL, Case("6.4.2", behavior, close_behavior)]
    (complaint,) = complaints(report, len(report))
    assert complaint == f"case 6.4.2: {behavior}, its end {close_behavior}"


def test_cases_that_were_not_run_are_missed() -> None:
    assert complaints(ALL_WELL, 10) == ["9 of 10 cases were run"]
    assert complaints(ALL_WELL[:-1], 8) == ["group 10: no case was run"]
    assert complaints([], 0) == [f"group {group}: no case was run" for group in GROUPS]


def test_index_is_read() -> None:
    result = {"behavior": "OK", "behaviorClose": "FAILED", "duration": 3}
    assert read_index(json.dumps({AGENT: {"1.1.1": result}})) == [
        Case("1.1.1", "OK", "FAILED")
    ]
    assert read_index(json.dumps({"somebody else": {"1.1.1": result}})) == []


def test_table_counts_the_results_of_each_group() -> None:
    cases = [
        Case("1.1.1", "OK", "OK"),
        Case("1.1.2", "FAILED", "OK"),
        Case("7.1.6", "INFORMATIONAL", "INFORMATIONAL"),
        Case("10.1.1", "OK", "OK"),
    ]
    rows = {row[0]: row[2:] for row in table(cases)}
    assert list(rows) == ["group", *GROUPS, "all"]
    assert rows["1"] == ["2", "1", "0", "1"]
    assert rows["7"] == ["1", "0", "1", "0"]
    assert rows["9"] == ["0", "0", "0", "0"]
    assert rows["10"] == ["1", "1", "0", "0"]
    assert rows["all"] == ["4", "2", "1", "1"]


def test_table_is_restructured_text() -> None:
    assert rst([["group", "OK"], ["10", "1"], ["all", "12"]]).splitlines() == [
        "=====  ==",
        "group  OK",
        "=====  ==",
        "10     1",
        "all    12",
        "=====  ==",
    ]
