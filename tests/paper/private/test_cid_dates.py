"""Orders that are cancelled by their client id alone."""

from __future__ import annotations

import itertools
from datetime import datetime, timezone
from typing import Any, Iterator

import pytest

from bfxsync.errors import OrderRejected, OutcomeUnknown, UsageError
from bfxsync.paper import PaperExchange
from bfxsync.rest.auth import AuthEndpoints

from .test_client import LIMIT, SUBMIT, rest_of

ORDER = dict(zip(("type", "symbol", "amount", "price"), LIMIT))
TODAY = f"{datetime.now(timezone.utc):%Y-%m-%d}"
MULTI = "auth/w/order/multi"
MIDNIGHT_S = 1_769_904_000.0
"""The end of 2026-01-31."""

_cids = itertools.count(1000)


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(rate=1e-3) as exchange:
        yield exchange


@pytest.fixture
def cid() -> int:
    return next(_cids)


@pytest.fixture
def auth(exchange: PaperExchange) -> Iterator[AuthEndpoints]:
    with rest_of(exchange) as client:
        yield client.auth
        client.auth.cancel_all_orders()


def open_cids(auth: AuthEndpoints) -> set[Any]:
    return {order.cid for order in auth.get_orders()}


def test_order_that_the_client_sent_is_cancelled_by_its_id(
    auth: AuthEndpoints, cid: int
) -> None:
    order = auth.submit_order(*LIMIT, cid=cid).data
    generated = auth.submit_order(*LIMIT).data
    assert generated.cid is not None
    assert [found.id for found in auth.get_orders(cid=cid)] == [order.id]
    assert auth.cancel_order(cid=cid).is_success
    assert auth.cancel_order(cid=generated.cid).is_success
    assert not open_cids(auth) & {cid, generated.cid}
    with pytest.raises(OrderRejected, match="not found"):
        auth.cancel_order(cid=cid)


def test_order_that_another_client_sent_is_cancelled_once_seen(
    exchange: PaperExchange, auth: AuthEndpoints, cid: int
) -> None:
    with rest_of(exchange) as other:
        other.auth.submit_order(*LIMIT, cid=cid)
    with pytest.raises(UsageError, match="^cid_date must be given: this client has"):
        auth.cancel_order(cid=cid)
    assert cid in open_cids(auth)
    assert auth.cancel_order(cid=cid).is_success


@pytest.mark.parametrize("is_alone", [True, False])
def test_lost_order_is_cancelled_by_its_client_id(
    exchange: PaperExchange, auth: AuthEndpoints, cid: int, is_alone: bool
) -> None:
    exchange.inject("lost_answer", path=SUBMIT if is_alone else MULTI)
    with pytest.raises(OutcomeUnknown):
        if is_alone:
            auth.submit_order(*LIMIT, cid=cid)
        else:
            auth.submit_order_multi([("on", {**ORDER, "cid": cid})])
    assert auth.cancel_order(cid=cid).is_success
    assert cid not in open_cids(auth)


def test_several_are_cancelled_by_client_ids_with_and_without_date(
    auth: AuthEndpoints,
) -> None:
    cids = [next(_cids) for _ in range(4)]
    auth.submit_order_multi([("on", {**ORDER, "cid": cid}) for cid in cids])
    auth.cancel_order_multi(cid=[cids[0], (cids[1], TODAY)])
    assert open_cids(auth) & set(cids) == set(cids[2:])
    ops = [("oc", {"cid": cids[2]}), ("oc_multi", {"cid": [cids[3]]})]
    auth.submit_order_multi(ops).raise_for_status()
    assert not open_cids(auth) & set(cids)


@pytest.mark.parametrize("is_alone", [True, False])
def test_refused_order_has_no_date(
    auth: AuthEndpoints, cid: int, is_alone: bool
) -> None:
    terms = {**ORDER, "amount": "0.00001", "cid": cid}
    if is_alone:
        with pytest.raises(OrderRejected):
            auth.submit_order(**terms)
    else:
        note = auth.submit_order_multi([("on", terms), ("oc", {"id": 1})])
        assert [item.is_success for item in note.data] == [False, False]
    with pytest.raises(UsageError, match="^cid_date must be given"):
        auth.cancel_order(cid=cid)


def test_dry_run_knows_the_client_ids_that_it_did_not_send(
    exchange: PaperExchange, cid: int
) -> None:
    with rest_of(exchange, dry_run=True) as client:
        client.auth.submit_order(*LIMIT, cid=cid)
        assert client.auth.cancel_order(cid=cid).status == "DRY_RUN"
        cids = [next(_cids), next(_cids)]
        client.auth.submit_order_multi([("on", {**ORDER, "cid": cid}) for cid in cids])
        note = client.auth.cancel_order_multi(cid=cids)
        assert note.status == "DRY_RUN" and client.auth.get_orders() == []


def test_client_id_of_two_days_needs_a_date(auth: AuthEndpoints, cid: int) -> None:
    auth._cid_dates.mark_sent([cid], ["2026-01-31"])
    auth.submit_order(*LIMIT, cid=cid)
    for act in (
        lambda: auth.cancel_order(cid=cid),
        lambda: auth.cancel_order_multi(cid=[cid]),
        lambda: auth.get_orders(cid=cid),
        lambda: auth.submit_order_multi([("oc", {"cid": cid})]),
    ):
        with pytest.raises(UsageError, match=f"created on 2026-01-31, {TODAY}$"):
            act()
    assert auth.cancel_order(cid=cid, cid_date=TODAY).is_success
    # What remains may be open on the other day.
    assert auth._cid_dates.date_for(cid) == "2026-01-31"


def test_date_of_an_order_lost_around_midnight_is_not_guessed(
    exchange: PaperExchange,
    auth: AuthEndpoints,
    cid: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # By the exchange's clock it is sent just after midnight.
    skew_s = auth._transport.clock_skew_s or 0.0
    monkeypatch.setattr(auth, "_clock", lambda: MIDNIGHT_S + skew_s + 2)
    exchange.inject("lost_answer", path=SUBMIT)
    with pytest.raises(OutcomeUnknown):
        auth.submit_order(*LIMIT, cid=cid)
    with pytest.raises(UsageError, match="created on 2026-01-31, 2026-02-01$"):
        auth.cancel_order(cid=cid)
    # An answer says which date it is.
    other = next(_cids)
    auth.submit_order(*LIMIT, cid=other)
    assert auth._cid_dates.date_for(other) == TODAY


def test_client_id_is_known_while_its_order_is_on_the_way(
    auth: AuthEndpoints, cid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(
        auth, "_remember", lambda *args: seen.append(auth._cid_dates.date_for(cid))
    )
    auth.submit_order(*LIMIT, cid=cid)
    assert seen == [TODAY]


def test_answer_without_a_time_leaves_the_date_of_sending(
    auth: AuthEndpoints, cid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = auth._transport.request

    def without_time(*args: Any, **options: Any) -> Any:
        answer = request(*args, **options)
        answer[4][0][4] = None
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(auth._transport, "request", without_time)
        assert auth.submit_order(*LIMIT, cid=cid).data.mts_create is None
    assert auth.cancel_order(cid=cid).is_success


def test_interrupted_order_is_cancelled_by_its_client_id(
    auth: AuthEndpoints, cid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(auth, "_build", interrupt)
        with pytest.raises(KeyboardInterrupt):
            auth.submit_order(*LIMIT, cid=cid)
    assert auth.cancel_order(cid=cid).is_success
