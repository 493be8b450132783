"""The partner who sent the customer: told of each trip, once."""

from __future__ import annotations

from typing import Final

from handlers.table import Table, use_of
from handlers.travel import Report, Tickets, Trip
from stepsaga import Participant, SagaContext

TABLE: Final = ("REPORTS_TABLE", "reports")

participant = Participant(
    resources={"reports": lambda: Table.of(*TABLE)},
    environment={TABLE[0]: "${ReportsTable}"},
    policies=[use_of("${ReportsTable.Arn}")],
)


def report_trip(trip: Trip, issue: Tickets, saga: SagaContext, reports: Table) -> Report:
    """Report how many travel, and where they stay."""
    told = {"travellers": len(issue.numbers), "hotel": trip.hotel.id}
    reports.settle(f"report#{saga.idempotency_key}", told)
    return Report(id=saga.idempotency_key)
