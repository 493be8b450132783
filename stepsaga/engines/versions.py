"""Published versions of the participants' functions: who names each, and the deletion of the rest.

A deployment publishes a version of a function that changed, and sagas that run go on with the one
that they began with, so that old ones are kept. Here is found which of them nothing names any more.
All is read before anything is deleted; what cannot be read ends it, since nobody knows then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from stepsaga.engines.explained import explained
from stepsaga.engines.machine_uses import MachineUses
from stepsaga.engines.naming import Names, Uses
from stepsaga.engines.paging import pages
from stepsaga.errors import DeploymentError, EngineError
from stepsaga.runtime.lambda_entry import PARTICIPANT
from stepsaga.sam.functions import LIVE
from stepsaga.store.failures import failure_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from stepsaga.engines.machine_uses import Leftover, MachinesClient

KEEP: Final = 1
"""Of each function, how many of the newest besides the live one, if nobody says otherwise."""
YOUNG: Final = timedelta(hours=1)
"""For some seconds after an update new executions may use the definition before it.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachine.html"""
SETTLED: Final = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
"""States of a stack in which it will not go back to what it was before."""
FUNCTION: Final = "AWS::Lambda::Function"
FUNCTION_VERSION: Final = "AWS::Lambda::Version"
_GONE: Final = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})
_NUMBER: Final = re.compile(r"[1-9][0-9]*")
_MISSING: Final = "ResourceNotFoundException"


class CloudFormationClient(Protocol):
    """What is used of ``boto3.client("cloudformation")``."""

    def describe_stacks(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStacks."""
        ...

    def list_stack_resources(self, **parameters: Any) -> Mapping[str, Any]:
        """ListStackResources."""
        ...

    def describe_stack_resources(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStackResources."""
        ...


class LambdaClient(Protocol):
    """What is used of ``boto3.client("lambda")``."""

    def list_versions_by_function(self, **parameters: Any) -> Mapping[str, Any]:
        """ListVersionsByFunction."""
        ...

    def list_aliases(self, **parameters: Any) -> Mapping[str, Any]:
        """ListAliases."""
        ...

    def delete_function(self, **parameters: Any) -> Mapping[str, Any]:
        """DeleteFunction."""
        ...


@dataclass(frozen=True, slots=True)
class Clients:
    """The three services that are asked."""

    cloudformation: CloudFormationClient
    functions: LambdaClient
    machines: MachinesClient


@dataclass(frozen=True, slots=True)
class Version:
    """A published version of a function.

    Attributes:
        function: The function's name.
        number: ``7``; nothing else is a published version.
        description: What it was published with.
        published: When; None where AWS does not say it.
        uses: Why it stays; empty where it is to be deleted.

    Raises:
        ValueError: The number is none: ``$LATEST``, an alias, or nothing.
    """

    function: str
    number: str
    description: str = ""
    published: datetime | None = None
    uses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _refuse_unqualified(self.function, self.number)

    @property
    def key(self) -> tuple[str, str]:
        """What it is called."""
        return self.function, self.number


@dataclass(frozen=True, slots=True)
class Plan:
    """What was found: all published versions, and what earlier releases have left behind."""

    stack: str
    versions: tuple[Version, ...]
    leftovers: tuple[Leftover, ...] = ()

    @property
    def unused(self) -> tuple[Version, ...]:
        """The versions that are to be deleted."""
        return tuple(one for one in self.versions if not one.uses)

    def agreed(self, again: Plan) -> Plan:
        """What this plan deletes and a later one deletes as well; the rest is as in the later."""
        mine = {one.key for one in self.unused}
        versions = tuple(
            one if one.uses or one.key in mine else replace(one, uses=("not asked about",))
            for one in again.versions
        )
        return replace(again, versions=versions)


@dataclass(frozen=True, slots=True)
class Deletion:
    """What became of a version that was to be deleted; ``error`` is empty where it is gone."""

    version: Version
    error: str = ""


def read_plan(
    clients: Clients, stack: str, *, now: Callable[[], datetime], keep: int = KEEP
) -> Plan:
    """Find out who names which version. Reads only.

    Lists all executions of the stack's machines, a request for a thousand of them, and asks for
    each that failed in the last 14 days and for each that is open.

    Args:
        clients: The services.
        stack: The stack's name.
        now: The time, aware.
        keep: How many of the newest versions of a function stay besides the live one.

    Raises:
        DeploymentError: The stack is being changed, or has to be mended first.
        EngineUnreachable, EngineThrottled, EngineError: Something cannot be read; it is named.
    """
    try:
        return _Reader(clients, stack, now()).plan(keep)
    except EngineError as error:
        raise type(error)(f"{error}; nothing was deleted") from error


def delete(functions: LambdaClient, plan: Plan) -> Iterator[Deletion]:
    """Delete what a plan says, one version a request, and tell what became of each.

    One that cannot be deleted does not stop the others. One that is gone already is gone.
    """
    for version in plan.unused:
        try:
            _delete(functions, version)
        except (ClientError, BotoCoreError) as error:
            failure = failure_of(error)
            yield Deletion(version, "" if failure.code == _MISSING else failure.text)
        else:
            yield Deletion(version)


def _delete(functions: LambdaClient, version: Version) -> None:
    # Without a qualifier AWS would delete the function, with all its versions.
    _refuse_unqualified(version.function, version.number)
    functions.delete_function(FunctionName=version.function, Qualifier=version.number)


def _refuse_unqualified(function: str, number: str) -> None:
    if not function or not _NUMBER.fullmatch(number):
        raise ValueError(f"{function}:{number} is no published version of a function")


class _Reader:
    """Reads a stack's world once."""

    def __init__(self, clients: Clients, stack: str, now: datetime) -> None:
        self._clients = clients
        self._stack = stack
        self._now = now
        self._uses = Uses()

    def plan(self, keep: int) -> Plan:
        before = self._settled()
        resources = self._resources()
        functions = [
            one["PhysicalResourceId"] for one in resources if one["ResourceType"] == FUNCTION
        ]
        published = {name: found for name in functions if (found := self._versions(name))}
        names = Names(published)
        live = {name: self._note_aliases(name) for name in published}
        for one in resources:
            if one["ResourceType"] == FUNCTION_VERSION:
                self._uses.note(names.named(one["PhysicalResourceId"]), "the stack's own")
        machines = MachineUses(
            self._clients.machines,
            self._clients.cloudformation,
            names=names,
            uses=self._uses,
            now=self._now,
        )
        leftovers = machines.note(self._stack, resources)
        if self._settled() != before:  # then this is of two releases
            raise self._unsettled("was changed meanwhile: run it again")
        versions = [
            one
            for name, found in published.items()
            for one in self._judged(found, live[name], keep)
        ]
        return Plan(self._stack, tuple(versions), tuple(leftovers))

    # The stack

    def _settled(self) -> tuple[str, Any]:
        """The stack's state, and when it was last changed."""
        with explained(f"stack {self._stack!r}"):
            [stack] = self._clients.cloudformation.describe_stacks(StackName=self._stack)["Stacks"]
        status = str(stack["StackStatus"])
        if status not in SETTLED:
            way = "wait until it is done" if status.endswith("_IN_PROGRESS") else "mend it first"
            raise self._unsettled(f"is {status}, and may go back to an earlier release: {way}")
        return status, stack.get("LastUpdatedTime")

    def _unsettled(self, text: str) -> DeploymentError:
        return DeploymentError(f"stack {self._stack!r} {text}; nothing was deleted")

    def _resources(self) -> list[Mapping[str, Any]]:
        return [
            one
            for page in pages(
                f"the resources of stack {self._stack!r}",
                self._clients.cloudformation.list_stack_resources,
                "NextToken",
                StackName=self._stack,
            )
            for one in page["StackResourceSummaries"]
            if one.get("PhysicalResourceId") and one["ResourceStatus"] not in _GONE
        ]

    # Functions

    def _versions(self, function: str) -> list[Version]:
        """A participant's published versions, the newest first; none of what is no participant."""
        listed = [
            one
            for page in pages(
                f"the versions of function {function}",
                self._clients.functions.list_versions_by_function,
                "Marker",
                "NextMarker",
                FunctionName=function,
            )
            for one in page["Versions"]
        ]
        if not any(_is_participant(one) for one in listed):
            return []
        found = [
            Version(function, one["Version"], one.get("Description", ""), _published(one))
            for one in listed
            if _NUMBER.fullmatch(one["Version"])
        ]
        return sorted(found, key=lambda one: -int(one.number))

    def _note_aliases(self, function: str) -> frozenset[str]:
        """Note what aliases point to; return the numbers behind the live one."""
        live: set[str] = set()
        for page in pages(
            f"the aliases of function {function}",
            self._clients.functions.list_aliases,
            "Marker",
            "NextMarker",
            FunctionName=function,
        ):
            for alias in page["Aliases"]:
                weighted = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
                numbers = {alias["FunctionVersion"], *weighted}
                self._uses.note({(function, one) for one in numbers}, f"alias {alias['Name']}")
                if alias["Name"] == LIVE:
                    live |= numbers
        return frozenset(live)

    def _judged(self, found: Sequence[Version], live: frozenset[str], keep: int) -> list[Version]:
        """One function's versions, the newest first, with all that speaks for each."""
        newest = [one.number for one in found if one.number not in live][:keep]
        judged = []
        later: Version | None = None
        for one in found:
            uses = self._uses.of(*one.key)
            if one.number in newest:
                uses.append("newest")
            if self._is_recent(one):
                uses.append("published within the hour")
            elif later is not None and self._is_recent(later):
                # Its successor is so young that a start may still use the definition before.
                uses.append("superseded within the hour")
            judged.append(replace(one, uses=tuple(uses)))
            later = one
        return judged

    def _is_recent(self, version: Version) -> bool:
        """Whether it was published lately, or nobody knows when."""
        return version.published is None or self._now - version.published < YOUNG


def _is_participant(configuration: Mapping[str, Any]) -> bool:
    """Whether a function is a participant's: of another one's versions we do not know who calls."""
    return PARTICIPANT in (configuration.get("Environment") or {}).get("Variables", {})


def _published(configuration: Mapping[str, Any]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(configuration.get("LastModified", ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
