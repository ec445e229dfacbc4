"""Which errors are retried, and after which a write may have been executed: the table itself."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from bfxsync.errors import (
    ApiError,
    AuthError,
    BfxError,
    ClosedError,
    NetworkError,
    NonceTooSmall,
    NotReady,
    RateLimited,
    RemoteError,
    RequestTimeout,
)
from bfxsync.rest.http import retry_policy
from bfxsync.rest.http.retry_policy import (
    MAX_ATTEMPTS,
    RequestKind,
    Retries,
    is_uncertain,
    kind_of,
    may_repeat,
    unknown_outcome,
)

ORDER, WRITE, READ = RequestKind.ORDER, RequestKind.WRITE, RequestKind.READ


def of_status(error: BfxError, status: int) -> BfxError:
    error.http_status = status
    return error


@pytest.mark.parametrize(
    "method, path, kind",
    [
        ("GET", "auth/w/order/submit", READ),
        ("POST", "calc/fx", READ),
        ("POST", "auth/r/orders", READ),
        ("POST", "auth/calc/order/avail", READ),
        ("POST", "auth/w/order/submit", ORDER),
        ("POST", "auth/w/orders", WRITE),
        ("POST", "auth/w/transfer", WRITE),
        ("POST", "ext/pay/invoice/create", WRITE),
    ],
)
def test_kind_follows_from_method_and_path(
    method: str, path: str, kind: RequestKind
) -> None:
    assert kind_of(method, path) is kind


def test_orders_are_sent_before_other_writes_and_these_before_reads() -> None:
    assert sorted([READ, WRITE, ORDER]) == [ORDER, WRITE, READ]


# Error, whether a read is repeated, whether a write is, whether the write is uncertain.
ERRORS: Any = [
    (NetworkError("no", phase="connect"), True, True, False),
    (NetworkError("no", phase="send"), True, False, True),
    (NetworkError("no", phase="receive"), True, False, True),
    (RequestTimeout("no", phase="connect"), True, True, False),
    (RequestTimeout("no", phase="receive"), True, False, True),
    (RateLimited("no", code=11010), True, True, False),
    (of_status(RateLimited("no"), 429), True, True, False),
    (NonceTooSmall("no", code=10114), True, True, False),
    (NotReady("no", code=11000), True, True, False),
    (NotReady("no", code=10008), True, False, False),
    (NotReady("no", code=20060), True, False, False),
    (of_status(NotReady("no", code=503), 503), True, False, True),
    (of_status(NotReady("no"), 408), True, False, True),
    (of_status(NotReady("no"), 502), True, False, True),
    (RemoteError("no"), False, False, True),
    (of_status(RemoteError("no"), 404), False, False, True),
    (ApiError("no", code=10000), False, False, True),
    (ApiError("no", code=10001), False, False, False),
    (of_status(ApiError("no", code=1000), 500), False, False, False),
    (of_status(ApiError("no", code=999), 500), False, False, True),
    (of_status(ApiError("no", code=500), 400), False, False, False),
    (of_status(ApiError("no"), 200), False, False, True),
    (of_status(ApiError("no"), 399), False, False, True),
    (of_status(ApiError("no"), 400), False, False, False),
    (of_status(ApiError("no"), 408), False, False, True),
    (of_status(ApiError("no"), 499), False, False, False),
    (of_status(ApiError("no"), 500), False, False, True),
    (ApiError("no"), False, False, True),
    (AuthError("no", code=10100), False, False, False),
    (ClosedError("no"), False, False, False),
]


def described(error: BfxError) -> str:
    names = ("phase", "code", "http_status")
    return "-".join(
        [type(error).__name__, *(str(getattr(error, n, "")) for n in names)]
    )


EVERY_ERROR = pytest.mark.parametrize(
    "error, read, write, uncertain", ERRORS, ids=[described(row[0]) for row in ERRORS]
)


@EVERY_ERROR
def test_reads_are_repeated_more_often_than_writes(
    error: BfxError, read: bool, write: bool, uncertain: bool
) -> None:
    assert may_repeat(error, READ) is read
    assert may_repeat(error, WRITE) is write
    assert may_repeat(error, ORDER) is write


@EVERY_ERROR
def test_no_write_that_may_have_been_executed_is_repeated(
    error: BfxError, read: bool, write: bool, uncertain: bool
) -> None:
    assert is_uncertain(error) is uncertain
    assert not (write and uncertain)


@pytest.mark.parametrize(
    "error, phase",
    [
        (NetworkError("cut", phase="send"), "send"),
        (NetworkError("cut", phase="receive"), "receive"),
        (RemoteError("odd", raw=[5]), "receive"),
        (ApiError("odd", code=10000, raw=[5]), "receive"),
    ],
    ids=repr,
)
def test_unknown_outcome_has_all_that_is_known(error: BfxError, phase: str) -> None:
    error.endpoint, error.http_status = "auth/w/transfer", 500
    unknown = unknown_outcome(error)
    assert (unknown.phase, unknown.raw) == (phase, getattr(error, "raw", None))
    assert (unknown.endpoint, unknown.http_status) == ("auth/w/transfer", 500)
    assert str(error) in str(unknown)


# --- the attempts of one call -------------------------------------------------------------------


@pytest.fixture(autouse=True)
def delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the delay before an attempt be as many seconds as there were."""
    monkeypatch.setattr(retry_policy, "_delay_s", float)


