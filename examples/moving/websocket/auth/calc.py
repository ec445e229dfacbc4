"""Ask for values that the exchange calculates only on request."""

import os

from bfxsync import Client
from bfxsync.types import BaseMarginInfo, FundingInfo, SymbolMarginInfo

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))


@bfx.wss.on("authenticated")
def on_authenticated(_):
    bfx.wss.inputs.calc("margin_base")
    bfx.wss.inputs.calc("margin_sym_tBTCUSD")
    bfx.wss.inputs.calc("funding_sym_fUST")


@bfx.wss.on("base_margin_info")
def on_base_margin_info(info: BaseMarginInfo):
    print("margin:", info)


@bfx.wss.on("symbol_margin_info")
def on_symbol_margin_info(info: SymbolMarginInfo):
    if info.symbol == "tBTCUSD":
        print("margin of a pair:", info)


@bfx.wss.on("funding_info_update")
def on_funding_info_update(info: FundingInfo):
    if info.symbol == "fUST":
        print("funding:", info)


bfx.wss.run()
