"""Every model can be imported from one place, as annotations need it."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from typing import Any, Iterator

import attrs
import pytest

from bfxsync import models
from bfxsync.models.market_model import MarketModel
from bfxsync.models.stream import AccountMessage, ChannelHeartbeat

#: No user gets one of these: handlers of events get what is in them.
INTERNAL = (MarketModel, AccountMessage, ChannelHeartbeat)


def every_model() -> Iterator[type[Any]]:
    for module in pkgutil.iter_modules(models.__path__):
        full_name = f"{models.__name__}.{module.name}"
        for thing in vars(importlib.import_module(full_name)).values():
            is_class = isinstance(thing, type) and thing.__module__ == full_name
            if is_class and attrs.has(thing) and not thing.__name__.startswith("_"):
                if thing not in INTERNAL:
                    yield thing


def test_every_model_is_listed_and_is_the_one_of_its_module() -> None:
    found = {model.__name__: model for model in every_model()}
    assert set(found) <= set(models.__all__)
    assert sorted(models.__all__) == sorted(set(models.__all__))
    for name in models.__all__:
        thing = getattr(models, name)
        assert thing.__name__ == name
        assert found.get(name, thing) is thing


def test_other_names_are_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'bfxsync.models' has no attribute 'X'"):
        models.X  # type: ignore[attr-defined]


def test_models_of_rest_are_imported_when_they_are_asked_for() -> None:
    code = (
        "import sys, bfxsync.models as models; name = 'bfxsync.models.orders'; "
        "print(name in sys.modules); models.Order; print(name in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]


def test_types_has_the_models_under_their_official_names() -> None:
    from bfxsync import types

    for name in types.__all__:
        assert name == "FundingSymbol" or isinstance(getattr(types, name), type)
    assert types.TradingPairTrade is models.Trade
    assert types.Trade is models.AccountTrade
    assert types.FundingTrade is models.AccountFundingTrade
    assert types.FundingCurrencyRawBook is models.FundingRawBookUpdate


def test_types_keeps_no_aliases_of_the_inside() -> None:
    from bfxsync import types

    assert not {"Row", "Number", "NumberType", "Mts"} & set(dir(types))
