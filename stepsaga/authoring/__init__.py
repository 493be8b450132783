"""What authors write: a class with an input and steps. The class becomes a graph."""

from __future__ import annotations

from stepsaga.authoring.children import Child
from stepsaga.authoring.conditions import all_of, any_of, is_in, is_present, not_
from stepsaga.authoring.data import Input
from stepsaga.authoring.destinations import Bus, Queue, Topic
from stepsaga.authoring.distributed import Csv, DistributedMap, JsonLines
from stepsaga.authoring.flow import Choice, Map, Parallel, Sequence, Wait, when
from stepsaga.authoring.questions import Approval, Callback
from stepsaga.authoring.saga import Saga, graph_of
from stepsaga.authoring.step import Retry, Step

__all__ = [
    "Approval",
    "Bus",
    "Callback",
    "Child",
    "Choice",
    "Csv",
    "DistributedMap",
    "Input",
    "JsonLines",
    "Map",
    "Parallel",
    "Queue",
    "Retry",
    "Saga",
    "Sequence",
    "Step",
    "Topic",
    "Wait",
    "all_of",
    "any_of",
    "graph_of",
    "is_in",
    "is_present",
    "not_",
    "when",
]
