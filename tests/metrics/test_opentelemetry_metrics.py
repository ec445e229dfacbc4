"""What OpenTelemetry collects, by a reader in memory."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from bfxsync import UsageError
from bfxsync.metrics import OpenTelemetryMetrics
from bfxsync.paper import PaperExchange


def collect(reader: Any) -> dict[str, dict[Any, float]]:
    data = reader.get_metrics_data()
    if data is None:
        return {}
    return {
        metric.name: {
            tuple(sorted(point.attributes.items())): point.value
            for point in metric.data.data_points
        }
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        # Some versions of the SDK also measure themselves.
        if scope.scope.name == "test"
        for metric in scope.metrics
        if metric.data.data_points
    }


def test_a_collection_has_the_numbers_of_stats(
    exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    bfx = exchange.client()
    metrics = OpenTelemetryMetrics(provider.get_meter("test"))
    # So that the second collection below is another one, however fast.
    monkeypatch.setattr("bfxsync.metrics.opentelemetry._SAME_S", 0.0)
    metrics.add("market", bfx)
    bfx.wss.subscribe_ticker("tBTCUSD")
    before, found, after = bfx.stats(), collect(reader), bfx.stats()
    market = (("client", "market"),)
    assert found["bfxsync.alive"] == found["bfxsync.ready"] == {market: 1}
    frames = found["bfxsync.frames"][market]
    assert before["wss"]["frames"] <= frames <= after["wss"]["frames"]
    received = found["bfxsync.received"][(*market, ("transport", "wss"))]
    assert received >= before["wss"]["received_bytes"]
    bfx.close()
    assert collect(reader) == {}
    with exchange.client() as other:
        metrics.add("market", other)
        assert collect(reader)["bfxsync.alive"] == {market: 1}
        del other
    gc.collect()
    assert collect(reader) == {}
    provider.shutdown()


def test_the_instruments_of_one_collection_share_a_reading(
    exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr("bfxsync.metrics.opentelemetry._SAME_S", 600.0)
    with exchange.client() as bfx:
        OpenTelemetryMetrics(provider.get_meter("test"), {"market": bfx})
        first = collect(reader)
        bfx.wss.subscribe_ticker("tBTCUSD")
        assert collect(reader) == first
    provider.shutdown()


def test_a_meter_must_be_one() -> None:
    with pytest.raises(UsageError, match="meter must be a Meter"):
        OpenTelemetryMetrics("meter")


def test_without_the_library_it_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    with pytest.raises(UsageError, match=r'pip install "bfxsync\[metrics\]"'):
        OpenTelemetryMetrics(None)
