"""R07 for funding: offers are made at most once, and what became of them is never a guess."""

from __future__ import annotations

import json
import time
from decimal import Context, Decimal, localcontext
from typing import Any, Callable

import pytest

from bfxsync.auth.signer import Signer
from bfxsync.errors import NotExecuted, OutcomeUnknown
from bfxsync.models.funding import FundingCredit, FundingLoan, FundingOffer
from bfxsync.models.positions import Position
from bfxsync.outcome import writes as sent
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.http import signing
from bfxsync.rest.http.transport import RestTransport

from .conftest import Connect, Serve
from .server import Exchange, Server
from .signed import KEY, SECRET, Verifier

LOANS, CREDITS = "r/funding/loans", "r/funding/credits"
OFFERS, HISTORY = "r/funding/offers/fUSD", "r/funding/offers/fUSD/hist"


@pytest.fixture(autouse=True)
def state_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "_locks", {})
    monkeypatch.setattr(sent, "_sent", {})


class FundingAccount:
    """
    Funding of one account, as the exchange keeps it.

    Attributes
    ----------
    fate : callable
        Gets the request of a write and what would execute it, and answers.
    open, closed : list of rows
        Offers.
    taken : dict of list of rows
        Loans and credits, and those that have ended, by their paths.
    positions : list of rows
    is_by_creation : bool
        Histories are sorted and filtered by when their rows were made, not by their last change.
    writes : list of (str, dict)
        Paths and bodies, in the order of their arrival.
    reads : list of str
        Paths.
    """

    def __init__(self) -> None:
        self.fate: Callable[[Exchange, Callable[[], Any]], object] = self.obey
        self.open: list[list[Any]] = []
        self.closed: list[list[Any]] = []
        self.taken: dict[str, list[Any]] = {}
        self.positions: list[list[Any]] = []
        self.is_by_creation = False
        self.writes: list[tuple[str, Any]] = []
        self.reads: list[str] = []
        self.before_read: Callable[[int], None] = lambda count: None
        self.behind_s = 0.0
        self.date: Any = "right"
        self._next_id = 1000

    @property
    def now_s(self) -> float:
        return time.time() - self.behind_s

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
        data = None
        if path == "w/funding/offer/submit":
            row = self.place(body)
            data = [row[0], None, None, None, row[4]]
        elif path == "w/funding/offer/cancel":
            for row in self.open:
                if row[0] == body["id"]:
                    self.close(row)
                    break
        elif path == "w/funding/offer/cancel/all":
            for row in list(self.open):
                if row[1] == f"f{body.get('currency', row[1][1:])}":
                    self.close(row)
        now = int(self.now_s * 1000)
        return [now, "x-req", None, None, data, None, "SUCCESS", "Submitting."]

    def place(self, body: Any, ago_s: float = 0) -> list[Any]:
        self._next_id += 1
        # In whole seconds, as the exchange has it.
        mts = int(self.now_s - ago_s) * 1000
        row: list[Any] = [None] * 21
        row[0], row[1], row[2], row[3] = self._next_id, body["symbol"], mts, mts
        row[4] = row[5] = float(body["amount"])
        row[6], row[9], row[10] = body["type"], body.get("flags", 0), "ACTIVE"
        row[14], row[15] = float(body["rate"]), body["period"]
        self.open.append(row)
        return row

    def close(
        self, row: list[Any], status: str = "CANCELED", ago_s: float = 0
    ) -> list[Any]:
        if row in self.open:
            self.open.remove(row)
        row[3] = max(row[2], int(self.now_s - ago_s) * 1000)
        row[10] = status
        self.closed.append(row)
        return row

    def find(self, path: str, body: Any) -> list[Any]:
        if path == "r/positions":
            return self.positions
        name, _, rest = path[len("r/funding/") :].partition("/")
        symbol = None if rest in ("", "hist") else rest.split("/")[0]
        is_past = rest.endswith("hist")
        if name == "offers":
            rows = self.closed if is_past else self.open
        else:
            rows = self.taken.get(path, [])
        rows = [row for row in rows if symbol in (None, row[1])]
        if not is_past:
            return rows
        first = 2 if name == "offers" else 3
        column = first if self.is_by_creation else first + 1
        start, end = body.get("start", 0), body.get("end", 10**14)
        rows = [row for row in rows if start <= row[column] <= end]
        return sorted(rows, key=lambda row: -row[column])[: body["limit"]]


