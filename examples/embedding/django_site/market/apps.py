from django.apps import AppConfig


class MarketConfig(AppConfig):
    # No ready(): Django calls it for every command, such as migrate, and under runserver in two
    # processes. The client connects at its first use instead: see client.py.
    name = "market"
