"""Give back dollars that are borrowed and not used, instead of keeping them."""

import os
from typing import List

from bfxsync import Client
from bfxsync.types import FundingLoan

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))

loans: List[FundingLoan] = bfx.rest.auth.get_funding_loans(symbol="fUSD")

if loans:  # an empty request raises UsageError
    ids = [loan.id for loan in loans]
    result = bfx.rest.auth.toggle_keep_funding(
        type="loan",
        ids=ids,
        changes=dict.fromkeys(ids, 2),  # 1: keep, 2: give back
    )
    print(result.status, "for", len(loans), "loans")
