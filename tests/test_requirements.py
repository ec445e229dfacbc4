"""Each promise of the README, clause by clause, with tests that carry its number in their names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent

NUMBERS = [f"r{number:02}" for number in range(1, 18)]

CLAUSES: dict[str, dict[str, str]] = {
    "r01": {
        "no unexpected close": "a_thousand_connections_survive_sending_threads",
        "the same, short": "a_stream_in_pieces_survives_sending_threads",
        "one thread calls into the socket": "only_the_io_thread_touches_the_socket",
    },
    "r02": {
        "a ping after 25 s": "ping_is_due_after_25_s_of_silence",
        "stale after 35 s": "socket_is_stale_after_35_s_of_silence",
        "both are options": "socket_has_both_times_as_options",
        "for real, with is_stale": "data_resumes_after_a_silent_exchange",
        "a longer outage": "an_outage_of_a_few_back_offs_ends_with_the_outage",
        "one silent channel": "one_silent_channel_alone_is_resubscribed",
    },
    "r03": {
        "any cut of a recording": "cuts_anywhere",
        "the same, on a socket": "a_recording_survives_two_hundred_cuts",
        "the account's too": "an_account_survives_many_cuts",
        "gap, snapshot, updates": "gap_then_snapshot_then_updates_for_every_subscription",
        "arguments as given": "request_after_a_recovery_differs_only_in_its_sub_id",
    },
    "r04": {
        "every close code": "every_close_code_is_retried",
        "no code": "a_close_frame_without_a_code_is_retried",
        "no close frame": "an_end_without_close_frame_is_retried",
        "names": "a_name_that_cannot_be_resolved_is_retried",
        "refused connections": "refused_connections_are_retried",
        "certificates": "a_certificate_that_cannot_be_trusted_is_retried",
        "HTTP statuses": "refused_handshakes_are_retried",
        "jitter to a second": "the_first_delay_has_full_jitter_to_a_second",
        "a cap": "the_bound_doubles_up_to_a_minute",
        "429": "after_too_many_requests_there_is_a_minute_of_peace",
        "refused keys end it": "r13_a_refused_login_ends_the_client_or_is_repeated",
        "versions end it": "another_version_ends_the_client_and_run_raises_it",
        "20051": "a_restart_is_followed_by_a_new_connection",
        "20060 and 20061": "maintenance_is_reported_and_followed_by_a_resync",
        "20061 never comes": "maintenance_that_does_not_end_costs_the_connection",
    },
    "r05": {
        "no window has more": "no_window_ever_has_more_than_the_budget",
        "all clients": "clients_of_a_process_share_the_budget",
        "loopback": "this_machine_is_not_counted_unless_that_is_asked_for",
        "a pool keeps the pace": "opens_of_a_pool_keep_the_pace",
        "further connections": "250_channels_fill_ten_connections",
        "the account apart": "the_account_has_a_connection_of_its_own",
        "10305": "250_channels_learn_a_lower_limit_twice",
        "one loss": "a_lost_connection_touches_its_own_channels_only",
        "empty ones": "emptied_connections_close_and_open_again",
        "nothing is left": "r09_churn_under_faults_leaves_nothing",
    },
    "r06": {
        "8 threads": "80_000_signed_calls_of_8_threads_arrive_in_nonce_order",
        "the same, short": "signed_calls_of_8_threads_arrive_in_nonce_order",
        "both transports": "refused_nonces_of_both_transports_are_retried",
        "the clock": "clock_set_back_an_hour_changes_nothing",
        "2^53 - 1": "nonce_is_at_most_what_a_double_holds",
        "two processes": "two_processes_share_a_key_through_a_file",
        "rising in both": "nonces_of_two_processes_rise_and_are_unique",
    },
    "r07": {
        "codes": "refused_order_is_rejected",
        "each cut of the link": "what_is_believed_is_what_happened",
        "each outcome, counted": "what_is_concluded_is_what_the_exchange_has",
        "never sent twice": "only_what_never_left_may_be_sent_again",
        "absent, inferred": "order_that_never_arrived_is_absent_after_asking_twice",
    },
    "r08": {
        "changes nothing": "a_raising_callback_changes_nothing_for_others",
        "reported once": (
            "a_raising_callback_is_reported_once_with_its_traceback_then_counted"
        ),
        "sleeps": "a_callback_that_sleeps_a_minute_costs_the_others_nothing",
        "blocks, short": "a_callback_that_blocks_leaves_the_others_running",
    },
    "r09": {
        "one block beyond": "a_burst_exceeds_the_size_only_by_one_block",
        "kept whole": "a_burst_that_finds_an_empty_mailbox_is_kept_whole",
        "exact drops": "read_and_dropped_items_add_up_to_all",
        "no traffic": "a_stopped_callback_costs_only_what_it_does_not_take",
        "readers": "a_reader_that_has_stopped_is_bounded_and_counted",
        "no slope": "nothing_has_a_slope_in_five_minutes_of_random_faults",
        "the same, short": "nothing_grows_under_random_faults",
    },
    "r10": {
        "any state": "it_closes_in_time_from_any_state",
        "connecting": "close_returns_in_time_while_it_connects",
        "any thread": "close_from_another_thread_ends_run",
        "a callback": "close_from_a_callback_ends_run",
        "idempotent": "close_is_idempotent_and_works_before_the_start",
        "100 cycles": "a_hundred_cycles_leave_no_thread_and_no_descriptor",
        "Ctrl-C": "ctrl_c_in_run_ends_within_two_seconds",
        "garbage": "an_abandoned_client_ends_its_threads_with_a_warning",
        "cells": "running_a_notebook_cell_again_leaves_one_client",
        "forks": "the_child_says_so_and_the_parent_is_not_disturbed",
    },
    "r11": {
        "at every cs": "checksums_are_equal_at_every_cs_in_every_precision_and_length",
        "captured": "checksums_along_a_recorded_run_are_those_of_its_levels",
        "funding": "checksums_of_funding_books_are_not_compared",
        "one snapshot": "a_wrong_book_is_replaced_by_one_snapshot",
        "whole frames": "readers_see_only_states_after_a_whole_message",
        "a budget": "budget_is_5_within_300_s",
        "degraded": "unhealed_book_continues_and_is_degraded_once",
    },
    "r12": {
        "every field": "everything_sent_is_in_its_field",
        "floats": "every_finite_float_means_what_was_sent",
        "Decimals": "decimal_keeps_every_digit",
        "no exponent": "number_out_is_plain_decimal_text",
        "in amounts": "amount_leaves_without_an_exponent",
        "five digits": "price_of_more_digits_raises_unless_it_may_be_rounded",
        "null": "null_is_none_or_an_error_and_never_zero",
        "missing": "row_may_end_after_what_must_be_there",
    },
    "r13": {
        "codes": "code_decides_the_class",
        "retryable": "retryable_is_what_may_succeed_later_without_a_change",
        "of REST": "code_decides_whatever_the_status",
        "rate limits": "rate_limit_in_any_form",
        "HTML and nothing": "unreadable_answer",
        "no text": "no_decision_reads_the_text_of_a_message",
    },
    "r14": {
        "appended to rows": "appended_columns_change_no_field",
        "to updates": "unknown_fields_at_the_end_of_an_update_change_nothing",
        "to snapshots": "unknown_fields_at_the_end_of_a_snapshot_change_nothing",
        "nulls": "null_in_an_optional_place_is_none_and_never_0",
        "fuzzed frames": "fuzzed_frames_give_typed_errors_only_and_others_go_on",
        "the thread lives on": "hostile_frame_is_reported_once_and_the_rest_goes_on",
    },
    "r15": {
        "output": "no_secret_in_any_output",
        "a whole run": "a_run_with_a_key_shows_no_secret",
        "recordings": "no_secret_is_in_a_recording",
        "reprs": "signers_are_not_shown_by_what_holds_them",
        "tokens": "token_shows_in_no_repr",
    },
    "r16": {
        "processor time": "a_quiet_connection_costs_less_than_half_a_percent",
        "wake-ups": "a_quiet_connection_wakes_up_for_its_heartbeats_and_nothing_else",
    },
    "r17": {
        "README and docs": "every_snippet_runs",
        "examples": "every_example_runs",
    },
}
"""By number: what it says, and the name of a test without the number."""


def numbered_tests() -> dict[str, set[Path]]:
    """Return the names of all tests that carry a number, with their files."""
    tests: dict[str, set[Path]] = {}
    for path in HERE.rglob("test_*.py"):
        text = path.read_text()
        if not re.search(r"def test_r\d\d_", text):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and re.match(
                r"test_r\d\d_", node.name
            ):
                tests.setdefault(node.name, set()).add(path)
    return tests


TESTS = numbered_tests()


def carries(number: str, name: str) -> list[str]:
    """Return the tests of this name that carry the number, alone or beside another one."""
    pattern = re.compile(rf"test_(r\d\d_)*{number}_(r\d\d_)*{re.escape(name)}")
    other = re.compile(rf"test_{number}_{re.escape(name)}")
    return [test for test in TESTS if pattern.fullmatch(test) or other.fullmatch(test)]


def test_every_requirement_has_clauses() -> None:
    assert list(CLAUSES) == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_every_clause_has_a_test_with_its_number(number: str) -> None:
    missing = [
        (clause, name)
        for clause, name in CLAUSES[number].items()
        if not carries(number, name)
    ]
    assert missing == []


def test_no_number_is_unknown() -> None:
    found = {number for test in TESTS for number in re.findall(r"(?<=_)r\d\d", test)}
    assert found == set(NUMBERS)