class Scene:
    """An account, its server, and a client of it."""

    def __init__(
        self, account: FundingAccount, server: Server, transport: RestTransport
    ) -> None:
        self.account = account
        self.server = server
        self.transport = transport
        self.auth = AuthEndpoints(transport)

    def submit(self, **changes: Any) -> OutcomeUnknown:
        arguments = {**BODY, **changes}
        return self.unknown(lambda: self.auth.submit_funding_offer(**arguments))

    def unknown(self, act: Callable[[], Any]) -> OutcomeUnknown:
        with pytest.raises(OutcomeUnknown) as caught:
            act()
        return caught.value


@pytest.fixture
def scene(serve: Serve, connect: Connect) -> Scene:
    account = FundingAccount()
    server = serve(Verifier(account))
    return Scene(
        account, server, connect(server, signer=Signer(KEY, SECRET), absence_s=0.03)
    )


def assert_several(error: OutcomeUnknown, count: int) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        error.resolve()
    assert caught.value is error
    assert len(error.candidates) == count


BODY: Any = {
    "type": "LIMIT",
    "symbol": "fUSD",
    "amount": "150.5",
    "rate": "0.00025",
    "period": 2,
}


# --- new offers -------------------------------------------------------------------------------


def test_r07_offer_that_goes_well_is_acknowledged(scene: Scene) -> None:
    found = scene.auth.submit_funding_offer(**BODY)
    assert (found.data.id, found.data.amount, found.data.symbol) == (1001, 150.5, None)
    assert found.endpoint == "auth/w/funding/offer/submit"


def test_r07_offer_whose_answer_was_lost_is_found(scene: Scene) -> None:
    scene.account.place({**BODY, "symbol": "fUST"})
    scene.account.fate = scene.account.hang_up_after
    error = scene.submit()
    assert error.known == BODY
    assert "do not send it again" in str(error)
    offer = error.resolve()
    assert type(offer) is FundingOffer
    assert (offer.id, offer.amount, offer.rate) == (1002, 150.5, 0.00025)
    assert scene.account.reads == [OFFERS, HISTORY]
    assert len(scene.account.writes) == 1


def test_r07_offer_that_was_taken_meanwhile_is_found_in_the_history(
    scene: Scene,
) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.submit()
    row = scene.account.close(scene.account.open[0], "EXECUTED at 0.025% (150.5)")
    row[4] = 0
    offer = error.resolve()
    assert (offer.id, offer.amount, offer.status.is_executed) == (1001, 0, True)


def test_r07_offer_that_is_taken_between_two_questions_is_found_once(
    scene: Scene,
) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.submit()

    def close(count: int) -> None:
        if count == 2:
            scene.account.close(scene.account.open[0], "EXECUTED at 0.025% (150.5)")

    scene.account.before_read = close
    assert error.resolve().offer_status.startswith("EXECUTED")


def test_r07_offer_that_never_arrived_is_absent_after_asking_twice(
    scene: Scene,
) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.submit()
    with pytest.raises(NotExecuted, match="inferred.* open offers and") as caught:
        error.resolve()
    assert (caught.value.proof, caught.value.retryable) == ("absent", False)
    assert scene.account.reads == [OFFERS, HISTORY] * 2
    assert len(scene.account.writes) == 1


