"""What authors write: a class with an input and steps. The class becomes a graph."""

from __future__ import annotations

from stepsaga.authoring.data import Input
from stepsaga.authoring.saga import Saga, graph_of
from stepsaga.authoring.step import Retry, Step

__all__ = ["Input", "Retry", "Saga", "Step", "graph_of"]