def retries(
    kind: RequestKind = READ,
    *,
    is_signed: bool = True,
    total_s: float = 30.0,
    max_wait_s: Optional[float] = None,
) -> Retries:
    return Retries(kind, is_signed, total_s, max_wait_s)


def test_delays_and_requests_use_up_the_total_time() -> None:
    attempts = retries(total_s=10.0)
    cut = NetworkError("cut", phase="receive")
    assert attempts.delay_after(cut, 1.5, False) == 1.0
    assert attempts.remaining_s == 7.5
    assert attempts.delay_after(cut, 5.5, False) is None
    assert attempts.remaining_s == 0.0


def test_request_is_sent_so_many_times_at_most() -> None:
    attempts = retries()
    cut = NetworkError("cut", phase="receive")
    found = [attempts.delay_after(cut, 0.0, False) for _ in range(MAX_ATTEMPTS)]
    assert found == [1.0, 2.0, 3.0, None]


@pytest.mark.parametrize(
    "error, was_idle, delay_s, is_new",
    [
        (NetworkError("cut", phase="receive"), True, 0.0, True),
        (NetworkError("cut", phase="receive"), False, 1.0, True),
        (RequestTimeout("late", phase="receive"), True, 1.0, True),
        (NotReady("wait", code=11000), True, 1.0, False),
    ],
    ids=str,
)
def test_only_a_connection_that_was_idle_is_replaced_at_once(
    error: BfxError, was_idle: bool, delay_s: float, is_new: bool
) -> None:
    attempts = retries()
    assert attempts.delay_after(error, 0.0, was_idle) == delay_s
    assert attempts.needs_new_connection is is_new
    # Once is enough: another answer does not bring the connection back.
    attempts.delay_after(NotReady("wait", code=11000), 0.0, False)
    assert attempts.needs_new_connection is is_new


def test_refused_nonce_is_replaced_once_and_only_of_a_signed_call() -> None:
    error = NonceTooSmall("small", code=10114)
    attempts = retries(WRITE)
    assert not attempts.is_nonce_retry
    assert attempts.delay_after(error, 0.0, False) == 0.0
    assert attempts.is_nonce_retry
    assert attempts.delay_after(error, 0.0, False) is None
    assert retries(is_signed=False).delay_after(error, 0.0, False) is None
    assert retries(total_s=1.0).delay_after(error, 1.0, False) is None
    assert retries(total_s=1.0).delay_after(error, 0.9, False) == 0.0


@pytest.mark.parametrize(
    "max_wait_s, waited_s, block_s, is_final",
    [
        (60.0, 0.0, 60.0, False),
        (60.0, 0.0, 60.1, True),
        (60.0, 1.0, 60.0, True),
        (0.0, 0.0, 1.0, True),
        (None, 1e6, 3600.0, False),
        (None, 0.0, 3600.1, True),
    ],
)
def test_block_is_waited_for_within_what_may_be_waited(
    max_wait_s: Optional[float], waited_s: float, block_s: float, is_final: bool
) -> None:
    attempts = retries(WRITE, max_wait_s=max_wait_s, total_s=0.5)
    attempts.count_wait(waited_s)
    error = RateLimited("wait", retry_after_s=block_s)
    # The time of the request itself does not matter: the block is waited for apart from it.
    assert attempts.delay_after(error, 1.0, False) == (None if is_final else 0.0)
