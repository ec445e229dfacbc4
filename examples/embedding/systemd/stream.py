"""A service that stores trades; systemd knows whether it is ready, and restarts it if it hangs."""

import os
import signal
import socket
import sys
import threading

from bfxsync import Client
from bfxsync.models import Trade
from bfxsync.sinks import open_sink


def notify(*lines):
    """Tell systemd, if there is one; see sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            if address.startswith("@"):
                address = "\0" + address[1:]
            sender.sendto("\n".join(lines).encode(), address)


def watch(bfx, stopping):
    """Report the state, at least twice per period of the watchdog."""
    period_s = int(os.environ.get("WATCHDOG_USEC", 20_000_000)) / 2e6
    while True:
        health = bfx.health(stuck_after=60)
        lines = [f"STATUS={'; '.join(health['reasons']) or 'live'}"]
        lines += ["READY=1"] if health["is_ready"] else []
        # Without this, systemd ends the service and starts it again.
        lines += ["WATCHDOG=1"] if health["is_alive"] else []
        notify(*lines)
        if stopping.wait(min(period_s, 1.0)):
            return


def main(symbol, path):
    stopping = threading.Event()
    with Client() as bfx, open_sink(path, Trade) as sink:
        signal.signal(signal.SIGTERM, lambda *_: bfx.close())
        watcher = threading.Thread(target=watch, args=(bfx, stopping))
        watcher.start()
        try:
            # Ends with close(); a fatal error, such as a refused key, is raised here.
            for trade in bfx.wss.subscribe_trades(symbol, wait=False):
                sink.write(trade)
        finally:
            notify("STOPPING=1")
            stopping.set()
            watcher.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
