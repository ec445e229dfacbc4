"""R07 for money that moves: sent at most once, and what became of it is never a guess."""

from __future__ import annotations

import json
import time
from decimal import Context, Decimal, localcontext
from typing import Any, Callable

import pytest

from bfxsync.auth.signer import Signer
from bfxsync.errors import ApiError, NotExecuted, OutcomeUnknown, RemoteError
from bfxsync.models.movements import Movement
from bfxsync.models.positions import Position, PositionAudit, PositionHistory
from bfxsync.models.wallets import Ledger
from bfxsync.outcome import writes as sent
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.http import signing
from bfxsync.rest.http.transport import RestTransport

from .conftest import Connect, Serve
from .server import Exchange, Server
from .signed import KEY, SECRET, Verifier

ADDRESS = "0x742d35Cc6634C0532925a3b844Bc454e4438f44e"
TFA = {"method": "otp", "token": "sentinel-981273"}


@pytest.fixture(autouse=True)
def state_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "_locks", {})
    monkeypatch.setattr(sent, "_sent", {})


class LedgerAccount:
    """
    The books of one account, as the exchange keeps them.

    Attributes
    ----------
    fate : callable
        Gets the request of a write and what would execute it, and answers.
    ledgers, movements, positions, past, audit : list of rows
    strange : list of rows
        In every ledger.
    writes : list of (str, dict)
        Paths and bodies, in the order of their arrival.
    reads : list of str
        Paths.
    """

    def __init__(self) -> None:
        self.fate: Callable[[Exchange, Callable[[], Any]], object] = self.obey
        self.ledgers: list[tuple[int, list[Any]]] = []
        self.movements: list[list[Any]] = []
        self.positions: list[list[Any]] = []
        self.past: list[list[Any]] = []
        self.audit: list[list[Any]] = []
        self.writes: list[tuple[str, Any]] = []
        self.reads: list[str] = []
        self.before_read: Callable[[int], None] = lambda count: None
        self.behind_s = 0.0
        self.date: Any = "right"
        self.strange: list[list[Any]] = []
        self.fee = 0.00135

    @property
    def now_s(self) -> float:
        return time.time() - self.behind_s

    @property
    def mts(self) -> int:
        """The time as the books have it: in whole seconds."""
        return int(self.now_s) * 1000

    @property
    def headers(self) -> dict[str, str]:
        right = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(self.now_s))
        date = right if self.date == "right" else self.date
        return {} if date is None else {"Date": date}

    def __call__(self, request: Exchange) -> object:
        path = request.target[len("/v2/auth/") :]
        body = json.loads(request.body)
        if path.startswith("w/"):
            self.writes.append((path, body))
            return self.fate(request, lambda: self.execute(path, body))
        self.reads.append(path)
        self.before_read(len(self.reads))
        return request.answer(self.find(path, body), **self.headers)

    def obey(self, request: Exchange, execute: Callable[[], Any]) -> object:
        return request.answer(execute(), **self.headers)

    def hang_up_after(self, request: Exchange, execute: Callable[[], Any]) -> object:
        execute()
        return False

    def hang_up_before(self, request: Exchange, execute: Callable[[], Any]) -> object:
        return False

    def execute(self, path: str, body: Any) -> Any:
        if path == "w/transfer":
            self.transfer(body)
            row = [self.mts, body["from"], body["to"], None, body["currency"]]
            return self.notify("acc_tf", [*row, None, None, float(body["amount"])])
        if path == "w/withdraw":
            id = self.withdraw(body)
            data = [id, None, body["method"], None, body["wallet"], 1, None, None, 0]
            return self.notify("acc_wd-req", data)
        return self.notify("x-req", None)

    def notify(self, kind: str, data: Any) -> Any:
        return [self.mts, kind, None, None, data, None, "SUCCESS", "Done."]

    def book(
        self, category: int, currency: str, wallet: Any, amount: float, ago_s: float = 0
    ) -> None:
        mts = int(self.now_s - ago_s) * 1000
        row = [1000 + len(self.ledgers), currency, wallet, mts, None, amount, 7]
        self.ledgers.append((category, [*row, None, "whatever"]))

    def transfer(self, body: Any, ago_s: float = 0) -> None:
        amount = float(body["amount"])
        category = 51 if body.get("currency_to") in (None, body["currency"]) else 5
        names = {"trading": "margin", "deposit": "funding"}
        source, goal = (names.get(body[key], body[key]) for key in ("from", "to"))
        self.book(category, body["currency"], source, -amount, ago_s)
        currency = body.get("currency_to") or body["currency"]
        self.book(category, currency, goal, amount, ago_s)

    def withdraw(self, body: Any, ago_s: float = 0) -> int:
        row: list[Any] = [None] * 22
        row[0], row[1], row[2] = 500 + len(self.movements), "X", body["method"].upper()
        row[5] = row[6] = int(self.now_s - ago_s) * 1000
        amount = float(body.get("amount", "0.25"))
        if body.get("fee_deduct"):
            amount -= self.fee
        row[9], row[12], row[13] = "PENDING", -amount, -self.fee
        row[16] = body.get("address", body.get("invoice"))
        self.movements.append(row)
        return int(row[0])

    def find(self, path: str, body: Any) -> Any:
        start, end = body.get("start", 0), body.get("end", 10**14)
        if path.startswith("r/ledgers/"):
            currency = path[len("r/ledgers/") : -len("/hist")]
            rows = [
                row
                for category, row in self.ledgers
                if body.get("category", category) == category
                and (path == "r/ledgers/hist" or row[1] == currency)
                and start <= row[3] <= end
            ]
            rows += [row for row in self.strange if start <= row[3] <= end]
            return sorted(rows, key=lambda row: -row[3])[: body["limit"]]
        if path == "r/movements/hist":
            rows = [row for row in self.movements if start <= row[6] <= end]
            return sorted(rows, key=lambda row: -row[6])[: body["limit"]]
        if path == "r/positions":
            return self.positions
        if path == "r/positions/hist":
            return [row for row in self.past if row[11] == body["id"]]
        assert path == "r/positions/audit"
        return [row for row in self.audit if start <= row[13] <= end]


