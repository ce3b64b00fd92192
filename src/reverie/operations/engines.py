"""Where work is done that is cut into shards: on this machine, or on an engine that it is given to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from reverie.operations.request import Flag, Request, local

if TYPE_CHECKING:
    from reverie.shards import Engine

__all__ = ["Engined", "engine_of"]


class Engined(Request):
    """A request whose work can be given to an engine; what is made is the same."""

    engine: Annotated[Literal["ray"] | None, local] = Field(
        None,
        description="Who makes it: ray, tasks on the machines of a Ray cluster (pip install 'reverie[distributed]'); this "
        "machine if left out. What is made is the same.",
    )
    address: Annotated[str | None, local, Flag("--address", metavar="HOST:PORT")] = Field(
        None,
        description="Of the engine: HOST:PORT of a cluster that sees the run and the output under the same names; a local "
        "one is started and stopped if left out.",
        examples=["10.0.0.5:6379"],
    )

    @model_validator(mode="after")
    def _of_an_engine(self) -> Self:
        if self.address is not None and self.engine is None:
            raise ValueError("`address` is of a cluster: say which engine it has, with `engine` ray")
        return self


def engine_of(request: Any, workers: int | None = None) -> Engine | None:
    """What a request asks for; `workers` is the number of processes of a local cluster."""
    if request.engine is None:
        return None
    from reverie.shards.ray import Ray

    return Ray(request.address, workers)
