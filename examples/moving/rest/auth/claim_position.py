"""Claim every open margin position: pay for it, and keep what it holds."""

import os

from bfxsync import Client
from bfxsync.types import Notification, PositionClaim

bfx = Client(os.getenv("BFX_API_KEY"), os.getenv("BFX_API_SECRET"))

for position in bfx.rest.auth.get_positions():
    result: Notification[PositionClaim] = bfx.rest.auth.claim_position(
        position.position_id
    )
    print(result.status, position.symbol, result.data)
