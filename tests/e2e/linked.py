"""A project with approval links, and what it takes to deploy it: files, by their paths."""

from __future__ import annotations

from typing import Final

HANDLERS: Final = '''\
"""What is bought, and whom one asks."""

import os

import boto3
from pydantic import BaseModel, Field
from stepsaga import ApprovalLinks, Participant, SagaContext, Sensitive

participant = Participant(
    environment={"MAIL": "${Mail}"},
    policies=[{"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "${Mail.Arn}"}],
)


class Purchase(BaseModel):
    price: str = Field(title="Price in all")
    iban: Sensitive[str] = "DE02120300000000202051"


def ask_manager(purchase: Purchase, links: ApprovalLinks, saga: SagaContext) -> None:
    """A purchase needs a manager's word."""
    item = {"id": saga.id, "approve": links.approve, "reject": links.reject}
    values = {name: {"S": value} for name, value in item.items()}
    boto3.client("dynamodb").put_item(TableName=os.environ["MAIL"], Item=values)


def order(purchase: Purchase) -> str:
    return purchase.price
'''
SAGAS: Final = '''\
"""A saga that asks by a link."""

from datetime import timedelta

from handlers import buying
from stepsaga import Approval, Input, Saga, Step


class Buy(Saga):
    """Buy something, if a manager agrees."""

    purchase = Input(buying.Purchase)
    review = Approval(buying.ask_manager, timeout=timedelta(hours=24))
    order = Step(buying.order, read_only=True)
'''
RESOURCES: Final = """
Resources:
  Mail:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
"""
FILES: Final = {"handlers/buying.py": HANDLERS, "sagas/buying.py": SAGAS}
