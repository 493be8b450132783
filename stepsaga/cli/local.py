"""AWS on this machine, for one command: nothing of the user's own account can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stepsaga.cli.discovery import ProjectError, broken_at
from stepsaga.errors import StepsagaError
from stepsaga.store.table import create_table
from stepsaga.testing.stack import LocalStack, find_setup

if TYPE_CHECKING:
    from pathlib import Path

    from stepsaga.store.dynamodb import DynamoDBClient

EVENT_TABLE: Final = "events"
EVENT_BUCKET: Final = "events"
"""In this process's memory: what is in it is gone when the command ends."""


def prepare(stack: LocalStack, root: Path) -> DynamoDBClient:
    """Make the event table and the participants' tables; return a client of the event table's.

    The participants' are made by ``setup(dynamodb)`` in the project's ``tools/local.py``, if it has
    one: it creates them and puts in what a run needs.

    Raises:
        UsageError: ``tools/local.py`` has no such function.
        ProjectError: It cannot be imported, or fails.
    """
    client = stack.client()
    create_table(client, EVENT_TABLE)
    try:
        setup = find_setup(root)
        if setup is not None:
            setup(client)
    except StepsagaError:
        raise
    except Exception as error:
        raise ProjectError(str(broken_at("tools.local", error, root))) from error
    return client  # type: ignore[no-any-return]  # boto3 makes its clients' classes at run time
