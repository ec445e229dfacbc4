"""Modules under the names of ohenrik/bitfinex."""
