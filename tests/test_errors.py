from __future__ import annotations

import ast
import copy
import inspect
import pickle
import re
from pathlib import Path
from typing import Any, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bfxsync
from bfxsync import errors
from bfxsync._base import error_codes
from bfxsync._base.error_codes import error_from_code
from bfxsync.errors import (
    ApiError,
    AuthError,
    BfxError,
    ChecksumMismatch,
    ClosedError,
    NetworkError,
    NonceTooSmall,
    NotExecuted,
    NotReady,
    OrderBlocked,
    OrderNotFilled,
    OrderNotPlaced,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    RemoteError,
    RequestTimeout,
    SubscriptionRejected,
    UsageError,
    VersionMismatch,
)

PACKAGE = Path(bfxsync.__file__).parent

PARENTS: dict[type[Exception], tuple[type[Exception], ...]] = {
    BfxError: (Exception,),
    UsageError: (BfxError, ValueError),
    OrderBlocked: (UsageError,),
    ClosedError: (BfxError,),
    OrderNotFilled: (BfxError,),
    NetworkError: (BfxError,),
    RequestTimeout: (NetworkError, TimeoutError),
    OutcomeUnknown: (NetworkError,),
    NotExecuted: (NetworkError,),
    OrderNotPlaced: (NotExecuted,),
    RemoteError: (BfxError,),
    ChecksumMismatch: (RemoteError,),
    VersionMismatch: (RemoteError,),
    ApiError: (BfxError,),
    AuthError: (ApiError,),
    NonceTooSmall: (AuthError,),
    RateLimited: (ApiError,),
    SubscriptionRejected: (ApiError,),
    OrderRejected: (ApiError,),
    NotReady: (ApiError,),
}

RETRYABLE = {
    NetworkError,
    RequestTimeout,
    NonceTooSmall,
    RateLimited,
    NotReady,
}

# Codes of the exchange's glossary, and those that other clients list.
CLASSES: dict[type[ApiError], list[int | None]] = {
    ApiError: [None, 0, -1, 10000, 10001, 10020, 10050, 10500, 99999, 2**70],
    AuthError: [
        *range(10100, 10105),
        *range(10111, 10114),
        10200,
        10201,
    ],
    NonceTooSmall: [10114],
    RateLimited: [11010],
    SubscriptionRejected: [10011, 10012, *range(10300, 10306), 10400, 10401],
    NotReady: [10008, 11000],
}

CODES = [(code, kind) for kind, codes in CLASSES.items() for code in codes]


def defined() -> set[type[Exception]]:
    return {
        item
        for item in vars(errors).values()
        if inspect.isclass(item) and item.__module__ == errors.__name__
    }


@pytest.mark.parametrize(
    "error, parents", PARENTS.items(), ids=lambda value: getattr(value, "__name__", "")
)
def test_error_stands_at_its_place_in_the_tree(
    error: type[Exception], parents: tuple[type[Exception], ...]
) -> None:
    assert error.__bases__ == parents


def test_tree_is_whole_and_drawn_in_the_docstring() -> None:
    assert defined() == set(PARENTS)
    drawn = re.findall(r"^ {4}[│ ├└─]*(\w+) ?", errors.__doc__ or "", re.MULTILINE)
    assert set(drawn) == {error.__name__ for error in PARENTS}
    assert len(drawn) == len(PARENTS)


def test_every_error_is_public() -> None:
    assert {error.__name__ for error in PARENTS} <= set(bfxsync.__all__)


def test_r13_retryable_is_what_may_succeed_later_without_a_change() -> None:
    for error in PARENTS:
        assert issubclass(error, BfxError)
        assert error.retryable is (error in RETRYABLE)


@pytest.mark.parametrize("code, kind", CODES, ids=[str(code) for code, _ in CODES])
def test_r13_code_decides_the_class(code: int | None, kind: type[ApiError]) -> None:
    raw = {"event": "error", "code": code, "msg": "any text"}
    error = error_from_code(code, "any text", raw)
    assert type(error) is kind
    assert error.code == code
    assert error.message == "any text"
    assert error.raw is raw
    assert error.retryable is (kind in RETRYABLE)


