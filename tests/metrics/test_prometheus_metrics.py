"""What Prometheus scrapes: a real exposition over HTTP."""

from __future__ import annotations

import gc
import subprocess
import sys
import urllib.request
from typing import Any

import pytest
from patience import at_most
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families as parse

from bfxsync import Client, UsageError, WebSocketClient
from bfxsync.metrics import PrometheusCollector
from bfxsync.paper import PaperExchange


def samples(registry: CollectorRegistry) -> dict[Any, float]:
    """Serve the registry, scrape it once, and return each sample."""
    httpd, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        url = f"http://127.0.0.1:{httpd.server_port}/metrics"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=20) as answer:
            text = answer.read().decode()
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join(20)
    return {
        (sample.name, *(sample.labels[key] for key in sorted(sample.labels))): (
            sample.value
        )
        for family in parse(text)
        for sample in family.samples
    }


def test_a_scrape_has_the_numbers_of_stats(exchange: PaperExchange) -> None:
    registry = CollectorRegistry()
    with exchange.client() as bfx:
        registry.register(PrometheusCollector({"market": bfx}))
        bfx.wss.subscribe_ticker("tBTCUSD")
        bfx.rest.public.get_t_ticker("tBTCUSD")
        before, found, after = bfx.stats(), samples(registry), bfx.stats()
        assert found["bfxsync_alive", "market"] == found["bfxsync_ready", "market"] == 1
        for name, key in (("frames", "frames"), ("updates", "updates")):
            value = found[f"bfxsync_{name}_total", "market"]
            assert before["wss"][key] <= value <= after["wss"][key]
        received = found["bfxsync_received_bytes_total", "market", "wss"]
        assert before["wss"]["received_bytes"] <= received
        assert received <= after["wss"]["received_bytes"]
        assert found["bfxsync_rest_requests_total", "market"] == 1
        key = ("bfxsync_subscriptions", "ticker", "market", "live")
        assert found[key] == 1
        assert found["bfxsync_connections", "market", "open"] == 1
        assert not any("tBTCUSD" in key for key in found)


def test_several_clients_come_and_go(exchange: PaperExchange) -> None:
    collector = PrometheusCollector()
    registry = CollectorRegistry()
    registry.register(collector)
    assert samples(registry) == {}
    first, second = exchange.client(), WebSocketClient(exchange.url)
    collector.add("first", first)
    collector.add("second", second)
    collector.add("second", second)

    def names() -> set[str]:
        return {key[1] for key in samples(registry) if key[0] == "bfxsync_alive"}

    assert names() == {"first", "second"}
    with pytest.raises(UsageError, match="another open client of the name 'second'"):
        collector.add("second", first)
    second.close()
    assert names() == {"first"}
    # Its name is free.
    collector.add("second", first)
    assert names() == {"first", "second"}
    del first
    gc.collect()
    assert names() == set()


FORK = """
import os, sys
from prometheus_client import CollectorRegistry, generate_latest
from bfxsync import Client
from bfxsync.metrics import PrometheusCollector
registry = CollectorRegistry()
with Client(wss_host=sys.argv[1]) as bfx:
    collector = PrometheusCollector({"market": bfx})
    registry.register(collector)
    bfx.wss.start()
    child = os.fork()
    if child == 0:
        def lines():
            text = generate_latest(registry).decode()
            return {line for line in text.splitlines() if not line.startswith("#")}
        copy = {'bfxsync_alive{client="market"} 0.0', 'bfxsync_ready{client="market"} 0.0'}
        if lines() != copy:
            os._exit(1)
        own = Client(wss_host=sys.argv[1])
        collector.add("market", own)
        if 'bfxsync_alive{client="market"} 1.0' not in lines():
            os._exit(3)
        own.close()
        collector.add("market", bfx)
        bfx.wss.start()
        if 'bfxsync_alive{client="market"} 1.0' not in lines():
            os._exit(2)
        os._exit(0)
    print(os.waitpid(child, 0)[1])
"""


def test_a_client_of_the_parent_is_not_alive_until_it_is_started(
    exchange: PaperExchange,
) -> None:
    program = [sys.executable, "-c", FORK, exchange.url]
    found = subprocess.run(
        program, capture_output=True, text=True, timeout=at_most(60.0)
    )
    assert found.stdout == "0\n", found.stderr


def test_a_client_that_a_fatal_error_ended_stays(exchange: PaperExchange) -> None:
    registry = CollectorRegistry()
    hosts = {"wss_host": exchange.url, "rest_host": exchange.rest_url}
    with Client("paper-other", "paper-secret-of-nobody", **hosts) as bfx:
        registry.register(PrometheusCollector({"orders": bfx}))
        with pytest.raises(Exception, match="apikey"):
            bfx.wss.wait_authenticated()
        found = samples(registry)
        assert found["bfxsync_alive", "orders"] == 0
        assert found["bfxsync_connections", "orders", "failed"] == 1


def test_nothing_is_computed_when_it_is_registered() -> None:
    class Untouched:
        def stats(self) -> Any:
            raise AssertionError

        def health(self, *, stuck_after: Any = None) -> Any:
            raise AssertionError

    client: Any = Untouched()
    registry = CollectorRegistry()
    registry.register(PrometheusCollector({"one": client}))
    # A second collector would give each metric twice.
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(PrometheusCollector())


@pytest.mark.parametrize("name", ["", 5, None])
def test_a_name_must_be_a_text(name: Any) -> None:
    with Client() as bfx, pytest.raises(UsageError, match="must be a text"):
        PrometheusCollector({name: bfx})


def test_something_else_is_no_client() -> None:
    with pytest.raises(UsageError, match="must be a Client or WebSocketClient"):
        PrometheusCollector({"one": "two"})  # type: ignore[dict-item]


def test_without_the_library_it_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client.core", None)
    with pytest.raises(UsageError, match=r'pip install "bfxsync\[metrics\]"'):
        PrometheusCollector()