class Scene:
    """An account, its server, and a client of it."""

    def __init__(
        self, account: LedgerAccount, server: Server, transport: RestTransport
    ) -> None:
        self.account = account
        self.server = server
        self.transport = transport
        self.auth = AuthEndpoints(transport)

    def transfer(self, amount: Any = "1.5", **options: Any) -> OutcomeUnknown:
        arguments = {
            "from_wallet": "exchange",
            "to_wallet": "margin",
            "currency": "UST",
            "currency_to": None,
            **options,
        }
        return self.unknown(
            lambda: self.auth.transfer_between_wallets(amount=amount, **arguments)
        )

    def withdraw(self, **options: Any) -> OutcomeUnknown:
        arguments: Any = {"address": ADDRESS, "amount": "0.5", **options}
        return self.unknown(
            lambda: self.auth.submit_wallet_withdrawal(
                "exchange", "ethereum", **arguments
            )
        )

    def unknown(self, act: Callable[[], Any]) -> OutcomeUnknown:
        with pytest.raises(OutcomeUnknown) as caught:
            act()
        return caught.value


@pytest.fixture
def scene(serve: Serve, connect: Connect) -> Scene:
    account = LedgerAccount()
    server = serve(Verifier(account))
    return Scene(
        account, server, connect(server, signer=Signer(KEY, SECRET), absence_s=0.03)
    )


def assert_several(error: OutcomeUnknown, count: int) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        error.resolve()
    assert caught.value is error
    assert len(error.candidates) == count


BODY = {"from": "exchange", "to": "margin", "currency": "UST", "amount": "1.5"}


# --- transfers --------------------------------------------------------------------------------


def test_r07_transfer_that_goes_well_is_acknowledged(scene: Scene) -> None:
    found = scene.auth.transfer_between_wallets("exchange", "margin", "UST", None, 1.5)
    assert (found.data.currency, found.data.amount) == ("UST", 1.5)
    assert found.endpoint == "auth/w/transfer"


