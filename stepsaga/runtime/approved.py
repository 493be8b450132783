"""What the people and systems answer that a saga asks."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Approved(BaseModel):
    """The result of an `Approval`.

    Attributes:
        by: Who approved; empty where nobody said, as when time decided.
        note: What they said to it.
    """

    model_config = ConfigDict(frozen=True)

    by: str = ""
    note: str = ""
