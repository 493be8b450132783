from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import moto.dynamodb
import pytest

import stepsaga.store
from stepsaga.store import DynamoDBStore, EventStore, MemoryStore
from stepsaga.store.codec import encode
from stepsaga.store.counting import CountingStore
from tests.contract.store_commits import commit


def test_the_public_names_are_few() -> None:
    """The names that the package offers are these, each on purpose."""
    assert sorted(stepsaga.store.__all__) == [
        "Commit",
        "DynamoDBStore",
        "Event",
        "EventRecord",
        "EventStore",
        "EventTypes",
        "MemoryStore",
        "Outcome",
        "Upcasters",
    ]


def test_every_public_name_is_there() -> None:
    """Each name that is offered can be had and is listed; any other is refused by name."""
    assert all(getattr(stepsaga.store, name).__name__ == name for name in stepsaga.store.__all__)
    assert set(stepsaga.store.__all__) <= set(dir(stepsaga.store))
    with pytest.raises(AttributeError, match=r"stepsaga\.store.*no attribute 'Ledger'"):
        _ = stepsaga.store.Ledger


def test_naming_slots_loads_no_store() -> None:
    """Whoever imports a light module of the package does not pay for the heavy ones."""
    program = (
        "import sys, stepsaga.store.slots, stepsaga.store.commits\n"
        "heavy = ('stepsaga', 'botocore', 'pydantic')\n"
        "print(*sorted(name for name in sys.modules if name.startswith(heavy)))"
    )
    done = subprocess.run(  # noqa: S603 (a fixed program, by this interpreter)
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [
        "stepsaga",
        "stepsaga.limits",
        "stepsaga.store",
        "stepsaga.store.commits",
        "stepsaga.store.slots",
    ]


def test_importing_the_store_makes_no_client() -> None:
    """Importing every name loads neither boto3 nor a client, and nothing of other layers."""
    program = (
        "import sys\n"
        "from stepsaga.store import *\n"
        "print(*sorted(n for n in sys.modules if n in {'boto3', 'botocore.client', 'urllib3'}"
        " or n.startswith(('stepsaga.asl', 'stepsaga.authoring', 'stepsaga.engines',"
        " 'stepsaga.runtime', 'stepsaga.checks', 'stepsaga.cli'))))"
    )
    done = subprocess.run(  # noqa: S603 (a fixed program, by this interpreter)
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_every_store_is_an_event_store() -> None:
    """The stores fit the protocol; the type checker proves it here."""
    memory: EventStore = MemoryStore()
    counting: EventStore = CountingStore(memory)
    kind: type[EventStore] = DynamoDBStore
    assert counting.append(commit()) == commit()
    assert kind is DynamoDBStore


def test_no_attribute_is_a_reserved_word() -> None:
    """Each attribute can be named in an expression as it is: DynamoDB reserves none of them."""
    words = Path(moto.dynamodb.__file__).parent / "parsing" / "reserved_keywords.txt"
    reserved = {word.strip().upper() for word in words.read_text().splitlines()}
    assert "DATA" in reserved
    assert {name.upper() for name in encode(commit()).item} & reserved == set()
