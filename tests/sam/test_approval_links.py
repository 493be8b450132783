"""What is generated for approval links: an API, a function, a secret, and who may do what."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.authoring import graph_of
from stepsaga.errors import DeploymentError
from stepsaga.runtime.approval_entry import PowertoolsReport
from stepsaga.runtime.approval_keys import KEYS
from stepsaga.runtime.approval_links import URL
from stepsaga.sam.application import Application, application_of
from stepsaga.sam.approval_api import DECIDES, SHOWS, made_by_sam
from stepsaga.sam.approval_links import API, FUNCTION, SECRET
from stepsaga.sam.cfn import load
from stepsaga.sam.packaging import build
from stepsaga.sam.template import render
from tests.sam.cloud import KEY, Sam, plain, resolved

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sam.projects import Small

HANDLERS = """\
from pydantic import BaseModel
from stepsaga import ApprovalLinks


class Purchase(BaseModel):
    price: str


def ask(purchase: Purchase, links: ApprovalLinks) -> None: ...


def look(purchase: Purchase) -> str: ...
"""
SAGAS = """\
from datetime import timedelta
from stepsaga import Approval, Input, Saga, Step
from {package} import desk, shelf


class Buy(Saga):
    purchase = Input(desk.Purchase)
    review = Approval(desk.ask, timeout=timedelta(hours=1))
    look = Step(shelf.look, read_only=True)


class Look(Saga):
    purchase = Input(desk.Purchase)
    look = Step(shelf.look, read_only=True)
"""


@pytest.fixture
def application(small: Small) -> Application:
    """Two sagas, one with links; the participant that makes them, and one that does not."""
    small.participant("desk", HANDLERS)
    small.participant("shelf", HANDLERS)
    small.write(f"{small.package}/sagas.py", SAGAS.format(package=small.package))
    sagas = import_module(f"{small.package}.sagas")
    return application_of(small.root, [graph_of(sagas.Buy), graph_of(sagas.Look)])


def resources(small: Small, application: Application) -> dict[str, Any]:
    """The resources of the project's template."""
    found: dict[str, Any] = load(render(small.root, application))["Resources"]
    return found


def statements(found: dict[str, Any], name: str, **how: Any) -> list[Any]:
    """What a function's role has in it."""
    policy = found[f"{name}Role"]["Properties"]["Policies"][0]["PolicyDocument"]
    listed: list[Any] = resolved(policy["Statement"], **how)
    return listed


def test_nothing_is_made_without_links(small: Small) -> None:
    """A project in which no handler takes links has neither API nor secret nor function."""
    module = small.participant("till")
    found = load(small.render(module))["Resources"]
    assert not found.keys() & {API, FUNCTION, SECRET, "ApprovalLinksForged"}
    with pytest.raises(DeploymentError, match="there is no ApprovalLinks to build"):
        build(small.root, small.application(module), FUNCTION, small.root / "out", {})


def test_who_makes_links_may_read_the_keys(small: Small, application: Application) -> None:
    """The participant that makes links, and the function behind them; and nobody else."""
    found = resources(small, application)
    readers = {
        name.removesuffix("Role")
        for name, one in found.items()
        if one["Type"] == "AWS::IAM::Role" and "secretsmanager:GetSecretValue" in str(plain(one))
    }
    assert readers == {"Desk", FUNCTION}
    for name in readers:
        variables = found[name]["Properties"]["Environment"]["Variables"]
        assert resolved(variables[KEYS]) == f"<{SECRET}.Id>"
        reading = [one for one in statements(found, name) if "secretsmanager" in str(one)]
        assert [one["Resource"] for one in reading] == [f"<{SECRET}.Id>"]
        (key,) = (one for one in statements(found, name, key=KEY) if "kms" in str(one))
        assert "secretsmanager.eu-central-1.amazonaws.com" in str(key)
    assert KEYS not in found["Shelf"]["Properties"]["Environment"]["Variables"]


