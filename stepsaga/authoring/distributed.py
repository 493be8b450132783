"""What stands in a saga's class body for many items: a map whose items are executions of their own.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.authoring.flow import Nested
from stepsaga.authoring.looking import UnseenError, datum_of, items_of, shown
from stepsaga.checks.annotations import bare, name_of
from stepsaga.errors import Problem
from stepsaga.graph import Datum, Distributed, ItemSource, MapNode, Origin
from stepsaga.runtime.files import S3Object

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence as List

    from stepsaga.authoring.wiring import Scope
    from stepsaga.graph import Node

AT_ONCE: Final = 10_000
"""Child executions of a distributed map that run at the same time.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


class JsonLines:
    """A file in S3 with an item in each line, as JSON.

    Args:
        file: Saga data that is an `S3Object`.
        item: The model of an item.
    """

    source: ItemSource = ItemSource.JSON_LINES

    def __init__(self, file: S3Object, *, item: type[object]) -> None:
        self.file = file
        self.item = item


class Csv(JsonLines):
    """A file in S3 with the names of its columns in the first line, and an item in each other.

    What is in an item are texts, and empty ones where a line is too short.
    """

    source = ItemSource.CSV


class DistributedMap(Nested):
    """The same nodes for each of many items, each in an execution of its own; they always join.

    As in ``payouts = DistributedMap(JsonLines(batch.file, item=Payout), pay=Step(...))``. The items
    are validated and recorded before anything is done. What an item's steps return stays in their
    events, and in S3; what later steps are given by the map's name is ``{"items", "done", "failed",
    "bucket", "list", "results", "failures"}``: three numbers, and where the items, the results and
    the failed items are. So many failures are tolerated: these items are undone, and the saga goes
    on. With more, or where a later step fails, all of them are undone.

    Args:
        over: A list in saga data, or `JsonLines` or `Csv`.
        item: The name of the parameter by which handlers take the item.
        at_most: How many items run at the same time; 0 for as many as Step Functions runs.
        tolerated: How many items may fail: a count, or as a float below 1 a share of them.
        nodes: By name, in the order in which they run: steps, choices and waits.
    """

    __slots__ = ("at_most", "item_name", "nodes", "over", "tolerated")

    def __init__(
        self,
        over: List[object] | JsonLines,
        *,
        item: str = "item",
        at_most: int = 0,
        tolerated: float = 0,
        **nodes: object,
    ) -> None:
        super().__init__()
        self.over = over
        self.item_name = item
        self.at_most = at_most
        self.tolerated = tolerated
        self.nodes = nodes

    def parts(self) -> Iterator[tuple[str, object]]:
        """What is directly inside; see `Nested.parts`."""
        yield from self.nodes.items()


def source_of(given: DistributedMap, scope: Scope) -> tuple[Datum, Any, ItemSource]:
    """Where a map's items come from, and their type.

    Raises:
        UnseenError: It is neither a list nor a file, for certain.
    """
    over = given.over
    if not isinstance(over, JsonLines):
        return *items_of(over, scope), ItemSource.LIST
    datum = datum_of(over.file, scope)
    if bare(datum.annotation) is not S3Object:
        text = f"{shown(datum)} is {name_of(datum.annotation)}, which is no S3Object for certain"
        raise UnseenError(
            text, "annotate the field S3Object: it says in which bucket, by which key"
        )
    return datum, over.item, over.source


def node_of(
    name: str, given: DistributedMap, nodes: tuple[Node, ...], found: tuple[Datum, ItemSource, str]
) -> MapNode:
    """The node of a distributed map: ``found`` is where its items come from, and their model."""
    items, source, model = found
    return MapNode(
        name=name,
        items=items,
        item=given.item_name,
        nodes=nodes,
        slot=(0,),
        at_most=given.at_most,
        most=1,
        source=given.source,
        distributed=Distributed(source, model, given.tolerated, (0,)),
    )


NOWHERE: Final = Datum(Origin.INPUT), Any, ItemSource.LIST
"""What stands for a source that cannot be read."""


def problems_of(
    given: DistributedMap, subject: str, kind: Any, source: ItemSource, model: str
) -> list[Problem]:
    """S550, S551: what is wrong with a map's options."""
    place = given.source
    found: list[Problem] = []
    if source is not ItemSource.LIST and not model:
        text = f"item={name_of(kind)} cannot be imported by name"
        hint = "give a class at a module's top level: JsonLines(batch.file, item=Payout)"
        found.append(Problem("S550", subject, text, hint, place))
    tolerated: object = given.tolerated
    share = isinstance(tolerated, float) and 0 <= tolerated < 1
    count = isinstance(tolerated, int) and not isinstance(tolerated, bool) and tolerated >= 0
    if not (share or count):
        text = f"tolerated={tolerated!r} is neither a count nor a share"
        hint = "give a whole number from 0, or a share below 1: tolerated=0.01 is one in a hundred"
        found.append(Problem("S551", subject, text, hint, place))
    return found
