"""What authors write: a class with an input and steps. The class becomes a graph."""

from __future__ import annotations

from stepsaga.authoring.actions import Action
from stepsaga.authoring.children import Child
from stepsaga.authoring.conditions import all_of, any_of, is_in, is_present, not_
from stepsaga.authoring.data import Input
from stepsaga.authoring.destinations import Bus, Queue, Topic
from stepsaga.authoring.distributed import Csv, DistributedMap, JsonLines
from stepsaga.authoring.events import WaitForEvent
from stepsaga.authoring.flow import Choice, Map, Parallel, Sequence, Wait, when
from stepsaga.authoring.questions import Approval, Callback
from stepsaga.authoring.saga import Saga, graph_of
from stepsaga.authoring.service_step import ServiceStep
from stepsaga.authoring.step import Retry, Step
from stepsaga.authoring.triggers import OnEvent, OnQueue, OnRequest, OnSchedule

__all__ = [
    "Action",
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
    "OnEvent",
    "OnQueue",
    "OnRequest",
    "OnSchedule",
    "Parallel",
    "Queue",
    "Retry",
    "Saga",
    "Sequence",
    "ServiceStep",
    "Step",
    "Topic",
    "Wait",
    "WaitForEvent",
    "all_of",
    "any_of",
    "graph_of",
    "is_in",
    "is_present",
    "not_",
    "when",
]
