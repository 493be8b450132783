"""A saga that asks by e-mail: whoever gets the message approves or rejects by a link in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import BaseModel, Field

from stepsaga import (
    Approval,
    ApprovalLinks,
    Input,
    Map,
    Participant,
    Saga,
    Sensitive,
    Step,
)

HOURS = 24


class Line(BaseModel):
    """What is bought."""

    sku: str
    count: int = 1


class Purchase(BaseModel):
    """An order. ``iban`` is nobody's business but the bank's."""

    price: str = Field(title="Price in all")
    ordered_by: str = "ann"
    iban: Sensitive[str] = ""
    express: bool = False
    lines: list[Line] = []


@dataclass
class Mail:
    """The messages that went out, and what stands.

    Attributes:
        sent: The links of each message.
        fails: How often sending fails before it works.
        done: The steps that had an effect which stands.
    """

    sent: list[ApprovalLinks] = field(default_factory=list)
    fails: int = 0
    done: list[str] = field(default_factory=list)


participant = Participant(resources={"mail": Mail})


def hold(mail: Mail) -> None:
    """Hold the money."""
    mail.done.append("hold")


def release(mail: Mail) -> None:
    """Let it go again."""
    if "hold" in mail.done:
        mail.done.remove("hold")


def ask_manager(purchase: Purchase, links: ApprovalLinks, mail: Mail) -> None:
    """A purchase needs a manager's word.

    What stands here is for developers.
    """
    del purchase
    if mail.fails:
        mail.fails -= 1
        raise ConnectionError(f"no mail server took {links.approve}")
    mail.sent.append(links)


def ask_line(line: Line, letter: ApprovalLinks, mail: Mail) -> None:
    """Ask about one line."""
    del line
    mail.sent.append(letter)


class Buy(Saga):
    """Buy something, if a manager agrees."""

    purchase = Input(Purchase)
    hold = Step(hold, compensation=release)
    review = Approval(ask_manager, timeout=timedelta(hours=HOURS))


class BuyEach(Saga):
    """Asks for each line."""

    purchase = Input(Purchase)
    hold = Step(hold, compensation=release)
    each = Map(
        purchase.lines,
        item="line",
        agreed=Approval(ask_line, timeout=timedelta(hours=HOURS)),
    )
