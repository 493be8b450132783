"""The clients that functions make, and what they need of boto3."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from stepsaga.authoring.step import TIMEOUT
from stepsaga.engines.isolated import isolated, settings
from stepsaga.errors import StepFailed
from stepsaga.runtime.clients import check_version, client

ROOT = Path(__file__).parents[2]
OLD_BOTO3 = """
import sys
sys.path.insert(0, sys.argv[1])
from stepsaga.errors import StepFailed
from stepsaga.runtime.clients import client
try:
    client("dynamodb")
except StepFailed as error:
    print(error)
"""


@pytest.mark.parametrize(
    "version",
    ["1.28.0", "1.28", "1.28.0rc1", "1.35.1.dev0", "1.40", "2.0", "2.0a1", boto3.__version__],
)
def test_a_boto3_that_is_new_enough(version: str) -> None:
    """What has all that is needed is taken, whatever is behind its numbers."""
    check_version(version)


@pytest.mark.parametrize("version", ["1.27.99", "1.9.0", "0.99.0", "1", "", "unknown", "v1.40"])
def test_a_boto3_that_is_not(version: str) -> None:
    """An older one, and one that does not say what it is, is refused with the way out."""
    with pytest.raises(StepFailed) as caught:
        check_version(version)
    assert str(caught.value) == (
        f"boto3 {version!r} is not 1.28.0 or later, which stepsaga needs: deploy with a newer"
        " Lambda runtime: PythonVersion in template.yaml. Nothing was done."
    )


def test_no_client_is_made_with_an_old_boto3(tmp_path: Path) -> None:
    """A process whose boto3 is too old says so at its first client, and makes none."""
    (tmp_path / "boto3").mkdir()
    (tmp_path / "boto3" / "__init__.py").write_text('__version__ = "1.27.99"\n')
    done = subprocess.run(  # noqa: S603  # the script above
        [sys.executable, "-c", OLD_BOTO3, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("boto3 '1.27.99' is not 1.28.0 or later")


def test_a_client_gives_up_before_the_step_does() -> None:
    """All attempts of one request fit into a step's time, with half of it left for the handler."""
    with isolated(settings("http://127.0.0.1:9", "test")):
        config = client("dynamodb").meta.config
    attempts = config.retries["total_max_attempts"]
    # botocore's longest pauses are one second, two, and so on.
    pauses = sum(2**number for number in range(attempts - 1))
    assert config.retries["mode"] == "standard"
    assert attempts > 1
    worst = attempts * (config.connect_timeout + config.read_timeout) + pauses
    assert worst <= TIMEOUT.total_seconds() / 2