def test_links_lead_to_the_api(small: Small, application: Application) -> None:
    """On AWS to its own host, on the local stage below the one endpoint that there is."""
    variables = resources(small, application)["Desk"]["Properties"]["Environment"]["Variables"]
    there = f"https://<{API}>.execute-api.eu-central-1.<AWS::URLSuffix>/approvals"
    assert resolved(variables[URL]) == there
    assert resolved(variables[URL], local=True) == f"/restapis/<{API}>/approvals/_user_request_"


def test_the_function_tells_sagas_with_links_alone(small: Small, application: Application) -> None:
    """It may put events, and tell the Tasks of the sagas that have links."""
    found = resources(small, application)
    telling = [one for one in statements(found, FUNCTION) if "states:SendTask" in str(one)]
    assert [one["Resource"] for one in telling] == [
        ["arn:aws:states:eu-central-1:123456789012:stateMachine:shop-prod-Buy"]
    ]
    assert not [one for one in statements(found, FUNCTION) if "Start" in str(one)]


def test_the_secret_is_made_once(small: Small, application: Application) -> None:
    """Golden: with any other property CloudFormation would make a new key, and void all links."""
    assert plain(resources(small, application)[SECRET]["Properties"]["GenerateSecretString"]) == {
        "SecretStringTemplate": '{"current": "1"}',
        "GenerateStringKey": "1",
        "PasswordLength": 48,
        "ExcludePunctuation": True,
    }


def test_no_link_is_logged_and_not_too_many_are_taken(
    small: Small, application: Application
) -> None:
    """Neither requests nor their paths are logged or traced by the API, and their rate is bound."""
    api = resources(small, application)[API]["Properties"]
    (settings,) = api["MethodSettings"]
    assert (settings["LoggingLevel"], settings["DataTraceEnabled"]) == ("OFF", False)
    assert settings["ThrottlingRateLimit"] <= settings["ThrottlingBurstLimit"]
    assert not api.keys() & {"AccessLogSetting", "TracingEnabled"}


@pytest.mark.parametrize(
    ("name", "what"), [("ApprovalLinksForged", "forged"), ("ApprovalLinksUnreachable", "failed")]
)
def test_alarms_stand_on_what_is_counted(
    small: Small,
    application: Application,
    capsys: pytest.CaptureFixture[str],
    name: str,
    what: str,
) -> None:
    """The dimensions of an alarm are those with which is counted what it stands on."""
    found = resources(small, application)[name]["Properties"]
    dimensions = {one["Name"]: resolved(one["Value"]) for one in found["Dimensions"]}
    PowertoolsReport("shop-prod")(what, None)
    counted = load(capsys.readouterr().out.splitlines()[0])
    assert counted[found["MetricName"]] == [1.0]
    assert counted["_aws"]["CloudWatchMetrics"][0]["Namespace"] == found["Namespace"]
    assert {name: counted[name] for name in dimensions} == dimensions
    assert sorted(counted["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]) == sorted(dimensions)


def test_sam_makes_two_methods(small: Small, application: Application, sam: Sam) -> None:
    """SAM makes GET and POST of it, each callable by that API alone, under known names."""
    made = sam.translate(render(small.root, application))
    paths = made[API]["Properties"]["Body"]["paths"]
    assert {path: sorted(methods) for path, methods in paths.items()} == {
        "/{token}": ["get", "post"]
    }
    names = [f"{FUNCTION}{event}Permissionapprovals" for event in (SHOWS, DECIDES)]
    for name, method in zip(names, ("GET", "POST"), strict=True):
        source = str(made[name]["Properties"]["SourceArn"])
        assert f"/{method}/*" in source
        assert API in source
    assert set(made_by_sam()) <= made.keys()
    stages = [one for one in made.values() if one["Type"] == "AWS::ApiGateway::Stage"]
    assert [one["Properties"]["StageName"] for one in stages] == ["approvals"]


def test_the_function_is_built(small: Small, application: Application, tmp_path: Path) -> None:
    """All of its code is in the layer: none of the project's is in it."""
    folder = tmp_path / "built"
    build(small.root, application, FUNCTION, folder, {})
    assert [one.name for one in folder.iterdir()] == ["README"]
