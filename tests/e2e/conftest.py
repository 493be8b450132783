"""One deployed stack for all end-to-end tests; the same on AWS where an account is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepsaga.engines.isolated import isolated
from stepsaga.engines.ministack.deployment import Deployment, tools
from stepsaga.engines.ministack.server import MiniStack
from tests.absent import absent
from tests.e2e.targets import ROOT, Target, deploy_to_aws, why_no_aws

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def ministack() -> Iterator[Target]:
    """The reference application on this machine, IAM enforced, waits skipped."""
    python, sam = tools(ROOT)
    with MiniStack(python, wait_scale=0) as server:
        faults = server.folder / "faults.json"
        faults.write_text("{}")
        found = Deployment(ROOT, server, python=python, sam=sam).deploy(faults=faults)
        target = Target(
            "ministack", found, server.client, faults, server.settings(), group=server.pid
        )
        target.refill()
        yield target


@pytest.fixture(scope="session")
def aws() -> Target:
    """The reference application in an AWS account, deployed as its README says."""
    if why := why_no_aws():
        absent("AWS", why)
    target = deploy_to_aws()
    target.refill()
    return target


@pytest.fixture(params=["ministack", "aws"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Each stack, found by boto3 and by the commands as the only one there is."""
    found: Target = request.getfixturevalue(request.param)
    if not found.variables:
        yield found
        return
    with isolated(found.variables):
        yield found


@pytest.fixture
def stack(ministack: Target) -> Iterator[Target]:
    """The stack on this machine, for what cannot be done or provoked elsewhere."""
    with isolated(ministack.variables):
        yield ministack
