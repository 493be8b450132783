"""Customers: whoever signs up becomes one, in days and with other people's help."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from handlers import customers, notifications
from handlers.onboarding import Signup, email_confirmed, signed_up
from stepsaga import (
    Action,
    Approval,
    Child,
    Choice,
    Input,
    OnEvent,
    Queue,
    Saga,
    ServiceStep,
    Step,
    WaitForEvent,
    is_present,
    not_,
    when,
)

LARGE: Final = 100_000
"""Cents of credit above which somebody has to agree."""


class OpenAccount(Saga):
    """Open a customer's account, with the bonus on it."""

    signup = Input(Signup)

    open = Step(customers.open_account, compensation=customers.close_account)
    bonus = Step(customers.pay_bonus, compensation=customers.take_back_bonus)


class Onboard(Saga):
    """Make a customer of whoever has signed up, or leave no trace of it."""

    signup = Input(Signup)
    starts = (OnEvent(signed_up, id="number"),)
    deadline = timedelta(days=30)

    invite = Step(notifications.ask_to_confirm, compensation=notifications.withdraw)
    confirmed = WaitForEvent(
        email_confirmed,
        by="number",
        key=signup.number,
        timeout=timedelta(days=1),
        on_timeout=None,
    )
    patience = Choice(
        silent=when(
            not_(is_present(confirmed.result)),
            reminder=Step(notifications.remind, compensation=notifications.withdraw),
            late=WaitForEvent(
                email_confirmed,
                by="number",
                key=signup.number,
                timeout=timedelta(days=6),
            ),
        ),
    )
    account = Child(OpenAccount, result=OpenAccount.open)
    limit = Choice(
        large=when(
            signup.limit > LARGE,
            agreed=Approval(notifications.ask_for_limit, timeout=timedelta(days=3)),
        ),
    )
    admit = Step(customers.admit, pivot=True, verify=customers.find_admission)
    # from here on: forward only
    welcome = ServiceStep(
        Action.send_message(
            Queue("WelcomeQueue"), {"customer": signup.customer, "email": signup.email}
        ),
        repeatable=True,
    )
