"""Files that histories and live streams are saved to, and continued in."""

from bfxsync.sinks.opening import open_sink
from bfxsync.sinks.sink import Sink

__all__ = ["Sink", "open_sink"]