def test_r07_offer_that_arrives_late_is_found(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_before
    error = scene.submit()

    def arrive(count: int) -> None:
        if count == 3:
            scene.account.place(BODY)

    scene.account.before_read = arrive
    assert error.resolve().id == 1001


@pytest.mark.parametrize("behind_s", [-7200.0, 7200.0])
def test_r07_wrong_clock_is_certain_once_a_notification_confirms_the_header(
    scene: Scene, behind_s: float
) -> None:
    scene.account.behind_s = behind_s
    scene.account.fate = scene.account.hang_up_after
    found = scene.submit()
    assert_several(found, 1)
    scene.account.fate = scene.account.hang_up_before
    absent = scene.submit(amount=151)
    assert_several(absent, 0)
    scene.account.fate = scene.account.obey
    scene.auth.submit_funding_offer(**{**BODY, "symbol": "fUST"})
    assert found.resolve().id == 1001
    with pytest.raises(NotExecuted):
        absent.resolve()


def test_r07_other_offers_of_the_same_time_are_not_taken_for_it(scene: Scene) -> None:
    account = scene.account
    for change in (
        {"symbol": "fUST"},
        {"type": "FRRDELTAFIX"},
        {"amount": "150.50000002"},
        {"amount": "-150.5"},
        {"period": 3},
        {"rate": "0.00025002"},
    ):
        account.place({**BODY, **change})
        account.close(account.place({**BODY, **change}))
    account.fate = account.hang_up_before
    error = scene.submit()
    with pytest.raises(NotExecuted):
        error.resolve()


def test_r07_equal_offer_of_before_is_told_apart(scene: Scene) -> None:
    scene.account.place(BODY, ago_s=10)
    scene.account.fate = scene.account.hang_up_after
    assert scene.submit().resolve().id == 1002


def test_r07_equal_offer_of_shortly_before_is_a_candidate(scene: Scene) -> None:
    scene.account.place(BODY, ago_s=10)
    scene.account.fate = scene.account.hang_up_before
    assert_several(scene.submit(), 1)


def test_r07_equal_offer_of_long_before_is_another_one(scene: Scene) -> None:
    # Also if it has ended just now.
    scene.account.place(BODY, ago_s=60)
    scene.account.close(scene.account.place(BODY, ago_s=60))
    scene.account.fate = scene.account.hang_up_before
    error = scene.submit()
    with pytest.raises(NotExecuted):
        error.resolve()


def test_r07_two_equal_offers_at_the_same_time_are_candidates(scene: Scene) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.submit()
    scene.account.place(BODY)
    assert_several(error, 2)


@pytest.mark.parametrize("lost", ["hang_up_before", "hang_up_after"])
@pytest.mark.parametrize("changes", [{}, {"amount": 150.5, "rate": "0.000250"}])
def test_r07_one_of_two_equal_offers_of_this_program_is_never_guessed(
    scene: Scene, lost: str, changes: Any
) -> None:
    scene.auth.submit_funding_offer(**{**BODY, **changes})
    scene.account.fate = getattr(scene.account, lost)
    assert_several(scene.submit(), 1 + (lost == "hang_up_after"))


def test_r07_offer_with_almost_this_rate_may_be_it_or_may_be_another(
    scene: Scene,
) -> None:
    # The step before it on a ladder of offers, or this one as the exchange has rounded it.
    scene.account.place({**BODY, "rate": "0.000250001"})
    scene.account.fate = scene.account.hang_up_before
    assert_several(scene.submit(), 1)


def test_r07_offer_is_told_apart_from_the_steps_of_its_ladder(scene: Scene) -> None:
    for rate in ("0.000249999", "0.000250001"):
        scene.account.place({**BODY, "rate": rate})
    scene.account.fate = scene.account.hang_up_after
    assert scene.submit().resolve().id == 1003


@pytest.mark.parametrize(
    "rate, shown, is_sure",
    [("0", "0", True), ("0.00001", "0.00001", True), ("0.00001", "0.00031", False)],
)
def test_r07_offer_that_follows_the_market_is_sure_if_its_offset_is_shown(
    scene: Scene, rate: str, shown: str, is_sure: bool
) -> None:
    kind = {"type": "FRRDELTAVAR"}
    scene.account.fate = scene.account.hang_up_before
    error = scene.submit(**kind, rate=rate)
    scene.account.place({**BODY, **kind, "rate": shown})
    if is_sure:
        assert error.resolve().rate == float(shown)
    else:
        assert_several(error, 1)


def test_r07_numbers_of_offers_may_be_decimals(serve: Serve, connect: Connect) -> None:
    account = FundingAccount()
    server = serve(Verifier(account))
    transport = connect(
        server, signer=Signer(KEY, SECRET), numbers=Decimal, absence_s=0.03
    )
    scene = Scene(account, server, transport)
    scene.auth = AuthEndpoints(transport, numbers=Decimal)
    account.fate = account.hang_up_after
    # What an application has set for itself changes nothing.
    with localcontext(Context(prec=3)):
        offer = scene.submit(amount="1234567.12345678", rate="0.00012345").resolve()
    assert str(offer.amount) == "1234567.12345678"
    assert str(offer.rate) == "0.00012345"


# --- offers that are cancelled ----------------------------------------------------------------


def test_r07_cancellation_whose_answer_was_lost_shows_the_offer_as_it_is(
    scene: Scene,
) -> None:
    scene.account.place(BODY)
    scene.account.place(BODY)
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: scene.auth.cancel_funding_offer(1001))
    assert error.known == {"id": 1001}
    offer = error.resolve()
    assert (offer.id, offer.offer_status) == (1001, "CANCELED")
    assert len(scene.account.writes) == 1


