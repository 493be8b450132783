"""Step Functions Local and DynamoDB Local, where they are or can be started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from stepsaga.engines.docker import docker_engine
from stepsaga.engines.stepfunctions_local import given_servers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COMPOSE_FILE: Final = Path(__file__).parents[3] / "tools" / "stepfunctions-local.compose.yaml"
NAME: Final = "Step Functions Local"


def why_absent(
    environment: Mapping[str, str], *, worker: bool, ask: Callable[[], str] = docker_engine
) -> str:
    """Why Step Functions Local is not here; empty where it is.

    Args:
        environment: It may name servers that run already.
        worker: Whether this process is one of several of pytest-xdist.
        ask: Why Docker cannot be used.
    """
    if given_servers(environment) is None:
        return ask()
    # They were told one port for functions, and no two processes can listen there.
    return (
        "servers named by the environment serve one process: run pytest with -n 0" if worker else ""
    )
