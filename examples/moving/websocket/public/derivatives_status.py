"""Follow mark price and funding of a derivative."""

from bfxsync import Client
from bfxsync.types import DerivativesStatus
from bfxsync.websocket.subscriptions import Status

bfx = Client()


@bfx.wss.on("derivatives_status_update")
def on_derivatives_status_update(subscription: Status, status: DerivativesStatus):
    print(subscription["key"], status.deriv_price, status.mark_price)


@bfx.wss.on("open")
def on_open():
    bfx.wss.subscribe("status", key="deriv:tBTCF0:USTF0")


bfx.wss.run()
