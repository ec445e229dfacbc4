"""The account in a forked child, and over TLS, each in a process of its own."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import trustme

from bfxsync import Client
from bfxsync.models.stream import Gap, Snapshot
from bfxsync.paper import PaperExchange

from .conftest import DEADLINE_S


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_r10_child_of_a_fork_has_no_part_in_the_account(
    exchange: PaperExchange,
) -> None:
    script = f"""
        import os, signal, threading, warnings
        from datetime import timedelta
        warnings.simplefilter("ignore", DeprecationWarning)
        from bfxsync import Client, ClosedError
        terms = ("EXCHANGE LIMIT", "tBTCUSD", "0.01", "100")
        bfx = Client("paper-key", "paper-secret", wss_host="{exchange.url}",
                     rest_host="{exchange.rest_url}")
        seen = []
        news = threading.Event()
        bfx.wss.on("order_new", lambda order: (seen.append(order.id), news.set()))
        bfx.wss.account.wait_ready()
        reply = bfx.wss.inputs.submit_order(*terms)
        order = reply.result(10)
        inputs, account = bfx.wss.inputs, bfx.wss.subscribe_account()
        history = bfx.trades("tBTCUSD", since=timedelta(minutes=30))
        trade, trades = history.get(10), iter(history)
        news.wait(10)
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            for call in (
                lambda: inputs.submit_order(*terms),
                lambda: bfx.wss.wait_authenticated(1),
                lambda: bfx.wss.subscribe_account(),
                lambda: reply.wait_done(5),
                account.get,
                history.get,
                lambda: next(trades),
            ):
                try:
                    call()
                except ClosedError as exc:
                    assert "start()" in str(exc)
                else:
                    os._exit(1)
            del seen[:]
            news.clear()
            bfx.wss.start()
            assert trade in history.collect()
            bfx.wss.account.wait_ready()
            assert [each["is_account"] for each in bfx.wss.stats()["connections"]] == [True]
            assert list(bfx.wss.account.orders) == [order.id]
            second = bfx.wss.inputs.submit_order(*terms).result(10)
            assert news.wait(10) and seen == [second.id]
            bfx.close()
            os._exit(7)
        print(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
        print(reply.cancel_order().result(10).id == order.id)
        bfx.close()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=3 * DEADLINE_S,
    )
    assert (done.stdout, done.stderr) == ("7\nTrue\n", "")


def test_account_is_reached_over_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    bundle = str(tmp_path / "authority.pem")
    authority.cert_pem.write_to_path(bundle)
    with PaperExchange(rate=1e-3, ssl_context=context) as exchange:
        assert exchange.url.startswith("wss:")
        with exchange.client(ca_bundle=bundle) as client:
            reply = client.wss.inputs.submit_order(
                "EXCHANGE LIMIT", "tBTCUSD", "0.01", "100"
            )
            order = reply.result(DEADLINE_S)
            events = client.wss.subscribe_account().events()
            exchange.drop_connections()
            while not isinstance(next(events), Gap):
                pass
            assert isinstance(next(events), Snapshot)
            cancelled = client.wss.inputs.cancel_order(id=order.id)
            assert cancelled.result(DEADLINE_S).id == order.id


def test_client_of_one_call_has_an_account() -> None:
    with Client.paper() as client:
        client.wss.account.wait_ready(DEADLINE_S)
        assert client.wss.account.wallets["exchange", "USD"].balance > 0
