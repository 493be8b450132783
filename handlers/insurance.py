"""Insurance: taken out for the trip where the customer wants one; cancelled for nothing."""

from __future__ import annotations

from typing import Final

from handlers import bookings
from handlers.table import Table, use_of
from handlers.travel import Policy, Trip
from stepsaga import Participant, SagaContext

TABLE: Final = ("INSURANCE_TABLE", "policies")
FEE: Final = 0
"""A policy of a trip that nobody makes costs nothing."""

participant = Participant(
    resources={"policies": lambda: Table.of(*TABLE)},
    environment={TABLE[0]: "${InsuranceTable}"},
    policies=[use_of("${InsuranceTable.Arn}")],
)


def insure_trip(trip: Trip, saga: SagaContext, policies: Table) -> Policy:
    """Take out a policy."""
    assert trip.insurance is not None  # noqa: S101  # for mypy; the saga's choice says so
    number = bookings.book(policies, saga.idempotency_key, trip, trip.insurance, FEE)
    return Policy(number=number)


def cancel_policy(policy: Policy | None, saga: SagaContext, policies: Table) -> None:
    """Cancel the policy, if there is one; if not, see to it that there never will be."""
    del policy  # the booking knows what was taken, also where the saga does not
    bookings.cancel(policies, saga.step_idempotency_key)
