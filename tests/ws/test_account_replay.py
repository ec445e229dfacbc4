"""Accounts in recordings, played again: what users get is what they got."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from bfxsync import Backoff, Gap, Snapshot, SubscriptionRejected, UsageError
from bfxsync.paper import PaperExchange
from bfxsync.ws.replay import replay

RUN = Path(__file__).parent.parent / "data" / "account-run.jsonl"


def kinds(items):
    return [type(item) for item in items]


def prices(items):
    """The prices of the orders that were new."""
    return [item.data.price for item in items if getattr(item, "code", "") == "on"]


def test_r03_a_replay_of_an_account_gives_what_its_user_got(tmp_path, record):
    path, got = tmp_path / "run.jsonl.gz", record()
    with (
        PaperExchange(rate=1e-3) as exchange,
        exchange.client(record=path, backoff=Backoff(first_s=0.05)) as client,
    ):
        client.wss.subscribe_account(got, on_event=got)
        for price in (100, 101):
            client.rest.auth.submit_order(
                type="EXCHANGE LIMIT", symbol="tBTCUSD", amount="0.01", price=price
            )
            items = got.wait(lambda items, price=price: price in prices(items))
            count = kinds(items).count(Snapshot)
            exchange.drop_connections()
            got.wait(lambda items, n=count: kinds(items).count(Snapshot) > n)
    played = []
    with replay(path) as recording:
        recording.subscribe_account(played.append, on_event=played.append)
        recording.run()
    assert played == got.items
    events = [kind for kind in kinds(played) if kind in (Snapshot, Gap)]
    assert events == [Snapshot, Gap, Snapshot, Gap, Snapshot]

    with gzip.open(path, "rt") as lines:
        text = lines.read()
    # R15
    assert text.count('\\"event\\":\\"auth\\",\\"apiKey\\":\\"***') == 3
    for secret in ("paper-key", "paper-secret", "AUTH1"):
        assert secret not in text


def test_handlers_alone_play_an_account():
    orders, trades = [], []
    with replay(RUN) as recording:
        recording.on("order_new", orders.append)
        recording.on("trade_execution", trades.append)
        recording.run()
    assert len(orders) == 26 and len(trades) == 25


def test_an_account_can_be_iterated_in_the_client_s_numbers():
    with replay(RUN, numbers=Decimal) as recording:
        updates = list(recording.subscribe_account())
    amounts = [update.data.amount for update in updates if update.code == "on"]
    assert len(amounts) == 26 and {type(amount) for amount in amounts} == {Decimal}


def test_an_account_that_was_not_recorded_is_refused(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text('{"t":1,"frame":"{\\"event\\":\\"info\\",\\"version\\":2}"}\n')
    with replay(path) as recording:
        recording.on("order_new", print)
        with pytest.raises(SubscriptionRejected, match="account is not in the rec"):
            recording.subscribe_account()
        recording.run()


@pytest.mark.parametrize("name", ["authenticate", "wait_authenticated"])
def test_a_recording_has_no_key(name):
    with replay(RUN) as recording:
        with pytest.raises(UsageError, match="no key"):
            getattr(recording, name)()
