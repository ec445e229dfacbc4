import os
import threading

from bfxsync.compat.websockets.client import WssClient


class Watchdog:
    """Authenticates again whenever there has been no heartbeat for a while."""

    def __init__(self):
        self.client = WssClient(
            key=os.environ["BITFINEX_KEY"], secret=os.environ["BITFINEX_SECRET"]
        )
        self.timer = None
        self.is_up, self.is_over = threading.Event(), threading.Event()
        self.client.authenticate(self.on_message)
        self.client.start()
        self.restart_timer()

    def on_message(self, message):
        print(message)
        if isinstance(message, list) and message[1] == "hb":
            self.is_up.set()
            self.client._nonce()
            self.restart_timer()

    def restart_timer(self):
        if self.timer:
            self.timer.cancel()
        if not self.is_over.is_set():
            self.timer = threading.Timer(0.3, self.on_silence)
            self.timer.start()

    def on_silence(self):
        if not self.is_over.is_set():
            self.client.authenticate(self.on_message)
            self.restart_timer()

    def run(self):
        self.is_up.wait(20.0)
        self.client.update_order(id="16666882406", delta="-400")
        self.client.calc(["position_tIOTUSD"])
        self.client.close()
        return self.client.is_alive()


watchdog = Watchdog()
was_alive = watchdog.run()
my_client = watchdog.client
