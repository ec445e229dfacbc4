"""
Messages of the exchange as Python objects.

Strategy: those of REST are imported when one of them is first asked for, as a program that only
listens needs none, and making so many classes takes a while.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from bfxsync._base.forks import lazily
from bfxsync.book.queries import BookSnapshot, Depth
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
from bfxsync.models.status import Candle, DerivativesStatus, Liquidation
from bfxsync.models.stream import Checksum, Degraded, Gap, Snapshot, Status

if TYPE_CHECKING:
    from bfxsync.models.account import (
        AuthToken,
        ChangeLog,
        KeyPermission,
        LoginHistory,
        UserInfo,
    )
    from bfxsync.models.account_trades import AccountTrade, OrderTrade, WeightedAverages
    from bfxsync.models.alerts import Alert, AlertDeletion, PartialAlert
    from bfxsync.models.balance import BalanceInfo
    from bfxsync.models.conf import PairInfo, TxStatus
    from bfxsync.models.derivatives import (
        DerivativePositionCollateral,
        DerivativePositionCollateralLimits,
    )
    from bfxsync.models.funding import (
        AccountFundingTrade,
        FundingCredit,
        FundingLoan,
        FundingOffer,
        PartialFundingOffer,
    )
    from bfxsync.models.funding_info import (
        FundingAutoRenew,
        FundingAutoRenewStatus,
        FundingInfo,
        PartialFundingAutoRenew,
    )
    from bfxsync.models.margin import (
        BaseMarginInfo,
        PositionIncreaseInfo,
        SymbolMarginInfo,
    )
    from bfxsync.models.merchant import (
        CustomerInfo,
        Invoice,
        InvoicePage,
        InvoiceStats,
        InvoiceSubmission,
        PartialInvoiceSubmission,
        Payment,
    )
    from bfxsync.models.merchant_account import (
        CurrencyConversion,
        MerchantDeposit,
        MerchantLimits,
        MerchantUnlinkedDeposit,
    )
    from bfxsync.models.movements import Movement, MovementInfo
    from bfxsync.models.notification import Notification
    from bfxsync.models.order_status import Fill, OrderStatus
    from bfxsync.models.orders import Order, OtcOrder, PartialOrder
    from bfxsync.models.positions import (
        PartialPositionClaim,
        PartialPositionIncrease,
        Position,
        PositionAudit,
        PositionClaim,
        PositionHistory,
        PositionIncrease,
        PositionSnapshot,
    )
    from bfxsync.models.public import (
        FundingMarketAveragePrice,
        FundingStatistic,
        FxRate,
        Leaderboard,
        PlatformStatus,
        Statistic,
        TickersHistory,
        TradingMarketAveragePrice,
        Vasp,
    )
    from bfxsync.models.pulse import AnnouncementPost, PulseMessage, PulseProfile
    from bfxsync.models.recurring import RecurringAlgoOrder
    from bfxsync.models.settings import CoreSetting, SettingsWriteResult, UserSetting
    from bfxsync.models.summary import Summary, TradeVolume
    from bfxsync.models.thalex import (
        ThalexFreeTransferCount,
        ThalexFreeTransfers,
        ThalexTransfer,
    )
    from bfxsync.models.transfers import (
        DepositAddress,
        DepositAddressItem,
        LightningNetworkInvoice,
        LightningPayment,
        PartialDepositAddress,
        PartialTransfer,
        PartialWithdrawal,
        Transfer,
        Withdrawal,
    )
    from bfxsync.models.wallets import BalanceAvailable, Ledger, Wallet, WalletHistory

__all__ = [
    "AccountFundingTrade",
    "AccountTrade",
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

_OF_REST = (
    "account",
    "alerts",
    "conf",
    "derivatives",
    "account_trades",
    "balance",
    "funding",
    "funding_info",
    "margin",
    "merchant",
    "merchant_account",
    "movements",
    "notification",
    "order_status",
    "orders",
    "positions",
    "public",
    "pulse",
    "recurring",
    "settings",
    "summary",
    "thalex",
    "transfers",
    "wallets",
)


def __getattr__(name: str) -> object:
    for module in _OF_REST if name in __all__ else ():
        found = vars(lazily(partial(import_module, f"{__name__}.{module}")))
        if name in found:
            return found[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