def test_r07_offer_that_stays_open_is_shown_when_it_can_no_longer_change(
    scene: Scene,
) -> None:
    scene.account.place(BODY)
    scene.account.fate = scene.account.hang_up_before
    offer = scene.unknown(lambda: scene.auth.cancel_funding_offer(1001)).resolve()
    assert (offer.id, offer.offer_status) == (1001, "ACTIVE")
    assert scene.account.reads == ["r/funding/offers"] * 2


def test_r07_cancellation_that_arrives_late_is_found(scene: Scene) -> None:
    scene.account.place(BODY)
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.auth.cancel_funding_offer(1001))

    def arrive(count: int) -> None:
        if count == 2:
            scene.account.close(scene.account.open[0])

    scene.account.before_read = arrive
    assert error.resolve().offer_status == "CANCELED"


def test_r07_cancellation_of_no_offer_was_not_executed(scene: Scene) -> None:
    scene.account.place(BODY)
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: scene.auth.cancel_funding_offer(5))
    with pytest.raises(NotExecuted):
        error.resolve()


@pytest.mark.parametrize("is_by_creation", [False, True])
def test_r07_cancelled_offer_is_found_whichever_way_the_history_is_sorted(
    scene: Scene, is_by_creation: bool
) -> None:
    account = scene.account
    account.is_by_creation = is_by_creation
    for _ in range(3):
        account.close(account.place(BODY, ago_s=5000), ago_s=4000)
    offer = account.place(BODY, ago_s=3000)
    # Made later, and ended before.
    for _ in range(3):
        account.close(account.place(BODY, ago_s=2000), ago_s=1000)
    account.fate = account.hang_up_after
    error = scene.unknown(lambda: scene.auth.cancel_funding_offer(offer[0]))
    # And one that has ended since.
    account.close(account.place(BODY), ago_s=-1)
    assert error.resolve().id == offer[0]


def test_r07_search_for_a_cancelled_offer_ends_where_it_can_no_longer_be(
    scene: Scene,
) -> None:
    account = scene.account
    for number in range(1200):
        account.close(account.place(BODY, ago_s=5000), ago_s=4000 - number)
    account.fate = account.hang_up_before
    error = scene.unknown(lambda: scene.auth.cancel_funding_offer(5000))
    with pytest.raises(NotExecuted):
        error.resolve()
    # One page each time, of three.
    assert account.reads == ["r/funding/offers", "r/funding/offers/hist"] * 2


