"""Where the end-to-end suite runs: a stack on this machine, or one in an AWS account."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3

from stepsaga.client import Client
from stepsaga.engines.ministack.deployment import Deployed, deployed
from stepsaga.sam.config import environment
from tools import customers, transfers, trips
from tools.local import Ledger, Tables, fill, ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT: Final = Path(__file__).parents[2]
STAGE: Final = "STEPSAGA_SMOKE_STAGE"
"""The environment of samconfig.toml with which the suite deploys to AWS: ``dev``."""
TABLES: Final = ("StockTable", "AccountsTable", "ParcelsTable", "OutboxTable")
TRIP_TABLES: Final = (
    "FlightsTable",
    "HotelsTable",
    "CarsTable",
    "InsuranceTable",
    "ReportsTable",
    "OutboxTable",
)
TRANSFERS_TABLE: Final = "TransfersTable"
CUSTOMER_TABLES: Final = ("CustomersTable", "OutboxTable")
MONEY: Final = {"ada": 100_000_000, "bob": 0}
OFFERS: Final = {
    "flights": {"LX318": 1_000},
    "hotels": {"harbour": 1_000, "full": 0},
    "cars": {"small": 1_000, "none": 0},
    "insurance": {"cancellation": 1_000, "none": 0},
}
ACCOUNTS: Final = {"acc_ada": 10_000_000, "acc_thrifty": 25_000}
CARDS: Final = {"tok_ada": 20_000, "tok_empty": 100, "tok_cleo": 5_000}
LONG_NAME: Final = "茶" * 100
"""An article of which fifty lines are a large result."""
STOCK: Final = {"kettle": 1_000, "tea": 10_000, LONG_NAME: 10_000}


@dataclass(frozen=True, slots=True)
class Target:
    """A deployed stack of the reference application.

    Attributes:
        name: ``ministack`` or ``aws``.
        deployed: What there is.
        client_of: Makes a boto3 client of a service, with more rights than any role of the stack.
        faults: The file that says what goes wrong; None where faults cannot be made.
        variables: What a child process needs to find the stack.
        group: The process group of its functions; 0 where they are not on this machine.
    """

    name: str
    deployed: Deployed
    client_of: Callable[..., Any]
    faults: Path | None
    variables: Mapping[str, str]
    group: int = 0

    @property
    def tables(self) -> Tables:
        """The participants' tables."""
        return Tables(*(self.deployed.resources[name] for name in TABLES))

    @property
    def trip_tables(self) -> trips.TripTables:
        """The tables that BookTrip's participants use."""
        return trips.TripTables(*(self.deployed.resources[name] for name in TRIP_TABLES))

    @property
    def events(self) -> str:
        """The event table."""
        return self.deployed.outputs["EventTable"]

    @property
    def machine(self) -> str:
        """What starts FulfilOrder."""
        return self.deployed.outputs["FulfilOrderMachine"]

    @property
    def bucket(self) -> str:
        """The bucket of large results."""
        return self.deployed.resources["EventBucket"]

    def machine_of(self, saga: str) -> str:
        """The ARN of a saga's machine, without an alias."""
        prefix, _, name = self.deployed.outputs[f"{saga}Machine"].partition(":stateMachine:")
        return f"{prefix}:stateMachine:{name.partition(':')[0]}"

    def sagas(self) -> Client:
        """A client of the stack's sagas."""
        return Client.of_stack(self.deployed.stack)

    def count(self) -> Ledger:
        """What is in the participants' tables."""
        return ledger(self.client_of("dynamodb"), self.tables)

    def count_trips(self) -> trips.TripLedger:
        """What is in the tables of BookTrip's participants."""
        return trips.ledger(self.client_of("dynamodb"), self.trip_tables)

    def count_transfers(self) -> transfers.Books:
        """What is in the table of TransferMoney's participant."""
        return transfers.books(self.client_of("dynamodb"), self.deployed.resources[TRANSFERS_TABLE])

    @property
    def customer_tables(self) -> customers.CustomerTables:
        """The tables that Onboard's participants use."""
        return customers.CustomerTables(*(self.deployed.resources[one] for one in CUSTOMER_TABLES))

    def count_customers(self) -> customers.Customers:
        """What is in the tables of Onboard's participants."""
        return customers.count(self.client_of("dynamodb"), self.customer_tables)

    def refill(self) -> None:
        """Put articles, cards, offers and accounts into the participants' tables."""
        dynamodb = self.client_of("dynamodb")
        fill(dynamodb, self.tables, stock=STOCK, cards=CARDS)
        trips.fill(dynamodb, self.trip_tables, offers=OFFERS, accounts=ACCOUNTS)
        transfers.fill(dynamodb, self.deployed.resources[TRANSFERS_TABLE], MONEY)
        customers.fill(dynamodb, self.customer_tables)

    def go_wrong(self, saga_id: str, **faults: str | list[str]) -> None:
        """Let a saga's steps go wrong: by state, with ``_`` for blanks."""
        assert self.faults is not None
        known = json.loads(self.faults.read_text())
        known[saga_id] = {state.replace("_", " "): kind for state, kind in faults.items()}
        draft = self.faults.with_suffix(".new")
        draft.write_text(json.dumps(known))
        draft.replace(self.faults)  # at once: functions read it at any time


def why_no_aws() -> str:
    """Why the suite cannot run on AWS; empty where it can."""
    if not os.environ.get(STAGE):
        return f"{STAGE} names no stage to deploy to"
    try:
        boto3.client("sts").get_caller_identity()
    except Exception as error:  # noqa: BLE001  # whatever keeps us from an account
        return f"no AWS account: {error}"
    return ""


def deploy_to_aws() -> Target:
    """Build and deploy with the real ``sam``, as the README says, into a real account."""
    stage = os.environ[STAGE]
    chosen = environment(ROOT, stage)
    sam = os.environ.get("STEPSAGA_SAM") or str(ROOT / ".venv-sam/bin/sam")
    for command in (
        [sam, "build"],
        [sam, "deploy", "--config-env", stage, "--no-confirm-changeset", "--no-progressbar"],
    ):
        subprocess.run(command, cwd=ROOT, check=True, stdin=subprocess.DEVNULL)  # noqa: S603  # sam
    options = {"region_name": chosen.region} if chosen.region else {}

    def client_of(service: str, **more: Any) -> Any:
        return boto3.client(service, **options, **more)

    found = deployed(client_of("cloudformation"), chosen.stack)
    return Target("aws", found, client_of, None, {})
