"""The authentication of sockets: what is sent, what is tried again, what ends the client."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest

from bfxsync._base.enums import LossCause
from bfxsync.auth.signer import Signer
from bfxsync.errors import AuthError, NetworkError, NonceTooSmall, UsageError
from bfxsync.wire.authentication import (
    NONCE_RETRIES,
    REFUSAL_RETRIES,
    Authentication,
)
from bfxsync.wire.capabilities import Capabilities
from bfxsync.wire.commands import SendAuth
from bfxsync.wire.outputs import (
    Authenticate,
    Authenticated,
    Fail,
    KeyPermissions,
    Reopen,
    Report,
    Send,
)

TIMEOUT_S = 10.0

EVENT = {"event": "auth", "apiKey": "fake-key", "authNonce": 1, "authSig": "fake"}
CAPS = {"orders": {"read": 1, "write": 0}}
OK = {"event": "auth", "status": "OK", "chanId": 0, "userId": 7, "caps": CAPS}

NONCE_SMALL, KEY_INVALID, DIGEST_INVALID, NOT_READY = 10114, 10100, 10112, 11000


def refusal(code: Any, status: str = "FAILED") -> Dict[str, Any]:
    return {"event": "auth", "status": status, "chanId": 0, "code": code, "msg": "no"}


def attempt(authentication: Authentication, body: Dict[str, Any]) -> List[Any]:
    """Take another socket as far as the response to its auth."""
    authentication.lose()
    assert authentication.start(0.0) == [Authenticate()]
    (sent,) = authentication.send(SendAuth(EVENT), 0.0)
    assert isinstance(sent, Send)
    return authentication.handle(body)


@pytest.mark.parametrize(
    "options, extra",
    [
        ({}, {}),
        ({"dms": True}, {"dms": 4}),
        ({"filters": ("trading",)}, {"filter": ["trading", "notify"]}),
        (
            {"filters": ("notify", "wallet"), "dms": True},
            {"filter": ["notify", "wallet"], "dms": 4},
        ),
    ],
    ids=["plain", "dms", "filter", "both"],
)
def test_options_are_added_to_the_signed_event(options, extra):
    authentication = Authentication(TIMEOUT_S, **options)
    assert authentication.start(0.0) == [Authenticate()]
    (sent,) = authentication.send(SendAuth(EVENT), 0.0)
    assert json.loads(sent.text) == {**EVENT, **extra}
    permissions = KeyPermissions(Capabilities(CAPS))
    assert authentication.handle(OK) == [permissions, Authenticated(OK)]
    assert authentication.is_done and authentication.has_succeeded


def test_a_signed_event_and_its_secrets_are_not_shown():
    event = Signer("fake-key", "fake-secret").auth_event()
    shown = repr(SendAuth(event))
    assert event["authSig"] not in shown and "fake-key" not in shown


def test_each_socket_asks_for_one_nonce():
    authentication = Authentication(TIMEOUT_S)
    assert authentication.start(0.0) == [Authenticate()]
    assert authentication.start(0.0) == []
    authentication.lose()
    assert authentication.start(0.0) == [Authenticate()]


def test_a_nonce_is_used_once():
    authentication = Authentication(TIMEOUT_S)
    assert authentication.send(SendAuth(EVENT), 0.0) == []
    authentication.start(0.0)
    assert len(authentication.send(SendAuth(EVENT), 0.0)) == 1
    assert authentication.send(SendAuth(EVENT), 0.0) == []


@pytest.mark.parametrize("caps", ["{", 7, None], ids=["text", "number", "none"])
def test_unreadable_permissions_are_reported(caps):
    report, permissions, _ = attempt(Authentication(TIMEOUT_S), {**OK, "caps": caps})
    assert isinstance(report, Report) and permissions == KeyPermissions(None)


@pytest.mark.parametrize("status", ["FAILED", "FAIL", None])
@pytest.mark.parametrize(
    "code", [KEY_INVALID, "10112", 10111, 10113, 10011, 10305, 99_999, None]
)
def test_a_wrong_key_ends_the_client(code, status):
    (failure,) = attempt(Authentication(TIMEOUT_S), refusal(code, status))
    assert isinstance(failure, Fail) and isinstance(failure.error, AuthError)


def test_a_small_nonce_is_tried_again_on_another_socket():
    authentication = Authentication(TIMEOUT_S)
    for _ in range(NONCE_RETRIES):
        (reopen,) = attempt(authentication, refusal(NONCE_SMALL))
        assert isinstance(reopen, Reopen)
        assert reopen.cause is LossCause.AUTHENTICATION
    (failure,) = attempt(authentication, refusal(NONCE_SMALL))
    assert isinstance(failure, Fail) and isinstance(failure.error, NonceTooSmall)


def test_a_success_starts_the_count_of_refusals_again():
    authentication = Authentication(TIMEOUT_S)
    for _ in range(3):
        for _ in range(NONCE_RETRIES):
            (reopen,) = attempt(authentication, refusal(NONCE_SMALL))
            assert isinstance(reopen, Reopen)
        attempt(authentication, OK)


@pytest.mark.parametrize("code", [KEY_INVALID, 10101])
def test_a_key_that_has_worked_is_tried_again(code):
    authentication = Authentication(TIMEOUT_S)
    attempt(authentication, OK)
    for _ in range(REFUSAL_RETRIES):
        (reopen,) = attempt(authentication, refusal(code))
        assert isinstance(reopen, Reopen)
    (failure,) = attempt(authentication, refusal(code))
    assert isinstance(failure, Fail) and isinstance(failure.error, AuthError)


def test_a_wrong_signature_is_fatal_even_after_a_success():
    authentication = Authentication(TIMEOUT_S)
    attempt(authentication, OK)
    (failure,) = attempt(authentication, refusal(DIGEST_INVALID))
    assert isinstance(failure, Fail)


def test_an_exchange_that_is_not_ready_is_asked_for_ever():
    authentication = Authentication(TIMEOUT_S)
    for _ in range(50):
        (reopen,) = attempt(authentication, refusal(NOT_READY))
        assert isinstance(reopen, Reopen)


def test_responses_that_were_not_asked_for_are_ignored():
    authentication = Authentication(TIMEOUT_S)
    assert authentication.handle(OK) == []
    attempt(authentication, OK)
    assert authentication.handle(refusal(KEY_INVALID)) == []
    assert authentication.is_done


@pytest.mark.parametrize("step", ["nonce", "response to auth"])
def test_a_step_that_takes_too_long_costs_the_socket(step):
    authentication = Authentication(TIMEOUT_S)
    assert authentication.deadline() is None and authentication.tick(99.0) == []
    authentication.start(1.0)
    if step != "nonce":
        authentication.send(SendAuth(EVENT), 1.0)
    assert authentication.deadline() == 11.0
    assert authentication.tick(10.9) == []
    reason = f"no {step} within 10 s"
    assert authentication.tick(11.0) == [Reopen(reason, LossCause.AUTHENTICATION)]
    assert authentication.tick(12.0) == []


def test_a_passing_lack_of_a_nonce_is_tried_again():
    class Passing(NetworkError):
        retryable = True

    authentication = Authentication(TIMEOUT_S)
    error = Passing("the file is locked", phase="connect")
    assert authentication.unavailable(error) == []
    authentication.start(0.0)
    report, reopen = authentication.unavailable(error)
    assert report == Report(error) and isinstance(reopen, Reopen)
    assert authentication.deadline() is None


def test_no_key_at_all_ends_the_client():
    authentication = Authentication(TIMEOUT_S)
    authentication.start(0.0)
    error = UsageError("no key")
    assert authentication.unavailable(error) == [Fail(error)]


@pytest.mark.parametrize(
    "code, expected", [(10100, True), ("10114", True), (10300, False), (None, False)]
)
def test_an_error_event_may_be_a_refusal(code, expected):
    authentication = Authentication(TIMEOUT_S)
    body = {"event": "error", "code": code, "msg": "no"}
    assert not authentication.is_about_auth(body)
    authentication.start(0.0)
    authentication.send(SendAuth(EVENT), 0.0)
    assert authentication.is_about_auth(body) is expected
