from django.db import models


class Trade(models.Model):
    """A trade of a market; its id is that of the exchange."""

    id = models.BigIntegerField(primary_key=True)
    symbol = models.CharField(max_length=32)
    time = models.DateTimeField()
    # As text, with all digits.
    amount = models.CharField(max_length=40)
    price = models.CharField(max_length=40)
