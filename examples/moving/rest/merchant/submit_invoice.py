"""Create an invoice of Bitfinex Pay, complete it with a deposit, and list the invoices."""

import os

from bfxsync import Client
from bfxsync.types import InvoiceSubmission

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))

customer_info = {
    "nationality": "FR",
    "residCountry": "FR",
    "residCity": "Lyon",
    "residZipCode": "69001",
    "residStreet": "Rue de l'Exemple",
    "residBuildingNo": "5",
    "fullName": "Jeanne Exemple",
    "email": "jeanne@example.com",
}

invoice: InvoiceSubmission = bfx.rest.merchant.submit_invoice(
    amount=1.0,
    currency="USD",
    order_id="order-1",
    customer_info=customer_info,
    pay_currencies=["ETH"],
    duration=86400,
)
print(invoice.id, invoice.status)

paid = bfx.rest.merchant.complete_invoice(
    id=invoice.id, pay_currency="ETH", deposit_id=1
)
print(paid.id, paid.status)

print(len(bfx.rest.merchant.get_invoices(limit=25)), "of the last invoices")
page = bfx.rest.merchant.get_invoices_paginated(
    page=1, page_size=60, sort="asc", sort_field="t"
)
print(page.total_items, "invoices in all")
