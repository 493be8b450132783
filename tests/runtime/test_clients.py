"""The clients that functions make, and what they need of boto3."""

from __future__ import annotations

import boto3
import pytest

from stepsaga.errors import StepFailed
from stepsaga.runtime.clients import check_version


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
