"""Statistics and health of clients as metrics of Prometheus and OpenTelemetry."""

from bfxsync.metrics.opentelemetry import OpenTelemetryMetrics
from bfxsync.metrics.prometheus import PrometheusCollector

__all__ = ["OpenTelemetryMetrics", "PrometheusCollector"]
