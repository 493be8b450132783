"""The built template for the local stage, where nothing speaks TLS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stepsaga.engines.ministack.stage import localise
from stepsaga.sam.bucket import event_bucket
from stepsaga.sam.cfn import dump, load


def local(tmp_path: Path, resources: dict[str, Any]) -> dict[str, Any]:
    """What becomes of resources on the local stage."""
    built = tmp_path / "built" / "template.yaml"
    built.parent.mkdir()
    built.write_text(dump({"Resources": resources}), encoding="utf-8")
    into = localise(built, tmp_path / "local", python=Path("python"), layers=tmp_path)
    found: dict[str, Any] = load(into.read_text(encoding="utf-8"))["Resources"]
    return found


def test_the_bucket_is_reached_without_tls(tmp_path: Path) -> None:
    """Nothing on this machine has TLS, so what is denied without it is left out, and no more."""
    resources = event_bucket()
    other = {"Effect": "Deny", "Principal": "*", "Action": "s3:Put*", "Resource": "*"}
    document = resources["EventBucketPolicy"]["Properties"]["PolicyDocument"]
    mine = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": "mine",
            "PolicyDocument": {**document, "Statement": [*document["Statement"], other]},
        },
    }
    found = local(tmp_path, {**resources, "MinePolicy": mine})
    assert found.keys() == {"EventBucket", "MinePolicy"}
    assert found["EventBucket"] == resources["EventBucket"]
    assert found["MinePolicy"]["Properties"]["PolicyDocument"]["Statement"] == [other]
