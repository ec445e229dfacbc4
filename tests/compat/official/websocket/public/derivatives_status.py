"""Follow mark price and funding of a derivative."""

from bfxapi import Client
from bfxapi.types import DerivativesStatus
from bfxapi.websocket.subscriptions import Status

bfx = Client()


@bfx.wss.on("derivatives_status_update")
def on_derivatives_status_update(subscription: Status, status: DerivativesStatus):
    print(subscription["key"], status.deriv_price, status.mark_price)


@bfx.wss.on("open")
async def on_open():
    await bfx.wss.subscribe("status", key="deriv:tBTCF0:USTF0")


bfx.wss.run()
