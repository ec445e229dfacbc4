"""
Messages of the exchange as Python objects.

Strategy: the models of REST are imported on first use, as a program that only streams needs none,
and creating so many classes takes time.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, List

from bfxsync._base.forks import lazily
from bfxsync.book.queries import Depth
from bfxsync.book.snapshots import BookSnapshot
from bfxsync.models.market import (
    BookUpdate,
    FundingBookUpdate,
    FundingRawBookUpdate,
    FundingTicker,
    FundingTrade,
    FundingTradeUpdate,
    RawBookUpdate,
    Ticker,
    Trade,
    TradeUpdate,
)
from bfxsync.models.model import Model
from bfxsync.models.raw import RawRow
from bfxsync.models.status import (
    Candle,
    DerivativesStatus,
    Liquidation,
    OpenInterest,
)
from bfxsync.models.stream import (
    CandleCorrected,
    Checksum,
    Degraded,
    Gap,
    LateTrade,
    Snapshot,
    Status,
)

if TYPE_CHECKING:
    from bfxsync.models.account import *
    from bfxsync.models.account_trades import *
    from bfxsync.models.account_update import *
    from bfxsync.models.alerts import *
    from bfxsync.models.conf import *
    from bfxsync.models.funding import *
    from bfxsync.models.funding_info import *
    from bfxsync.models.margin import *
    from bfxsync.models.merchant import *
    from bfxsync.models.merchant_account import *
    from bfxsync.models.movements import *
    from bfxsync.models.notification import *
    from bfxsync.models.order_status import *
    from bfxsync.models.orders import *
    from bfxsync.models.positions import *
    from bfxsync.models.public import *
    from bfxsync.models.pulse import *
    from bfxsync.models.recurring import *
    from bfxsync.models.settings import *
    from bfxsync.models.summary import *
    from bfxsync.models.thalex import *
    from bfxsync.models.transfers import *
    from bfxsync.models.wallets import *

__all__ = [
    "AccountFundingTrade",
    "AccountTrade",
    "AccountUpdate",
    "Alert",
    "AlertDeletion",
    "AnnouncementPost",
    "AuthToken",
    "BalanceAvailable",
    "BalanceInfo",
    "BaseMarginInfo",
    "BookSnapshot",
    "BookUpdate",
    "Candle",
    "CandleCorrected",
    "ChangeLog",
    "Checksum",
    "CoreSetting",
    "CurrencyConversion",
    "CustomerInfo",
    "Degraded",
    "DepositAddress",
    "DepositAddressItem",
    "Depth",
    "DerivativePositionCollateral",
    "DerivativePositionCollateralLimits",
    "DerivativesStatus",
    "Fill",
    "FundingAutoRenew",
    "FundingAutoRenewStatus",
    "FundingBookUpdate",
    "FundingCredit",
    "FundingInfo",
    "FundingLoan",
    "FundingMarketAveragePrice",
    "FundingOffer",
    "FundingRawBookUpdate",
    "FundingStatistic",
    "FundingTicker",
    "FundingTrade",
    "FundingTradeUpdate",
    "FxRate",
    "Gap",
    "Invoice",
    "InvoicePage",
    "InvoiceStats",
    "InvoiceSubmission",
    "KeyPermission",
    "Leaderboard",
    "LateTrade",
    "Ledger",
    "LightningNetworkInvoice",
    "LightningPayment",
    "Liquidation",
    "LoginHistory",
    "MerchantDeposit",
    "MerchantLimits",
    "MerchantUnlinkedDeposit",
    "Model",
    "Movement",
    "MovementInfo",
    "Notification",
    "OpenInterest",
    "Order",
    "OrderStatus",
    "OrderTrade",
    "OtcOrder",
    "PairInfo",
    "PartialAlert",
    "PartialDepositAddress",
    "PartialFundingAutoRenew",
    "PartialFundingOffer",
    "PartialInvoiceSubmission",
    "PartialOrder",
    "PartialPositionClaim",
    "PartialPositionIncrease",
    "PartialTransfer",
    "PartialWithdrawal",
    "Payment",
    "PlatformStatus",
    "Position",
    "PositionAudit",
    "PositionClaim",
    "PositionHistory",
    "PositionIncrease",
    "PositionIncreaseInfo",
    "PositionSnapshot",
    "PulseMessage",
    "PulseProfile",
    "RawBookUpdate",
    "RawRow",
    "RecurringAlgoOrder",
    "SettingsWriteResult",
    "Snapshot",
    "Statistic",
    "Status",
    "Summary",
    "SymbolMarginInfo",
    "ThalexFreeTransferCount",
    "ThalexFreeTransfers",
    "ThalexTransfer",
    "Ticker",
    "TickersHistory",
    "Trade",
    "TradeUpdate",
    "TradeVolume",
    "TradingMarketAveragePrice",
    "Transfer",
    "TxStatus",
    "UserInfo",
    "UserSetting",
    "Vasp",
    "Wallet",
    "WalletHistory",
    "WeightedAverages",
    "Withdrawal",
]


def __getattr__(name: str) -> object:
    for module in lazily(_modules) if name in __all__ else ():
        found = vars(lazily(partial(import_module, f"{__name__}.{module}")))
        if name in found:
            return globals().setdefault(name, found[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _modules() -> List[str]:
    from pkgutil import iter_modules

    return [module.name for module in iter_modules(__path__)]