def documented_codes() -> Iterator[Any]:
    """The rows of the table of codes; ``10101 … 10104`` are all of these."""
    page = Path(__file__).parent.parent / "docs" / "reference" / "errors.rst"
    for codes, kind in re.findall(
        r"^(\d{5}(?:(?:, | … )\d{5})?) +``(\w+)`` +\S", page.read_text("utf-8"), re.M
    ):
        first, last = int(codes[:5]), int(codes[-5:])
        assert "," not in codes or last == first + 1
        yield from ((code, kind) for code in range(first, last + 1))


def test_the_documents_have_every_code_with_its_class() -> None:
    documented = dict(documented_codes())
    known = {code for codes in error_codes._CODES.values() for code in codes}
    assert set(documented) == known | {10000, 10001, 10020}
    for code, kind in documented.items():
        assert type(error_from_code(code, "")).__name__ == kind


@given(st.integers() | st.none(), st.text())
def test_r13_text_never_decides_the_class(code: int | None, text: str) -> None:
    assert type(error_from_code(code, text)) is type(error_from_code(code, ""))


@pytest.mark.parametrize(
    "error, text",
    [
        (ApiError("symbol: invalid", code=10300), "symbol: invalid (code 10300)"),
        (ApiError("generic", code=0), "generic (code 0)"),
        (ApiError("no reason given"), "no reason given"),
        (
            RateLimited("slow down", code=11010),
            "slow down (code 11010) (refused by the exchange); try again in 60.0 s",
        ),
        (
            RateLimited("too many", retry_after_s=0.5, is_own_budget=True),
            "too many (bfxsync's own count); try again in 0.5 s",
        ),
        (
            RateLimited("slow down", retry_after_s=86_400.0),
            "slow down (refused by the exchange); try again in 24.0 h",
        ),
        (NetworkError("refused", phase="connect"), "refused"),
        (RequestTimeout("no response"), "no response"),
        (RemoteError("unreadable", raw=b"{"), "unreadable"),
        (
            ChecksumMismatch("tBTCUSD", expected=-5, actual=7),
            "book of tBTCUSD: the exchange's checksum is -5, the local one 7",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_message_says_what_happened(error: BfxError, text: str) -> None:
    assert str(error) == text


def test_network_error_knows_how_far_it_came() -> None:
    refused = NetworkError("HTTP 503", phase="connect", code=503)
    assert (refused.phase, refused.code) == ("connect", 503)
    assert NetworkError("reset", phase="send").code is None
    timeout = RequestTimeout("no response")
    assert (timeout.phase, timeout.code) == ("receive", None)
    assert RequestTimeout("no socket", phase="connect").phase == "connect"


def test_timeout_is_caught_as_pythons_own() -> None:
    with pytest.raises(TimeoutError):
        raise RequestTimeout("no response")


def test_usage_error_is_caught_as_a_value_error() -> None:
    with pytest.raises(ValueError):
        raise UsageError("no such channel")


def test_remote_error_keeps_what_came() -> None:
    assert RemoteError("unreadable", raw=b"{").raw == b"{"
    assert RemoteError("unreadable").raw is None
    of_no_list = RemoteError("unreadable")
    assert (of_no_list.rows, of_no_list.unreadable) == ([], [])
    of_list = RemoteError("unreadable", rows=(1, 3), unreadable=[([2], "too short")])
    assert (of_list.rows, of_list.unreadable) == ([1, 3], [([2], "too short")])
    mismatch = ChecksumMismatch("tBTCUSD", expected=-5, actual=7)
    assert (mismatch.symbol, mismatch.expected, mismatch.actual) == ("tBTCUSD", -5, 7)


def test_rate_limit_says_who_refused() -> None:
    assert RateLimited("slow down").is_own_budget is False
    assert RateLimited("slow down", is_own_budget=True).is_own_budget is True


def test_rate_limit_says_how_long_to_wait() -> None:
    assert RateLimited("slow down").retry_after_s == 60.0
    assert RateLimited("slow down", retry_after_s=2.5).retry_after_s == 2.5


def test_unknown_outcome_says_what_is_known() -> None:
    error = OutcomeUnknown("auth/w/x may have been executed", phase="send")
    assert (error.cid, error.cid_date, error.known, error.raw) == (None, None, {}, None)
    assert str(error) == "auth/w/x may have been executed"
    error.add(cid=5, cid_date="2026-01-31", known={"amount": "1"}, hint="look")
    error.add(known={"price": "2"})
    assert (error.cid, error.cid_date, error.hint) == (5, "2026-01-31", "look")
    assert error.known == {"amount": "1", "price": "2"}
    assert str(error) == "auth/w/x may have been executed; look"
    error.reason = "asked too early"
    assert str(error) == "auth/w/x may have been executed; asked too early; look"
    assert (error.phase, error.candidates) == ("send", [])


def test_unknown_outcome_asks_who_can_tell() -> None:
    error = OutcomeUnknown("open", resolver=lambda error, timeout: (error, timeout))
    assert error.can_resolve
    assert error.resolve(5.0) == (error, 5.0)
    assert error.resolve() == (error, None)
    other = OutcomeUnknown("open")
    other.add(resolver=lambda error, timeout: "found")
    assert other.resolve() == "found"


def test_unknown_outcome_says_when_nobody_can_tell() -> None:
    error = OutcomeUnknown("open")
    error.endpoint = "auth/w/alert/set"
    assert not error.can_resolve
    with pytest.raises(UsageError, match="cannot query .* auth/w/alert/set$"):
        error.resolve()
    error.add(hint="look at the alerts")
    with pytest.raises(UsageError, match="auth/w/alert/set: look at the alerts$"):
        error.resolve()


PROOFS: list[Any] = [("never_sent", True), ("refused", False), ("absent", False)]


@pytest.mark.parametrize("proof, retryable", PROOFS)
def test_r07_only_what_never_left_may_be_sent_again(
    proof: Any, retryable: bool
) -> None:
    for error in (
        NotExecuted("no", phase="send", proof=proof),
        OrderNotPlaced("no", phase="send", proof=proof),
    ):
        for other in (error, pickle.loads(pickle.dumps(error))):
            assert (other.proof, other.retryable) == (proof, retryable)
    assert not NotExecuted.retryable and not OrderNotPlaced.retryable


def test_order_that_was_not_placed_keeps_its_client_id() -> None:
    error = OrderNotPlaced("not sent", phase="connect", proof="never_sent", cid=7)
    assert (error.cid, error.phase, error.code) == (7, "connect", None)
    assert OrderNotPlaced("no", phase="send", proof="absent").cid is None


def each_with_all_fields() -> list[BfxError]:
    made: list[BfxError] = [
        BfxError("no"),
        UsageError("no"),
        OrderBlocked("no", guard="max_orders_per_minute", retry_after_s=2.5),
        ClosedError("no"),
        OrderNotFilled("no", order={"id": 5}),
        NetworkError("no", phase="send", code=1006),
        RequestTimeout("no", phase="connect"),
        OutcomeUnknown("no", cid=5, known={"price": "2"}, raw=b"[", hint="look"),
        NotExecuted("no", phase="send", proof="refused"),
        OrderNotPlaced("no", phase="send", proof="never_sent", cid=7),
        RemoteError("no", raw=[2], rows=[1], unreadable=[([2], "too short")]),
        ChecksumMismatch("tBTCUSD", expected=-1, actual=2),
        VersionMismatch("no", raw=3),
        RateLimited("no", code=11010, raw=[1], retry_after_s=2.5),
    ]
    made += [
        kind("no", code=10001, raw=["error"])
        for kind in sorted(set(PARENTS) - {type(error) for error in made}, key=str)
        if issubclass(kind, ApiError)
    ]
    return made


@pytest.mark.parametrize(
    "error", each_with_all_fields(), ids=lambda e: type(e).__name__
)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_error_comes_whole_from_another_process(error: BfxError, protocol: int) -> None:
    error.endpoint, error.http_status = "auth/w/x", 500
    copies = [pickle.loads(pickle.dumps(error, protocol)), copy.deepcopy(error)]
    for other in [*copies, copy.copy(error)]:
        assert type(other) is type(error)
        assert (str(other), repr(other)) == (str(error), repr(error))
        assert other.args == error.args and vars(other) == vars(error)


def test_every_error_is_asked_whether_it_comes_whole() -> None:
    assert {type(error) for error in each_with_all_fields()} == set(PARENTS)


def test_r15_unknown_outcome_leaves_its_client_behind() -> None:
    secret = "sentinel-secret"
    error = OutcomeUnknown("open", resolver=lambda error, timeout: secret)
    error.add(hint="resolve() asks the exchange")
    other = pickle.loads(pickle.dumps(error))
    assert error.can_resolve and not other.can_resolve
    for unable in (other, copy.copy(other), copy.copy(error)):
        with pytest.raises(UsageError, match="^a copy of the error .* has no client"):
            unable.resolve()
    blind = copy.copy(OutcomeUnknown("open", hint="look at the account"))
    with pytest.raises(UsageError, match="cannot query .*: look at the account"):
        blind.resolve()


@pytest.mark.parametrize(
    "skew_s, text",
    [
        (None, "small (code 10114)"),
        (5.0, "small (code 10114)"),
        (-5.0, "small (code 10114)"),
        (
            61.4,
            "small (code 10114); this machine's clock is 61 s ahead of the exchange's",
        ),
        (
            -5.6,
            "small (code 10114); this machine's clock is 6 s behind the exchange's",
        ),
    ],
)
def test_nonce_error_names_a_clock_that_is_wrong(skew_s: object, text: str) -> None:
    error = NonceTooSmall("small", code=10114)
    error.clock_skew_s = skew_s  # type: ignore[assignment]
    hint = "use one key per machine, and one nonce_file= for its processes"
    assert str(error) == f"{text}; {hint}"


def test_unknown_code_gives_the_class_that_was_asked_for() -> None:
    assert type(error_from_code(10001, "no", None, OrderRejected)) is OrderRejected
    assert type(error_from_code(None, "no", None, OrderRejected)) is OrderRejected
    assert type(error_from_code(10114, "no", None, OrderRejected)) is NonceTooSmall


TESTS = {
    "startswith",
    "endswith",
    "find",
    "index",
    "count",
    "match",
    "fullmatch",
    "search",
    "findall",
}


def is_key_of_a_text(node: ast.AST) -> bool:
    """Return whether a node looks up the text of a body: ``body["msg"]``, ``body.get("msg")``."""
    keys: list[ast.expr] = []
    if isinstance(node, ast.Subscript):
        keys = [node.slice]
    elif isinstance(node, ast.Call):
        keys = node.args[:1]
    return any(
        isinstance(key, ast.Constant) and key.value in ("msg", "message")
        for key in keys
    )


def reads_a_text(node: ast.AST, names: set[str]) -> bool:
    """Tell whether an expression reads the text of a body or an error, or one of the names."""
    return any(
        (isinstance(part, ast.Attribute) and part.attr in ("msg", "message"))
        or is_key_of_a_text(part)
        or (isinstance(part, ast.Name) and part.id in names)
        for part in ast.walk(node)
    )


def decisions_on_texts(source: str) -> Iterator[int]:
    """Yield the lines where the text of a message decides something."""
    tree = ast.parse(source)
    names = {"msg"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and reads_a_text(node.value, {"msg"}):
            names |= {name.id for name in node.targets if isinstance(name, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            is_identity = all(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops)
            parts = [] if is_identity else [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            parts = [node.func.value, *node.args] if node.func.attr in TESTS else []
        elif isinstance(node, ast.Subscript):
            parts = [node.slice] if isinstance(node.slice, ast.Name) else []
        else:
            continue
        if any(reads_a_text(part, names) for part in parts):
            yield node.lineno


@pytest.mark.parametrize(
    "source",
    [
        "if body['msg'] == 'symbol: invalid': pass",
        "if 'dup' in body.get('msg'): pass",
        "if error.message.startswith('nonce'): pass",
        "if re.search('limit', error.message): pass",
        "text = body.get('msg')\nif text in TABLE: pass",
        "text = body['msg']\nkind = TABLE[text]",
        "if msg != 'ok': pass",
    ],
)
def test_scan_finds_decisions_on_texts(source: str) -> None:
    assert list(decisions_on_texts(source))


@pytest.mark.once
@pytest.mark.parametrize(
    "path",
    sorted(PACKAGE.rglob("*.py")),
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_r13_no_decision_reads_the_text_of_a_message(path: Path) -> None:
    assert list(decisions_on_texts(path.read_text("utf-8"))) == []