@pytest.mark.parametrize("currency", ["USD", "UST", None])
def test_r07_cancellation_of_all_leaves_nothing(scene: Scene, currency: Any) -> None:
    scene.account.place(BODY)
    scene.account.place({**BODY, "symbol": "fUST"})
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: scene.auth.cancel_all_funding_offers(currency))
    assert error.resolve() == []
    assert scene.account.reads == ["r/funding/offers"]


@pytest.mark.parametrize("currency, ids", [("USD", [1001]), (None, [1001, 1002])])
def test_r07_cancellation_of_all_that_never_arrived_shows_all_that_it_was_about(
    scene: Scene, currency: Any, ids: list[int]
) -> None:
    scene.account.place(BODY)
    scene.account.place({**BODY, "symbol": "fUST"})
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.auth.cancel_all_funding_offers(currency))
    assert [offer.id for offer in error.resolve()] == ids
    assert scene.account.reads == ["r/funding/offers"] * 2


# --- what was lent and borrowed ---------------------------------------------------------------


def taken(id: int, status: str = "ACTIVE") -> list[Any]:
    mts = int(time.time()) * 1000
    head = [id, "fUSD", -1, mts, mts, 200, 0, status, None, None, None, 0.002, 7]
    return head + [None] * 9


@pytest.mark.parametrize("path, kind", [(LOANS, FundingLoan), (CREDITS, FundingCredit)])
def test_r07_funding_that_was_to_be_returned_is_shown_as_it_is(
    scene: Scene, path: str, kind: Any
) -> None:
    scene.account.taken = {LOANS: [taken(1)], CREDITS: [taken(2)]}
    scene.account.taken[path].append(taken(7))
    scene.account.fate = scene.account.hang_up_before
    found = scene.unknown(lambda: scene.auth.submit_funding_close(7)).resolve()
    assert (type(found), found.id, found.status) == (kind, 7, "ACTIVE")
    assert scene.account.reads == [LOANS, CREDITS] * 2


@pytest.mark.parametrize("path, kind", [(LOANS, FundingLoan), (CREDITS, FundingCredit)])
def test_r07_funding_that_was_returned_is_found_in_the_history(
    scene: Scene, path: str, kind: Any
) -> None:
    scene.account.taken = {f"{LOANS}/hist": [taken(1)], f"{CREDITS}/hist": [taken(2)]}
    scene.account.taken[f"{path}/hist"].append(taken(7, "CLOSED (used)"))
    scene.account.fate = scene.account.hang_up_after
    found = scene.unknown(lambda: scene.auth.submit_funding_close(7)).resolve()
    assert (type(found), found.id, found.status) == (kind, 7, "CLOSED (used)")


def test_r07_return_of_no_funding_was_not_executed(scene: Scene) -> None:
    scene.account.taken = {LOANS: [taken(1)], f"{CREDITS}/hist": [taken(2)]}
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: scene.auth.submit_funding_close(7))
    with pytest.raises(NotExecuted):
        error.resolve()
    assert len(scene.account.writes) == 1


def test_r07_return_that_the_exchange_may_have_forgotten_is_not_absent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: scene.auth.submit_funding_close(7))
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 2.5 * 86_400)
    with pytest.raises(OutcomeUnknown, match="for a limited time only"):
        error.resolve()


# --- collateral -------------------------------------------------------------------------------


def position(symbol: str, collateral: float) -> list[Any]:
    row: list[Any] = [None] * 20
    row[:6] = [symbol, "ACTIVE", 0.5, 30000, 0, 0]
    row[11], row[17] = 7, collateral
    return row


@pytest.mark.parametrize("symbol", ["tBTCF0:USTF0", "BTCF0/USTF0"])
def test_r07_collateral_whose_answer_was_lost_is_shown_by_the_position(
    scene: Scene, symbol: str
) -> None:
    scene.account.positions = [
        position("tETHF0:USTF0", 5),
        position("tBTCF0:USTF0", 1150.61),
    ]
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(
        lambda: scene.auth.set_derivative_position_collateral(symbol, 1150.61)
    )
    found = error.resolve()
    assert type(found) is Position
    assert (found.symbol, found.collateral) == ("tBTCF0:USTF0", 1150.61)
    # Not before it could have changed.
    assert scene.account.reads == ["r/positions"] * 2


