"""Observable instruments of OpenTelemetry."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Iterator, List, Mapping, Tuple

from bfxsync._base.forks import lazily
from bfxsync.errors import UsageError
from bfxsync.metrics.clients import Clients
from bfxsync.metrics.table import METRICS, Metric, Reading

if TYPE_CHECKING:
    from bfxsync.metrics.clients import AnyClient

# OpenTelemetry calls each instrument separately: those of one collection share one reading.
_SAME_S = 0.1

_UNITS = {"bytes": "By", "seconds": "s", "": ""}


class OpenTelemetryMetrics:
    """
    Metrics of clients as observable instruments; needs the extra ``metrics``.

    Create one per meter; it may have many clients. The names are those of Prometheus without unit
    and ``_total``, such as ``bfxsync.received`` in bytes. Statistics are read once per collection.
    A client that was closed or garbage collected disappears; one that a fatal error has ended
    stays, with ``bfxsync.alive`` 0; so does, in a forked child, one that the parent has connected,
    until it is started there. The instruments stay on the meter and keep this object alive.

    Parameters
    ----------
    meter : opentelemetry.metrics.Meter
    clients : mapping of str to Client or WebSocketClient
        By names of your choice, the values of the attribute ``client``. They are referenced weakly.

    Raises
    ------
    UsageError
        opentelemetry-api is not installed, or an argument is invalid.

    Examples
    --------
    >>> from opentelemetry.metrics import get_meter  # doctest: +SKIP
    >>> OpenTelemetryMetrics(get_meter("market"), {"market": bfx})  # doctest: +SKIP
    """

    def __init__(self, meter: Any, clients: Mapping[str, AnyClient] = {}) -> None:
        self._observation: Any = lazily(_observation)
        if not hasattr(meter, "create_observable_counter"):
            raise UsageError(f"meter must be a Meter of OpenTelemetry, not {meter!r}")
        self._clients = Clients(clients)
        # When it was read, and what; replaced as a whole.
        self._latest: Tuple[float, List[Tuple[str, Reading]]] = (float("-inf"), [])
        for metric in METRICS:
            make = (
                meter.create_observable_counter
                if metric.is_counter
                else meter.create_observable_gauge
            )
            make(
                f"bfxsync.{metric.name}",
                callbacks=[partial(self._observe, metric)],
                unit=_UNITS[metric.unit],
                description=metric.meaning,
            )

    def add(self, name: str, client: AnyClient) -> None:
        """Add a client; raises `UsageError` if its name is that of another open client."""
        self._clients.add(name, client)

    def _observe(self, metric: Metric, options: Any) -> Iterator[Any]:
        for name, reading in self._readings():
            for labels, value in metric.samples(reading):
                attributes = {"client": name, **dict(zip(metric.labels, labels))}
                yield self._observation(value, attributes)

    def _readings(self) -> List[Tuple[str, Reading]]:
        at, readings = self._latest
        now = time.monotonic()
        if not 0 <= now - at < _SAME_S:
            readings = list(self._clients.read())
            self._latest = (now, readings)
        return readings


def _observation() -> Any:
    try:
        from opentelemetry.metrics import Observation
    except ImportError as exc:
        raise UsageError(
            'OpenTelemetryMetrics needs the extra "metrics": pip install "bfxsync[metrics]"'
        ) from exc
    return Observation
