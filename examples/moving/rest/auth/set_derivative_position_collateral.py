"""Open a derivative position, change its collateral, and ask for the limits."""

import os

from bfxsync import Client
from bfxsync.types import (
    DerivativePositionCollateral,
    DerivativePositionCollateralLimits,
)

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))

# Far above the market, so that it is filled at once.
order = bfx.rest.auth.submit_order(
    type="LIMIT", symbol="tBTCF0:USTF0", amount="0.015", price="90000", lev=10
)
print(order.data)

collateral: DerivativePositionCollateral = (
    bfx.rest.auth.set_derivative_position_collateral(
        symbol="tBTCF0:USTF0", collateral=150.0
    )
)
print("changed:", bool(collateral.status))

limits: DerivativePositionCollateralLimits = (
    bfx.rest.auth.get_derivative_position_collateral_limits(symbol="tBTCF0:USTF0")
)
print(f"from {limits.min_collateral} to {limits.max_collateral}")
