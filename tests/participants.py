"""The participants of this project: who keeps what, and who asks."""

from __future__ import annotations

from typing import Final

OWN: Final = {
    "Cars": "CarsTable",
    "Customers": "CustomersTable",
    "Flights": "FlightsTable",
    "Hotels": "HotelsTable",
    "Insurance": "InsuranceTable",
    "Inventory": "StockTable",
    "Notifications": "OutboxTable",
    "Partners": "ReportsTable",
    "Payments": "AccountsTable",
    "Shipping": "ParcelsTable",
    "Transfers": "TransfersTable",
}
"""The table of each participant; there is no other participant."""
ASKS: Final = {"Notifications": ("Onboard",), "Transfers": ("TransferMoney",)}
"""The sagas of which a participant asks questions."""
LINKS: Final = ("Notifications",)
"""Who asks by approval links, and signs them."""
SAGAS: Final = ("BookTrip", "FulfilOrder", "Onboard", "TransferMoney")
