"""
Enumerations, and the models under the names that bitfinex-api-py 4 gives them.

``Trade`` and ``FundingTrade`` are those of an account here; ``bfxsync.Trade`` is a public one
(``TradingPairTrade``).
"""

from bfxsync import models
from bfxsync._base.aliases import FundingSymbol
from bfxsync._base.enums import (
    ConnectionStatus,
    Flag,
    InfoCode,
    LossCause,
    OrderFlag,
    OrderType,
    SubscriptionStatus,
)
from bfxsync.models import (
    BalanceAvailable,
    BaseMarginInfo,
    Candle,
    DepositAddress,
    DerivativePositionCollateral,
    DerivativePositionCollateralLimits,
    DerivativesStatus,
    FundingAutoRenew,
    FundingCredit,
    FundingInfo,
    FundingLoan,
    FundingMarketAveragePrice,
    FundingOffer,
    FundingStatistic,
    FxRate,
    InvoiceSubmission,
    Leaderboard,
    Ledger,
    LightningNetworkInvoice,
    Liquidation,
    LoginHistory,
    Movement,
    Notification,
    Order,
    OrderTrade,
    PlatformStatus,
    Position,
    PositionAudit,
    PositionClaim,
    PositionHistory,
    PositionIncrease,
    PositionIncreaseInfo,
    PositionSnapshot,
    PulseMessage,
    PulseProfile,
    Statistic,
    SymbolMarginInfo,
    TickersHistory,
    TradingMarketAveragePrice,
    Transfer,
    UserInfo,
    Wallet,
    Withdrawal,
)

__all__ = [
    "BalanceAvailable",
    "BaseMarginInfo",
    "Candle",
    "ConnectionStatus",
    "DepositAddress",
    "DerivativePositionCollateral",
    "DerivativePositionCollateralLimits",
    "DerivativesStatus",
    "Flag",
    "FundingAutoRenew",
    "FundingCredit",
    "FundingCurrencyBook",
    "FundingCurrencyRawBook",
    "FundingCurrencyTicker",
    "FundingCurrencyTrade",
    "FundingInfo",
    "FundingLoan",
    "FundingMarketAveragePrice",
    "FundingOffer",
    "FundingStatistic",
    "FundingSymbol",
    "FundingTrade",
    "FxRate",
    "InfoCode",
    "InvoiceSubmission",
    "Leaderboard",
    "Ledger",
    "LightningNetworkInvoice",
    "Liquidation",
    "LoginHistory",
    "LossCause",
    "Movement",
    "Notification",
    "Order",
    "OrderFlag",
    "OrderTrade",
    "OrderType",
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
    "Statistic",
    "SubscriptionStatus",
    "SymbolMarginInfo",
    "TickersHistory",
    "Trade",
    "TradingMarketAveragePrice",
    "TradingPairBook",
    "TradingPairRawBook",
    "TradingPairTicker",
    "TradingPairTrade",
    "Transfer",
    "UserInfo",
    "Wallet",
    "Withdrawal",
]

Trade = models.AccountTrade
FundingTrade = models.AccountFundingTrade
TradingPairTicker = models.Ticker
FundingCurrencyTicker = models.FundingTicker
TradingPairTrade = models.Trade
FundingCurrencyTrade = models.FundingTrade
TradingPairBook = models.BookUpdate
FundingCurrencyBook = models.FundingBookUpdate
TradingPairRawBook = models.RawBookUpdate
FundingCurrencyRawBook = models.FundingRawBookUpdate
