"""`stepsaga build`: what ``sam build`` calls, by the Makefile, for each layer and function."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from stepsaga.cli.template import application_here
from stepsaga.sam.config import check_environments
from stepsaga.sam.functions import LAYER
from stepsaga.sam.packaging import build as fill
from stepsaga.sam.packaging import this_target
from stepsaga.sam.template import build_target, check_fresh, parameters_of

FOR: Final = "STEPSAGA_BUILD_FOR"
LOCAL: Final = "local"
"""For this interpreter on this machine, instead of for what the template's parameters say."""


def build(
    name: Annotated[str, typer.Argument(help="The layer's or the function's logical id.")],
    *,
    into: Annotated[Path, typer.Option(help="The folder to fill.", show_default=False)],
) -> None:
    """Put together what a layer or a function carries. `sam build` calls this by the Makefile."""
    root = Path.cwd()
    application = application_here(root)
    target = build_target(parameters_of(root))
    if name == LAYER:
        # Every build has the layer, and one refusal ends it: once is enough.
        check_fresh(root, application)
        check_environments(root, target, application)
    here = os.environ.get(FOR) == LOCAL
    fill(root, application, name, into, this_target() if here else target)
