"""Sagas with service steps in every place where they can stand."""

from __future__ import annotations

from stepsaga import (
    Action,
    Choice,
    Input,
    Map,
    Parallel,
    Queue,
    Retry,
    Saga,
    ServiceStep,
    Step,
    Topic,
    when,
)
from tests.services import shop

ARCHIVED = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "${Archive.Arn}/*"}


class FirstAndLast(Saga):
    """A service step is all that there is."""

    order = Input(shop.Order)
    announce = ServiceStep(
        Action.send_message(Queue("Parcels"), {"order": order.id, "key": Action.key}),
        compensation=shop.withdraw,
        repeatable=True,
        result=str,
    )


class Announce(Saga):
    """A message between two steps."""

    order = Input(shop.Order)
    reserve = Step(shop.reserve, compensation=shop.release)
    announce = ServiceStep(
        Action.send_message(
            Queue("Parcels"),
            {"order": order.id, "shelf": reserve.result.shelf, "key": Action.key},
        ),
        compensation=shop.withdraw,
        repeatable=True,
        result=str,
    )
    thank = Step(shop.thank, read_only=True)


class Once(Saga):
    """What may not be done twice, and is never tried again by itself."""

    order = Input(shop.Order)
    announce = ServiceStep(
        Action.publish(Topic("News"), Action.text("order {} weighs {} g", order.id, order.grams)),
        compensation=shop.withdraw,
        repeatable=False,
        result=str,
    )
    thank = Step(shop.thank, read_only=True)


class Forward(Saga):
    """Service steps behind the point of no return, the last of them the saga's end."""

    order = Input(shop.Order)
    pay = Step(shop.pay, pivot=True, verify=shop.look)
    tell = ServiceStep(
        Action.put_event(shop.order_announced, {"order": order.id, "key": Action.key}),
        repeatable=True,
        retry=Retry(attempts=2),
    )
    note = ServiceStep(
        Action.dynamodb(
            "putItem",
            "Notes",
            Item={"id": {"S": order.id}, "grams": {"N": order.grams}, "key": {"S": Action.key}},
        ),
        repeatable=True,
        retry=Retry(attempts=2),
    )


class Pivot(Saga):
    """A service step that is the point of no return, with a probe."""

    order = Input(shop.Order)
    reserve = Step(shop.reserve, compensation=shop.release)
    announce = ServiceStep(
        Action.start_execution("Billing", {"order": order}),
        pivot=True,
        verify=shop.find,
        repeatable=True,
    )
    thank = Step(shop.thank, retriable=True, retry=Retry(attempts=2))


class Lanes(Saga):
    """Service steps in branches, in items, and in items of items."""

    order = Input(shop.Big)
    both = Parallel(
        left=ServiceStep(
            Action.send_message(Queue("Parcels"), {"order": order.id, "key": Action.key}),
            compensation=shop.undo_left,
            repeatable=True,
            result=str,
        ),
        right=Map(
            order.lines,
            item="line",
            most=3,
            inner=Map(
                Map.item.parts,
                item="part",
                most=3,
                mark=ServiceStep(
                    Action.sdk(
                        "s3:copyObject",
                        {"Key": Map.item.name, "Token": Action.key},
                        policies=[ARCHIVED],
                    ),
                    compensation=shop.undo_mark,
                    repeatable=True,
                    result=dict,
                ),
            ),
            pack=Step(shop.pack, compensation=shop.unpack),
            ship=ServiceStep(
                Action.http(
                    "POST",
                    Action.text("https://carrier.example/{}", Action.saga_id),
                    connection="Carrier",
                    query={"sku": Map.item.sku},
                    body={"key": Action.key},
                ),
                compensation=shop.undo_ship,
                repeatable=True,
            ),
        ),
    )
    thank = Step(shop.thank_big, read_only=True)


class Chosen(Saga):
    """A service step that a choice may pass over, and one that only looks."""

    order = Input(shop.Order)
    look = ServiceStep(
        Action.dynamodb("getItem", "Notes", Key={"id": {"S": order.id}}),
        read_only=True,
        repeatable=True,
        result=dict,
    )
    heavy = Choice(
        yes=when(
            order.grams >= 50,
            announce=ServiceStep(
                Action.send_message(Queue(["Parcels", "fifo"][0]), "heavy", group=order.id),
                compensation=shop.withdraw,
                repeatable=True,
                result=str,
            ),
        ),
    )
    thank = Step(shop.thank, read_only=True)


ALL = (FirstAndLast, Announce, Once, Forward, Pivot, Lanes, Chosen)