def test_r07_collateral_of_no_position_was_not_set(scene: Scene) -> None:
    scene.account.positions = [position("tETHF0:USTF0", 5)]
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(
        lambda: scene.auth.set_derivative_position_collateral("tBTCF0:USTF0", 5)
    )
    with pytest.raises(NotExecuted):
        error.resolve()


# --- rows that cannot be read -----------------------------------------------------------------


def test_r07_offer_that_cannot_be_read_stays_unknown(scene: Scene) -> None:
    odd = scene.account.place(BODY)
    odd[4] = "much"
    auth = scene.auth
    scene.account.fate = scene.account.hang_up_before
    for act in (
        lambda: auth.submit_funding_offer(**BODY),
        lambda: auth.cancel_funding_offer(1001),
        lambda: auth.cancel_all_funding_offers("USD"),
        lambda: auth.cancel_all_funding_offers(),
    ):
        error = scene.unknown(act)
        assert_several(error, 1)
        assert error.candidates == [odd]
    assert scene.unknown(lambda: auth.cancel_all_funding_offers("UST")).resolve() == []
    for other in (
        lambda: auth.submit_funding_offer(**{**BODY, "symbol": "fUST"}),
        lambda: auth.cancel_funding_offer(1002),
    ):
        with pytest.raises(NotExecuted):
            scene.unknown(other).resolve()


def test_r07_loan_that_cannot_be_read_stays_unknown(scene: Scene) -> None:
    odd = taken(7)
    odd[5] = "much"
    scene.account.taken = {LOANS: [odd]}
    scene.account.fate = scene.account.hang_up_before
    error = scene.unknown(lambda: scene.auth.submit_funding_close(7))
    assert_several(error, 1)
    assert error.candidates == [odd]
    with pytest.raises(NotExecuted):
        scene.unknown(lambda: scene.auth.submit_funding_close(8)).resolve()


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_r07_offer_is_never_certain_without_a_date(scene: Scene, date: Any) -> None:
    scene.account.date = date
    for lost, count in (("hang_up_before", 0), ("hang_up_after", 1)):
        scene.account.fate = getattr(scene.account, lost)
        assert_several(scene.submit(), count)
    # By its id it is.
    error = scene.unknown(lambda: scene.auth.cancel_funding_offer(1001))
    assert error.resolve().offer_status == "CANCELED"


# --- what may be sent again -------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "method, arguments, options, hint",
    [
        ("toggle_auto_renew", (True, "USD"), {}, "get_auto_renew_status"),
        (
            "toggle_keep_funding",
            ("loan",),
            {"ids": [5]},
            "with ids alone undoes the first",
        ),
        ("set_alert", ("tBTCUSD", 600), {}, "may be sent again"),
        ("delete_alert", ("tBTCUSD", 600), {}, "may be sent again"),
        ("delete_alert_by_body", ("tBTCUSD", 600), {}, "may be sent again"),
        ("set_settings", ({"api:x": 1},), {}, "may be sent again"),
        ("delete_settings", (["api:x"],), {}, "may be sent again"),
        ("add_pulse", ("A title", "Words."), {}, "get_pulse_history"),
        ("delete_pulse", ("d139512b",), {}, "get_pulse_history"),
    ],
)
def test_r07_what_cannot_be_asked_for_says_what_to_do(
    scene: Scene, method: str, arguments: Any, options: Any, hint: str
) -> None:
    scene.account.fate = scene.account.hang_up_after
    error = scene.unknown(lambda: getattr(scene.auth, method)(*arguments, **options))
    assert not error.can_resolve
    assert hint in str(error)
    assert len(scene.account.writes) == 1
