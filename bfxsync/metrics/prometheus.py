"""A collector for prometheus-client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, Mapping

from bfxsync._base.forks import lazily
from bfxsync.errors import UsageError
from bfxsync.metrics.clients import Clients
from bfxsync.metrics.table import METRICS, Metric

if TYPE_CHECKING:
    from bfxsync.metrics.clients import AnyClient


class PrometheusCollector:
    """
    Metrics of clients for Prometheus; needs the extra ``metrics``.

    Register one collector per registry; it may have many clients. Statistics are read at each
    scrape, and nothing is computed in between. A client that was closed or garbage collected
    disappears; one that a fatal error has ended stays, with ``bfxsync_alive 0``. So does, in a
    forked child, one that the parent has connected, until it is started there.

    Parameters
    ----------
    clients : mapping of str to Client or WebSocketClient
        By names of your choice, the values of the label ``client``. They are referenced weakly.

    Raises
    ------
    UsageError
        prometheus-client is not installed, or an item is no client.

    Examples
    --------
    >>> from prometheus_client import REGISTRY  # doctest: +SKIP
    >>> REGISTRY.register(PrometheusCollector({"market": bfx}))  # doctest: +SKIP
    """

    def __init__(self, clients: Mapping[str, AnyClient] = {}) -> None:
        self._families: Any = lazily(_families)
        self._clients = Clients(clients)

    def add(self, name: str, client: AnyClient) -> None:
        """Add a client; raises `UsageError` if its name is that of another open client."""
        self._clients.add(name, client)

    def describe(self) -> Iterable[Any]:
        """Return the metrics without values, for the registry."""
        return [self._family(metric) for metric in METRICS]

    def collect(self) -> Iterable[Any]:
        """Return the metrics with their values now; called by the registry at a scrape."""
        families: Dict[str, Any] = {}
        for name, reading in self._clients.read():
            for metric in METRICS:
                family = families.get(metric.name)
                if family is None:
                    family = families[metric.name] = self._family(metric)
                for labels, value in metric.samples(reading):
                    family.add_metric((name, *labels), value)
        return list(families.values())

    def _family(self, metric: Metric) -> Any:
        make = self._families[metric.is_counter]
        labels = ("client", *metric.labels)
        return make(metric.full_name, metric.meaning, labels=labels)


def _families() -> tuple[Any, Any]:
    try:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    except ImportError as exc:
        raise UsageError(
            'PrometheusCollector needs the extra "metrics": pip install "bfxsync[metrics]"'
        ) from exc
    return GaugeMetricFamily, CounterMetricFamily
