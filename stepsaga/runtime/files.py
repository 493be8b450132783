"""Where a file is: the type by which a saga is told of one."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class S3Object(BaseModel):
    """An object in S3."""

    model_config = ConfigDict(frozen=True)

    bucket: str = Field(min_length=3, max_length=63)
    key: str = Field(min_length=1, max_length=1024)
