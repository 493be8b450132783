from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from stepsaga.engines.stepfunctions_local import INVOKE_PORT, SERVICES

FILE = Path(__file__).parents[2] / "tools" / "stepfunctions-local.compose.yaml"
TEXT = FILE.read_text("utf-8")
# PyYAML is published without types.
COMPOSE: dict[str, Any] = import_module("yaml").safe_load(TEXT)["services"]
LINUX, DESKTOP = COMPOSE["stepfunctions"], COMPOSE["stepfunctions-desktop"]


def test_images_are_pinned() -> None:
    """Each image has one version, the one that was looked at."""
    assert {name: service["image"] for name, service in COMPOSE.items()} == {
        "dynamodb": "amazon/dynamodb-local:3.3.1",
        "stepfunctions": "amazon/aws-stepfunctions-local:2.0.0",
        "stepfunctions-desktop": "amazon/aws-stepfunctions-local:2.0.0",
    }


def test_published_ports_are_this_hosts_only() -> None:
    """What is published is published on 127.0.0.1, at a port that can be chosen."""
    ports = [port for service in COMPOSE.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    for port in ports:
        assert re.fullmatch(r"127\.0\.0\.1:\$\{STEPSAGA_\w+_PORT:-\d+\}:\d+", port)


def test_one_step_functions_for_each_kind_of_docker() -> None:
    """The host's network where it is this host's, else a name that Docker Desktop knows."""
    assert (LINUX["profiles"], DESKTOP["profiles"]) == (["linux"], ["desktop"])
    assert "profiles" not in COMPOSE["dynamodb"]
    assert LINUX["network_mode"] == "host"
    assert "ports" not in LINUX
    assert "network_mode" not in DESKTOP
    port = f"${{{INVOKE_PORT}:-8084}}"
    assert LINUX["environment"]["LAMBDA_ENDPOINT"] == f"http://127.0.0.1:{port}"
    assert DESKTOP["environment"]["LAMBDA_ENDPOINT"] == f"http://host.docker.internal:{port}"


@pytest.mark.parametrize("service", [LINUX, DESKTOP])
def test_step_functions_local_is_never_led_to_aws(service: dict[str, Any]) -> None:
    """It is given the endpoint of each service that definitions may call, and keys to nothing."""
    names = {"lambda": "LAMBDA", "dynamodb": "DYNAMODB", "states": "STEP_FUNCTIONS"}
    environment = service["environment"]
    assert set(names) == SERVICES
    for name in names.values():
        assert environment[f"{name}_ENDPOINT"].startswith("http://")
    assert environment["AWS_ACCESS_KEY_ID"] == environment["AWS_SECRET_ACCESS_KEY"] == "local"
    assert environment["AWS_ACCOUNT_ID"] == "123456789012"
    assert environment["AWS_DEFAULT_REGION"] == "us-east-1"


def test_variables_have_defaults() -> None:
    """The file can be used by hand: each variable has a value where nobody gives one."""
    assert set(re.findall(r"\$\{(\w+)", TEXT)) == {
        "STEPSAGA_STEPFUNCTIONS_PORT",
        "STEPSAGA_DYNAMODB_PORT",
        "STEPSAGA_INVOKE_PORT",
        "STEPSAGA_WAIT_TIME_SCALE",
    }
    assert all(":-" in used for used in re.findall(r"\$\{[^}]*\}", TEXT))


def test_dynamodb_keeps_nothing() -> None:
    """Tables are in memory, and the same for every key and Region."""
    assert COMPOSE["dynamodb"]["command"][-2:] == ["-inMemory", "-sharedDb"]
