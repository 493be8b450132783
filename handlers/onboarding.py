"""What the steps of Onboard hand to one another, and what is told of whoever signs up."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from handlers.models import Cents, Model
from stepsaga import BusEvent

Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_-]+$")]


class Told(Model):
    """What another system tells may have more in it than is asked for here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Signup(Told):
    """Somebody wants to become a customer: the input of Onboard, and of OpenAccount."""

    number: Name = Field(description="of this attempt: who tries again has another")
    customer: Name
    email: str = Field(min_length=3, max_length=320)
    limit: Cents = Field(description="the credit that is asked for")


class EmailConfirmed(Told):
    """Somebody has clicked the link in the message."""

    number: Name = Field(description="of the sign-up that the link was for")


class Account(Model):
    """An account with the shop."""

    number: str


class Bonus(Model):
    """Money that was given as a welcome."""

    amount: Cents


class Admission(Model):
    """A customer may buy."""

    limit: Cents


signed_up = BusEvent(Signup, source="shop.website", detail_type="SignedUp")
email_confirmed = BusEvent(EmailConfirmed, source="shop.website")