def test_r07_transfer_whose_answer_was_lost_is_found_in_the_books(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.transfer()
    assert error.known == BODY
    assert "do not send it again" in str(error)
    row = error.resolve()
    assert type(row) is Ledger
    assert (row.currency, row.wallet, row.amount) == ("UST", "exchange", -1.5)
    assert len(scene.account.writes) == 1


def test_r07_transfer_that_never_arrived_is_absent_after_asking_twice(
    scene: Scene,
) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.transfer()
    with pytest.raises(NotExecuted, match="inferred.* the ledger did not") as caught:
        error.resolve()
    assert (caught.value.proof, caught.value.retryable) == ("absent", False)
    # The first question has only told how far the clocks are apart.
    assert scene.account.reads == ["r/ledgers/hist", *["r/ledgers/UST/hist"] * 2]
    assert len(scene.account.writes) == 1


def test_r07_transfer_that_arrives_late_is_found(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.transfer()

    def arrive(count: int) -> None:
        if count == 3:
            scene.account.transfer(BODY)

    scene.account.before_read = arrive
    assert error.resolve().amount == -1.5


@pytest.mark.parametrize("behind_s", [-7200.0, 7200.0])
def test_r07_wrong_clock_is_certain_once_a_notification_confirms_the_header(
    scene: Scene, behind_s: float
) -> None:
    scene.account.behind_s = behind_s
    scene.account.fate = scene.account.hang_up_after
    found = scene.transfer()
    assert_several(found, 1)
    scene.account.fate = scene.account.hang_up_before
    absent = scene.transfer("1.75")
    assert_several(absent, 0)
    assert "responses by 72" in absent.reason
    scene.account.fate = scene.account.obey
    scene.auth.transfer_between_wallets("exchange", "margin", "BTC", None, 1)
    assert found.resolve().amount == -1.5
    with pytest.raises(NotExecuted):
        absent.resolve()


ODD_DATES = [None, "yesterday", "Thu, 01 Jan 9998 00:00:00 GMT"]


@pytest.mark.parametrize("date", ODD_DATES)
@pytest.mark.parametrize("behind_s", [0.0, 600.0])
@pytest.mark.parametrize("what", ["transfer", "withdraw"])
def test_r07_without_a_date_nothing_is_certain(
    scene: Scene, date: Any, behind_s: float, what: str
) -> None:
    scene.account.behind_s = behind_s
    scene.account.date = date
    for lost, count in (("hang_up_before", 0), ("hang_up_after", 1)):
        scene.account.fate = getattr(scene.account, lost)
        error = getattr(scene, what)()
        assert_several(error, count)
        assert ("readable Date" in error.reason) is (count == 0)


def test_r07_equal_transfer_of_before_is_told_apart(scene: Scene) -> None:
    scene.account.transfer(BODY, ago_s=10)
    scene.account.fate = scene.account.hang_up_after
    row = scene.transfer().resolve()
    assert row.id == scene.account.ledgers[2][1][0]


def test_r07_equal_transfer_of_shortly_before_is_a_candidate(
    scene: Scene,
) -> None:
    scene.account.transfer(BODY, ago_s=10)
    scene.account.fate = scene.account.hang_up_before
    assert_several(scene.transfer(), 1)


def test_r07_equal_transfer_of_long_before_is_another_one(scene: Scene) -> None:
    scene.account.transfer(BODY, ago_s=60)
    scene.account.fate = scene.account.hang_up_before
    error = scene.transfer()
    with pytest.raises(NotExecuted):
        error.resolve()


def test_r07_clock_that_was_set_meanwhile_makes_nothing_certain(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + 600)
    scene.account.behind_s = 600.0
    scene.account.fate = scene.account.hang_up_after
    error = scene.transfer()
    monkeypatch.setattr(time, "time", right)
    scene.account.behind_s = 0.0
    assert_several(error, 1)


def test_r07_two_equal_transfers_at_the_same_time_are_candidates(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.transfer()
    scene.account.transfer(BODY)
    assert_several(error, 2)


def test_r07_other_bookings_of_the_same_time_are_not_taken_for_it(scene: Scene) -> None:
    account = scene.account
    account.transfer({**BODY, "amount": "1.50000002"})
    account.transfer({**BODY, "from": "funding"})
    account.transfer({**BODY, "currency": "BTC"})
    account.transfer({**BODY, "from": "margin", "to": "exchange"})
    account.book(104, "UST", "exchange", -1.5)
    account.fate = account.hang_up_before
    error = scene.transfer()
    with pytest.raises(NotExecuted):
        error.resolve()


def test_r07_older_name_of_a_wallet_is_understood(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.transfer(from_wallet="trading", to_wallet="deposit")
    assert error.resolve().wallet == "margin"


def test_r07_booking_that_names_no_wallet_counts(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.transfer()
    scene.account.book(51, "UST", None, -1.5)
    assert error.resolve().wallet is None


def test_r07_conversion_is_found_whatever_it_is_booked_as(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.transfer(currency_to="USTF0")
    row = error.resolve()
    assert (row.currency, row.amount) == ("UST", -1.5)


@pytest.mark.parametrize(
    "sent, booked",
    [("0.123456789", -0.12345679), ("0.10", -0.1), (1e-7, -1e-7), (3, -3.0)],
)
def test_r07_amount_is_compared_as_the_exchange_rounds_it(
    scene: Scene, sent: Any, booked: float
) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.transfer(sent)
    scene.account.book(51, "UST", "exchange", booked)
    assert error.resolve().amount == booked


def test_r07_numbers_may_be_decimals(serve: Serve, connect: Connect) -> None:
    account = LedgerAccount()
    server = serve(Verifier(account))
    transport = connect(
        server, signer=Signer(KEY, SECRET), numbers=Decimal, absence_s=0.03
    )
    scene = Scene(account, server, transport)
    scene.auth = AuthEndpoints(transport, numbers=Decimal)
    account.fate = account.hang_up_after
    amount = "1234567.12345678"
    # What an application has set for itself changes nothing.
    with localcontext(Context(prec=3)):
        moved = scene.transfer(amount).resolve()
        paid = scene.withdraw(amount=amount).resolve()
    assert str(moved.amount) == str(paid.amount) == f"-{amount}"


def test_r15_second_factor_shows_in_no_error(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_before
    options: Any = {"email_dst": "sub@example.com", "tfa_token": TFA}
    error = scene.transfer(**options)
    assert scene.account.writes[0][1]["tfaToken"] == TFA
    assert "sentinel" not in f"{error} {error!r} {error.known} {vars(error)}"
    assert error.known["email_dst"] == "sub@example.com"
    for request in (
        scene.auth.request_thalex_deposit,
        scene.auth.request_thalex_withdrawal,
    ):
        error = scene.unknown(lambda: request("5", "BTC", TFA))
        assert "sentinel" not in f"{error} {error!r} {error.known} {vars(error)}"
        assert (error.can_resolve, error.known["amount"]) == (False, "5")
        assert "and Thalex" in str(error)


LOST = ["hang_up_before", "hang_up_after"]


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("amount", ["1.5", "1.50"])
def test_r07_one_of_two_equal_transfers_of_this_program_is_never_guessed(
    scene: Scene, lost: str, is_first: bool, amount: str
) -> None:
    scene.account.fate = getattr(scene.account, lost)
    if is_first:
        error = scene.transfer()
    scene.account.fate = scene.account.obey
    scene.auth.transfer_between_wallets("exchange", "margin", "UST", None, amount)
    if not is_first:
        scene.account.fate = getattr(scene.account, lost)
        error = scene.transfer()
    assert_several(error, 1 + (lost == "hang_up_after"))


def test_r07_transfer_of_another_client_with_this_key_is_known_too(
    scene: Scene, connect: Connect
) -> None:
    other = AuthEndpoints(connect(scene.server, signer=Signer(KEY, SECRET)))
    other.transfer_between_wallets("exchange", "funding", "UST", None, "1.5")
    scene.account.fate = scene.account.hang_up_before
    assert_several(scene.transfer(), 1)


def test_r07_transfers_that_look_different_are_told_apart(scene: Scene) -> None:
    scene.auth.transfer_between_wallets("exchange", "margin", "UST", None, "1.25")
    scene.auth.transfer_between_wallets("funding", "margin", "UST", None, "1.5")
    scene.auth.transfer_between_wallets("exchange", "margin", "USD", None, "1.5")
    scene.account.fate = scene.account.hang_up_after
    assert scene.transfer().resolve().id == scene.account.ledgers[6][1][0]
    scene.account.fate = scene.account.hang_up_before
    with pytest.raises(NotExecuted):
        scene.transfer("1.75").resolve()


@pytest.mark.parametrize("how", ["error", "status"])
def test_r07_equal_transfer_that_was_refused_is_none(scene: Scene, how: str) -> None:
    def refuse(request: Exchange, execute: Callable[[], Any]) -> object:
        if how == "error":
            return request.answer(["error", 10001, "not enough balance"], 500)
        return request.answer([1, "acc_tf", None, None, None, None, "ERROR", "no"])

    def transfer() -> None:
        scene.auth.transfer_between_wallets("exchange", "margin", "UST", None, "1.5")

    scene.account.fate = refuse
    if how == "error":
        with pytest.raises(ApiError):
            transfer()
    else:
        transfer()
    scene.account.fate = scene.account.hang_up_after
    assert scene.transfer().resolve().amount == -1.5


# --- withdrawals ------------------------------------------------------------------------------


@pytest.mark.parametrize("fee_deduct", [None, False, True])
def test_r07_withdrawal_whose_answer_was_lost_is_found(
    scene: Scene, fee_deduct: Any
) -> None:
    scene.account.withdraw(
        {"method": "ethereum", "amount": "0.5", "address": ADDRESS}, 100
    )
    scene.account.fate = scene.account.hang_up_after
    error = scene.withdraw(fee_deduct=fee_deduct)
    assert error.known["address"] == ADDRESS
    row = error.resolve()
    assert type(row) is Movement
    assert (row.id, row.destination_address) == (501, ADDRESS)
    assert len(scene.account.writes) == 1


def test_r07_withdrawal_of_the_amount_with_the_fee_is_found(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.withdraw()
    scene.account.withdraw(
        {"method": "ethereum", "amount": "0.50135", "address": ADDRESS}
    )
    assert error.resolve().id == 500


def test_r07_withdrawal_that_never_arrived_is_absent_after_asking_twice(
    scene: Scene,
) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.withdraw()
    with pytest.raises(NotExecuted, match="inferred.*movements and the ledger"):
        error.resolve()
    both = ["r/movements/hist", "r/ledgers/hist"]
    assert scene.account.reads == ["r/ledgers/hist", *both, *both]
    assert len(scene.account.writes) == 1


def test_r07_withdrawal_that_arrives_late_is_found(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.withdraw()

    def arrive(count: int) -> None:
        if count == 4:
            scene.account.execute(*scene.account.writes[0])

    scene.account.before_read = arrive
    assert error.resolve().id == 500


@pytest.mark.parametrize(
    "changes",
    [{"address": "0xANOTHER"}, {"amount": "0.6"}, {"method": "bitcoin"}],
    ids=str,
)
def test_r07_other_withdrawal_of_the_same_time_is_a_candidate(
    scene: Scene, changes: Any
) -> None:
    body = {"method": "ethereum", "amount": "0.5", "address": ADDRESS, **changes}
    scene.account.withdraw(body)
    scene.account.fate = scene.account.hang_up_before
    assert_several(scene.withdraw(), 1)


def test_r07_right_one_of_several_withdrawals_is_found(scene: Scene) -> None:
    scene.account.withdraw(
        {"method": "ethereum", "amount": "0.5", "address": "0xOTHER"}
    )
    scene.account.fate = scene.account.hang_up_after
    assert scene.withdraw().resolve().id == 501


@pytest.mark.parametrize("lost", LOST)
def test_r07_one_of_two_like_withdrawals_of_this_program_is_never_guessed(
    scene: Scene, lost: str
) -> None:
    submit = scene.auth.submit_wallet_withdrawal
    # With its fee it is as much as the other one without.
    submit("exchange", "Ethereum", ADDRESS, "0.49865")
    scene.account.fate = getattr(scene.account, lost)
    assert_several(scene.withdraw(), 1 + (lost == "hang_up_after"))


def test_r07_deposit_of_the_same_time_is_no_withdrawal(scene: Scene) -> None:
    scene.account.withdraw({"method": "ethereum", "amount": "-0.5", "address": ADDRESS})
    scene.account.fate = scene.account.hang_up_before
    error = scene.withdraw()
    with pytest.raises(NotExecuted):
        error.resolve()


def test_r07_withdrawal_that_only_the_books_know_is_a_candidate(scene: Scene) -> None:
    scene.account.book(104, "ETH", "exchange", -0.5)
    scene.account.fate = scene.account.hang_up_before
    error = scene.withdraw()
    assert_several(error, 1)
    assert type(error.candidates[0]) is Ledger


def test_r07_invoice_that_was_paid_is_found(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(
        lambda: scene.auth.submit_wallet_withdrawal("exchange", "LNX", invoice="lnbc1")
    )
    assert error.resolve().destination_address == "lnbc1"


def test_r07_payment_without_its_invoice_is_a_candidate(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(
        lambda: scene.auth.submit_wallet_withdrawal("exchange", "lnx", invoice="lnbc1")
    )
    scene.account.movements[0][16] = None
    assert_several(error, 1)


def test_r07_acknowledgement_that_cannot_be_read_leaves_a_withdrawal_open(
    scene: Scene,
) -> None:
    def garble(request: Exchange, execute: Callable[[], Any]) -> object:
        execute()
        return request.answer([1, "acc_wd-req", None, None, [], None, "SUCCESS", ""])

    scene.account.fate = garble
    error = scene.withdraw()
    assert isinstance(error.__cause__, RemoteError)
    assert error.resolve().id == 500


def test_r07_refused_withdrawal_is_no_unknown_one(scene: Scene) -> None:
    text = "Momentary balance check. Please wait few seconds and try again."
    answer = ["error", 10001, text]
    scene.account.fate = lambda request, execute: request.answer(answer, 500)
    with pytest.raises(ApiError, match="Momentary") as caught:
        scene.auth.submit_wallet_withdrawal("exchange", "ethereum", ADDRESS, "0.5")
    assert type(caught.value) is ApiError
    assert len(scene.account.writes) == 1


# --- positions --------------------------------------------------------------------------------


def position(symbol: str, id: int, status: str = "ACTIVE", mts: int = 0) -> list[Any]:
    row: list[Any] = [None] * 20
    row[:6] = [symbol, status, 0.5, 30000, 0, 0]
    row[11], row[12], row[13] = id, mts, mts
    return row


def test_r07_claim_whose_answer_was_lost_shows_the_position_as_it_is(
    scene: Scene,
) -> None:
    scene.account.positions = [position("tBTCUSD", 7), position("tETHUSD", 8)]
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.auth.claim_position(8, amount="0.25"))
    assert error.known == {"id": 8, "amount": "0.25"}
    found = error.resolve()
    assert type(found) is Position
    assert (found.symbol, found.position_id) == ("tETHUSD", 8)
    # Not before it could have changed.
    assert scene.account.reads == ["r/positions"] * 2


def test_r07_claim_of_a_whole_position_shows_it_among_the_closed_ones(
    scene: Scene,
) -> None:
    scene.account.past = [position("tETHUSD", 8, "CLOSED")]
    scene.account.fate = scene.account.hang_up_before
    found = scene.unknown(lambda: scene.auth.claim_position(8)).resolve()
    assert type(found) is PositionHistory
    assert (found.status, found.position_id) == ("CLOSED", 8)


def test_r07_claim_of_no_position_was_not_executed(scene: Scene) -> None:
    scene.account.positions = [position("tBTCUSD", 7)]
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.auth.claim_position(8))
    with pytest.raises(NotExecuted):
        error.resolve()


def test_r07_increase_whose_answer_was_lost_shows_the_position_as_it_is(
    scene: Scene,
) -> None:
    scene.account.positions = [position("tETHUSD", 8), position("tBTCUSD", 7)]
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.auth.increase_position("tBTCUSD", 1))
    assert error.resolve().position_id == 7
    assert scene.account.reads == ["r/positions"] * 2


def test_r07_increase_without_a_position_was_not_executed(scene: Scene) -> None:
    mts = scene.account.mts
    scene.account.audit = [
        position("tETHUSD", 8, mts=mts),
        position("tBTCUSD", 7, mts=mts - 60_000),
    ]
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.auth.increase_position("tBTCUSD", 1))
    with pytest.raises(NotExecuted):
        error.resolve()


def test_r07_position_that_came_and_went_is_a_candidate(scene: Scene) -> None:
    scene.account.audit = [position("tBTCUSD", 7, "CLOSED", mts=scene.account.mts)]
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.auth.increase_position("tBTCUSD", 1))
    assert_several(error, 1)
    assert type(error.candidates[0]) is PositionAudit


# --- rows that cannot be read -----------------------------------------------------------------


def odd_booking(account: LedgerAccount, currency: Any) -> list[Any]:
    """Book something whose amount cannot be read."""
    account.book(51, "UST", "exchange", -1.5)
    _, row = account.ledgers.pop()
    row[1], row[5] = currency, "much"
    # Whatever currency is asked for.
    account.strange.append(row)
    return row


@pytest.mark.parametrize("currency", ["UST", None, 7])
def test_r07_booking_that_cannot_be_read_may_be_the_transfer(
    scene: Scene, currency: Any
) -> None:
    scene.account.book(51, "UST", "exchange", 9.0)
    odd = odd_booking(scene.account, currency)
    scene.account.fate = scene.account.hang_up_before
    for error in (scene.transfer(), scene.withdraw()):
        assert_several(error, 1)
        assert error.candidates == [odd]
    scene.account.fate = scene.account.hang_up_after
    assert_several(scene.transfer("2.5"), 2)


def test_r07_booking_of_a_stranger_that_cannot_be_read_hides_nothing(
    scene: Scene,
) -> None:
    odd_booking(scene.account, "BTC")
    scene.account.transfer({**BODY, "amount": "9"}, ago_s=10)
    scene.account.fate = scene.account.hang_up_before
    with pytest.raises(NotExecuted):
        scene.transfer().resolve()
    scene.account.fate = scene.account.hang_up_after
    assert scene.transfer("2.5").resolve().amount == -2.5


def test_r07_movement_that_cannot_be_read_may_be_the_withdrawal(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.withdraw()
    odd = [500, None, None, None, None, scene.account.mts, scene.account.mts]
    scene.account.movements.append(odd)
    assert_several(error, 1)
    assert error.candidates == [odd]


def test_r07_position_that_cannot_be_read_stays_unknown(scene: Scene) -> None:
    odd = position("tBTCUSD", 8)
    odd[2] = "much"
    scene.account.positions = [odd]
    scene.account.fate = scene.account.hang_up_before
    auth = scene.auth
    for act in (
        lambda: auth.claim_position(8),
        lambda: auth.increase_position("tBTCUSD", 1),
        lambda: auth.set_derivative_position_collateral("tBTCUSD", 5),
    ):
        error = scene.unknown(act)
        assert_several(error, 1)
        assert error.candidates == [odd]
    for act in (
        lambda: auth.claim_position(7),
        lambda: auth.increase_position("tETHUSD", 1),
        lambda: auth.set_derivative_position_collateral("tETHUSD", 5),
    ):
        with pytest.raises(NotExecuted):
            scene.unknown(act).resolve()


# --- what may be sent again -------------------------------------------------------------------


@pytest.mark.parametrize(
    "method, arguments, hint",
    [
        ("update_position_funding_type", ("tBTCUSD", 1), "may be sent again"),
        ("get_deposit_address", ("exchange", "bitcoin"), "may be sent again"),
        ("get_deposit_address", ("exchange", "x", True), "get_deposit_addresses shows"),
        ("generate_deposit_invoice", ("exchange", "LNX", 1), "may be sent"),
    ],
)
def test_r07_what_cannot_be_asked_for_says_what_to_do(
    scene: Scene, method: str, arguments: Any, hint: str
) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: getattr(scene.auth, method)(*arguments))
    assert not error.can_resolve
    assert hint in str(error)
    assert len(scene.account.writes) == 1
