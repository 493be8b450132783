"""For tests of one's own sagas: the pytest fixture ``saga``, and what it returns.

pytest imports the plugin in every run, so what the plugin does not need is loaded on demand.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepsaga.engines.endings import Ending
    from stepsaga.testing.runner import REJECT, SagaRun, SagaRunner

__all__ = ["REJECT", "Ending", "SagaRun", "SagaRunner"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("stepsaga.testing.runner"), name)
