"""The bucket for results that are too large for a document, and events too large for an item."""

from __future__ import annotations

from typing import Any, Final

from stepsaga.sam.cfn import att, either, ref, sub

BUCKET: Final = "EventBucket"


def event_bucket() -> dict[str, Any]:
    """The one bucket, and its policy: private, encrypted, reached by TLS only.

    It has no lifecycle: what events refer to is kept as long as they are.
    """
    keep = either("IsProd", "Retain", "Delete")
    private = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"]
    by_key = {
        "ServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": ref("KeyArn"),
        },
        "BucketKeyEnabled": True,
    }
    by_s3 = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    plain = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [att(f"{BUCKET}.Arn"), sub(f"${{{BUCKET}.Arn}}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {
        BUCKET: {
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": keep,
            "UpdateReplacePolicy": keep,
            "Properties": {
                "PublicAccessBlockConfiguration": dict.fromkeys(private, True),
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [either("HasKey", by_key, by_s3)]
                },
            },
        },
        f"{BUCKET}Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "DeletionPolicy": keep,
            "UpdateReplacePolicy": keep,
            "Properties": {
                "Bucket": ref(BUCKET),
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [plain]},
            },
        },
    }
