"""Every signed request and its answer, from the exchange's documentation to the models."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import json
import re
import warnings
from contextlib import suppress
from decimal import Decimal
from typing import Any, Iterator

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import APPENDED, JSON_VALUES

from bfxsync.auth.nonce import Nonce
from bfxsync.auth.signer import Signer
from bfxsync.errors import ApiError, OutcomeUnknown, RemoteError, UsageError
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.client import RestClient
from bfxsync.rest.http.rate_limiter import RequestRateLimiter
from bfxsync.rest.http.retry_policy import RequestKind
from bfxsync.rest.merchant import MerchantEndpoints
from bfxsync.rest.public.base import UNDOCUMENTED_PER_MINUTE

from .tables import DATA, AnswerTransport, arguments_of, assert_answer, rows_of

HOST = "https://exchange.test/v2"
KEY, SECRET = "not-a-real-key", "not-a-real-secret"
NONCE = 1_700_000_000_000_000

# The classes that have the methods, by their names in ``rest``.
FACES: dict[str, Any] = {"auth": AuthEndpoints, "merchant": MerchantEndpoints}

ENDPOINTS = {row["name"]: row for row in rows_of("auth-endpoints.jsonl")}
FILES = sorted(path.name for path in DATA.glob("auth-requests-*.jsonl"))
ROWS = [
    {**row, "file": name[len("auth-requests-") : -len(".jsonl")]}
    for name in FILES
    for row in rows_of(name)
]

WITH_MODEL = [row for row in ROWS if row["model"] is not None]
READS = [row for row in WITH_MODEL if "/w/" not in row["request"]["path"]]

WRITES = [
    row
    for row in ROWS
    if not row["request"]["path"].startswith(("auth/r/", "auth/calc/"))
]

ONE_ROW_OF_EACH_METHOD = {(row["on"], row["call"][0]): row for row in ROWS}


def identity(row: dict[str, Any]) -> str:
    method, arguments, options = row["call"]
    shown = [*map(json.dumps, arguments), *options]
    return f"{row['file']}-{method}({', '.join(shown)})"


EVERY_ROW = pytest.mark.parametrize("row", ROWS, ids=identity)
EVERY_READ = pytest.mark.parametrize("row", READS, ids=identity)
EVERY_METHOD = pytest.mark.parametrize(
    "row", ONE_ROW_OF_EACH_METHOD.values(), ids=identity
)

NUMBERS = pytest.mark.parametrize("number", [float, Decimal])


def call(face: Any, row: dict[str, Any]) -> Any:
    arguments, options = arguments_of(row)
    method = getattr(face, row["call"][0])
    if not ENDPOINTS[row["endpoint"]].get("deprecated"):
        return method(*arguments, **options)
    with pytest.warns(DeprecationWarning, match=f"^{row['call'][0]} is ") as caught:
        found = method(*arguments, **options)
    # At the line of the caller.
    assert caught[0].filename == __file__
    return found


def ask(row: dict[str, Any], transport: Any, number: Any = float) -> Any:
    return call(FACES[row["on"]](transport, numbers=number), row)


def quietly(row: dict[str, Any], transport: Any, number: Any = float) -> Any:
    """Do as `ask` does where what is raised matters, not what is warned of."""
    arguments, options = arguments_of(row)
    face = FACES[row["on"]](transport, numbers=number)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(face, row["call"][0])(*arguments, **options)


@pytest.fixture
def client(number: Any) -> Iterator[RestClient]:
    signer = Signer(KEY, SECRET, Nonce(lambda: 0.0, last=NONCE - 1))
    with RestClient(
        HOST, signer=signer, numbers=number, limits=RequestRateLimiter()
    ) as client:
        yield client


# --- the table is whole -----------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_table_has_every_endpoint_of_its_group(name: str) -> None:
    group = name[len("auth-requests-") : -len(".jsonl")]
    wanted = {e["name"] for e in ENDPOINTS.values() if e["requests"] == group}
    assert {row["endpoint"] for row in ROWS if row["file"] == group} == wanted


def test_exchange_has_140_endpoints() -> None:
    assert len(ENDPOINTS) + len(rows_of("public-endpoints.jsonl")) == 140


@pytest.mark.parametrize("on", FACES)
def test_table_has_every_method(on: str) -> None:
    members = inspect.getmembers(FACES[on], inspect.isfunction)
    # Those that page by themselves send what the others send.
    methods = {name for name, _ in members if not name.startswith(("_", "iter_"))}
    assert {row["call"][0] for row in ROWS if row["on"] == on} == methods


@EVERY_ROW
def test_request_of_the_table_is_one_of_its_endpoint(row: dict[str, Any]) -> None:
    pattern = re.sub(r"\{\w+\}", "[^/]+", ENDPOINTS[row["endpoint"]]["path"])
    assert re.fullmatch(pattern, row["request"]["path"])


@pytest.mark.parametrize("name", {row["call"][0]: None for row in ROWS})
def test_every_parameter_of_its_endpoints_can_be_given(name: str) -> None:
    """One with a symbol and one without are one method: what one can send, the other can."""
    rows = [row for row in ROWS if row["call"][0] == name]
    sent = {key for row in rows for key in row["request"]["body"]}
    known = {key for row in rows for key in ENDPOINTS[row["endpoint"]]["params"]}
    if name == "cancel_all_orders":
        known = {"all"}
    elif name == "cancel_order_multi":
        known -= {"all"}  # by the one before
    assert sent == known


@EVERY_METHOD
def test_method_says_its_limit_and_its_page(row: dict[str, Any]) -> None:
    endpoint = ENDPOINTS[row["endpoint"]]
    text = inspect.getdoc(getattr(FACES[row["on"]], row["call"][0])) or ""
    if row["call"][0] != "cancel_all_orders":  # which refers to another
        limit = endpoint["rate_limit"] or UNDOCUMENTED_PER_MINUTE
        assert re.search(rf"\b{limit} requests per minute", " ".join(text.split()))
    assert re.search(r"^https://\S+$", text, re.MULTILINE)
    if endpoint.get("deprecated"):
        assert "deprecated" in text.lower()
    # A refusal in a notification raises nothing by itself.
    if row["shape"] == "notification" and row["call"][0] != "cancel_all_orders":
        assert "`raise_for_status`" in text


# --- what is sent, and what the answer means --------------------------------------------------


@NUMBERS
@EVERY_ROW
def test_request_and_answer_are_as_documented(
    client: RestClient, row: dict[str, Any], number: Any
) -> None:
    with responses.RequestsMock() as exchange:
        exchange.add("POST", re.compile(".*"), body=row["answer"])
        found = call(getattr(client, row["on"]), row)
        (sent,) = [made.request for made in exchange.calls]
    wanted = row["request"]
    assert sent.url == f"{HOST}/{wanted['path']}"
    body = sent.body
    assert isinstance(body, bytes)
    assert json.loads(body) == wanted["body"]
    signed = f"/api/v2/{wanted['path']}{NONCE}".encode() + body
    signature = hmac.new(SECRET.encode(), signed, hashlib.sha384).hexdigest()
    assert sent.headers["bfx-nonce"] == str(NONCE)
    assert sent.headers["bfx-apikey"] == KEY
    assert sent.headers["bfx-signature"] == signature
    assert_answer(found, row, number)
    if "symbol" in (wanted["body"] or {}) and hasattr(found, "symbol"):
        assert found.symbol == wanted["body"]["symbol"]


@EVERY_ROW
def test_request_counts_against_the_documented_limit(row: dict[str, Any]) -> None:
    transport = AnswerTransport(json.loads(row["answer"]))
    ask(row, transport)
    ((_, _, options),) = transport.requests
    endpoint = ENDPOINTS[row["endpoint"]]
    assert options["per_minute"] == (endpoint["rate_limit"] or UNDOCUMENTED_PER_MINUTE)
    # Calls for one symbol and for another share a budget.
    group = re.sub(r"[/:]\{\w+\}|/(base|sym_all)$", "", endpoint["path"])
    assert options["group"] == group


@EVERY_ROW
def test_request_is_repeated_only_if_it_is_a_read(row: dict[str, Any]) -> None:
    transport = AnswerTransport(json.loads(row["answer"]))
    ask(row, transport)
    ((_, path, options),) = transport.requests
    is_read = path.startswith(("auth/r/", "auth/calc/"))
    assert (options["kind"] is RequestKind.READ) is is_read
    assert (options["kind"] is RequestKind.ORDER) is path.startswith("auth/w/order/")


@pytest.mark.parametrize(
    "row",
    [
        r
        for r in ONE_ROW_OF_EACH_METHOD.values()
        if "max_limit" in ENDPOINTS[r["endpoint"]]
    ],
    ids=identity,
)
def test_answer_is_at_most_as_long_as_documented(row: dict[str, Any]) -> None:
    maximum = ENDPOINTS[row["endpoint"]]["max_limit"]
    method, arguments, options = row["call"]
    transport = AnswerTransport([])

    def with_limit(limit: int) -> dict[str, Any]:
        return {**row, "call": [method, arguments, {**options, "limit": limit}]}

    with pytest.raises(UsageError, match=f"limit .* to {maximum}, not {maximum + 1}"):
        quietly(with_limit(maximum + 1), transport)
    assert transport.requests == []
    with suppress(RemoteError):
        quietly(with_limit(maximum), transport)
    assert transport.requests[0][2]["body"]["limit"] == maximum


# --- answers that have grown, or are none -----------------------------------------------------


def change_rows(row: dict[str, Any], change: Any, number: Any = float) -> Any:
    """Return the answer with each of its rows changed."""
    answer = json.loads(row["answer"], parse_float=number)
    shape = row["shape"]
    if shape in ("one", "object"):
        return change(answer)
    if shape == "list-of-lists":
        return [[change(inner) for inner in item] for item in answer]
    if shape == "notification":
        return change_notification(answer, row["data_shape"], change)
    return [change(item) for item in answer]


def change_notification(answer: list[Any], shape: str, change: Any) -> list[Any]:
    data = answer[4]
    if isinstance(data, list) and shape in ("list", "rows-as-one"):
        data = [change(item) for item in data]
    elif isinstance(data, list) and shape == "one":
        data = change(data)
    # The envelope may grow as well.
    return change([*answer[:4], data, *answer[5:]])


# A row that ends before its last optional fields is as old servers sent it: it did not grow.
GROWING = {
    (row["call"][0], row["answer"]): row
    for row in WITH_MODEL
    if row["answer"] != "[]" and not row.get("short")
}


@NUMBERS
@settings(max_examples=20)
@given(appended=APPENDED)
def test_r14_appended_fields_change_nothing(number: Any, appended: list[Any]) -> None:
    fields = {f"new_{index}": value for index, value in enumerate(appended)}

    def grow(found: Any) -> Any:
        return {**found, **fields} if isinstance(found, dict) else found + appended

    for row in GROWING.values():
        answer = change_rows(row, grow, number)
        assert_answer(quietly(row, AnswerTransport(answer), number), row, number)


@pytest.mark.parametrize(
    "row", [row for row in READS if row["answer"] != "[]"], ids=identity
)
def test_r14_missing_fields_are_a_remote_error(row: dict[str, Any]) -> None:
    answer = change_rows(row, lambda found: {} if isinstance(found, dict) else [])
    with pytest.raises(RemoteError) as caught:
        quietly(row, AnswerTransport(answer))
    assert caught.value.endpoint == row["request"]["path"]


@NUMBERS
@settings(max_examples=20)
@given(answer=JSON_VALUES | st.lists(JSON_VALUES, max_size=3))
def test_r14_any_answer_is_read_or_is_a_typed_error(number: Any, answer: Any) -> None:
    for row in ONE_ROW_OF_EACH_METHOD.values():
        with suppress(RemoteError, OutcomeUnknown, ApiError):
            quietly(row, AnswerTransport(answer), number)


@pytest.mark.parametrize("answer", [None, 1, "text", {}], ids=repr)
@EVERY_READ
def test_r14_answer_of_another_kind_is_a_remote_error(
    row: dict[str, Any], answer: Any
) -> None:
    if answer is None and row.get("nullable"):
        assert quietly(row, AnswerTransport(answer)) is None
        return
    with pytest.raises(RemoteError) as caught:
        quietly(row, AnswerTransport(answer))
    assert caught.value.raw == answer


@pytest.mark.parametrize("answer", [None, 1, "text", {}, [], [1, 2]], ids=repr)
@pytest.mark.parametrize(
    "row", [row for row in ROWS if row["shape"] == "notification"], ids=identity
)
def test_r07_answer_that_is_no_notification_leaves_a_write_open(
    row: dict[str, Any], answer: Any
) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        quietly(row, AnswerTransport(answer))
    assert caught.value.endpoint == row["request"]["path"]
    assert caught.value.raw == answer
    assert isinstance(caught.value.__cause__, RemoteError)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row["shape"] == "notification" and "status" not in row],
    ids=identity,
)
def test_refusal_in_a_notification_is_raised_when_it_is_asked_for(
    row: dict[str, Any],
) -> None:
    kind = ENDPOINTS[row["endpoint"]]["notification"] or "any"
    answer = [1_575_289_447_641, kind, None, None, None, 10001, "ERROR", "No."]
    found = quietly(row, AnswerTransport(answer))
    assert (found.data, found.is_success) == (None, False)
    with pytest.raises(ApiError, match="No") as caught:
        found.raise_for_status()
    assert (caught.value.code, caught.value.raw) == (10001, answer)
    assert caught.value.endpoint == row["request"]["path"]


# --- writes without an answer -------------------------------------------------------------------


class CutTransport(AnswerTransport):
    """Loses the answer to everything."""

    def request(self, method: str, path: str, **options: Any) -> Any:
        options["before_send"]()
        raise OutcomeUnknown("cut off", phase="receive")


@pytest.mark.parametrize("row", WRITES, ids=identity)
def test_unknown_outcome_says_how_it_is_found_out(row: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        quietly(row, CutTransport())
    hint = caught.value.hint
    assert ("resolve()" in hint) is caught.value.can_resolve
    # Each has one of its own.
    assert "check the account" not in hint
    for name in re.findall(r"\b(get_\w+)", hint):
        assert any(hasattr(face, name) for face in FACES.values())
