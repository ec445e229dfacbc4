"""Store trades as they come, until SIGTERM or Ctrl-C."""

import signal
from decimal import Decimal

from django.core.management.base import BaseCommand

from bfxsync import Client
from market.models import Trade


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("symbol")

    def handle(self, *, symbol, **options):
        with Client(numbers=Decimal) as bfx:
            signal.signal(signal.SIGTERM, lambda *_: bfx.close())
            # On this thread, whose database connection Django manages. The loop ends with close().
            for trade in bfx.wss.subscribe_trades(symbol):
                # Trades that were missed in an outage come again with their ids.
                Trade.objects.get_or_create(
                    id=trade.id,
                    defaults={
                        "symbol": symbol,
                        "time": trade.time,
                        "amount": trade.amount,
                        "price": trade.price,
                    },
                )
                self.stdout.write(f"{trade.id} {trade.amount} {trade.price}")
