"""Sagas as a SAM template: what is deployed, and how it is packaged.

Graphs become an application (`stepsaga.sam.application`: functions, machines, what each needs), an
application becomes resources (one module a kind), and resources become the marked parts of
``template.yaml`` (`stepsaga.sam.merge`), where they fit what else stands there
(`stepsaga.sam.fit`). `stepsaga.sam.packaging` makes what ``sam build`` asks for. Nothing here talks
to AWS.
"""

from __future__ import annotations
