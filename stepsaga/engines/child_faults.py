"""What goes wrong around a child: as its parent starts it, or has it undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, model_validator

from stepsaga.engines.functions import ProcessKilled
from stepsaga.errors import StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.runtime.children import Children

CHILD_FAULTS: Final[Mapping[str, str]] = {
    "crashes after link": "the process dies after it has recorded who waits for the child, and"
    " before that is started, or undone",
}
"""The faults that only such a call has, besides."""

AROUND: Final = frozenset({"rejected", "raises", "crashes after", "times out after", *CHILD_FAULTS})
"""The faults that a call has around its child, as others have them around their handlers."""
UNFITTING: Final = f"{__name__}:Unfitting"
"""The model that refuses the input of a child, instead of its own."""


class Unfitting(BaseModel):
    """The input of a child that nothing fits."""

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        del given
        raise ValueError("the fault 'rejected'")


class DeadlyChildren:
    """Children at which a process dies, or that cannot be reached."""

    def __init__(self, children: Children, kind: str | None) -> None:
        self._children = children
        self._kind = kind

    def start(self, saga: str, name: str, input: Any, *, again: bool) -> bool:  # noqa: A002  # as Step Functions names it
        """Start a child, and die."""
        self._before()
        self._children.start(saga, name, input, again=again)
        raise ProcessKilled

    def undo(self, saga: str, name: str, why: str) -> bool:
        """Have a child undone, and die."""
        self._before()
        self._children.undo(saga, name, why)
        raise ProcessKilled

    def settle(self, stream_id: str) -> None:
        """Tell whoever waits."""
        self._children.settle(stream_id)

    def _before(self) -> None:
        if self._kind == "raises":
            raise StepFailed("the fault 'raises'")
        if self._kind in CHILD_FAULTS:
            raise ProcessKilled
