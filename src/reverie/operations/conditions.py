"""Pictures and the table that tells their attributes, looked at before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, operation
from reverie.operations.fields import reads
from reverie.operations.reading import ImageReading
from reverie.operations.request import Flag, Reply, Served, example

__all__ = ["conditions"]


class DescribeConditions(ImageReading):
    """Which pictures, and which table."""

    model_config = example({"source": "photos", "conditions": "photos.csv"})

    source: Annotated[
        str, Flag("PICTURES", "A folder, an archive or a file of pictures, or 'digits', as for reverie train."), reads
    ] = Field(min_length=1, description="Pictures in the workspace, or digits.", examples=["photos"])
    conditions: Annotated[
        str,
        Flag("TABLE", "The table: as tables of visits, a .parquet file also with columns of lists, or .npy, .npz."),
        reads,
    ] = Field(min_length=1, description="The table that tells their attributes.", examples=["photos.csv"])
    file_column: Annotated[str | None, Served((Field(min_length=1, max_length=200),), "a column's name is short")] = Field(
        None, description="Its column that names the pictures, where it is not found."
    )


class ConditionsReply(Reply):
    """What a table tells of pictures."""

    model_config = example(
        {
            "source": "photos",
            "pictures": 120,
            "attributes": [{"name": "colour", "kind": "levels", "words": "3 levels: blue, green, red", "told": 118}],
            "notes": ["2 pictures have no row in photos.csv, such as 7.png: nothing is told of them."],
        }
    )

    source: str
    pictures: int
    attributes: list[dict[str, Any]] = Field(description="`told`: of how many pictures.")
    notes: list[str]


@operation(
    "conditions",
    ConditionsReply,
    command="data conditions",
    route="POST /api/tables/conditions",
    operation_id="describe_conditions",
    tag="records",
    example="reverie data conditions photos photos.csv.",
    python=lambda request: lines(
        "from reverie.images import read_images",
        "",
        f"pictures = read_images({arguments(request.source, **request.image_options)})",
        "print(*(f'{each.name}: {each.words}' for each in pictures.told.attributes), sep='\\n')",
    ),
)
def conditions(request: DescribeConditions, context: Context) -> Outcome:
    """Say which attributes of pictures a table tells, and of how many."""
    import numpy as np

    from reverie.sources import ImageSource, open_source

    found = context.source(request.source, request.image_options)
    source = found if isinstance(found, ImageSource) else open_source(found, request.image_options)
    assert isinstance(source, ImageSource) and source.pictures.told is not None  # a table of visits has been refused
    told = source.pictures.told
    rows = []
    for each in told.attributes:
        there = np.isfinite(told.values[each.name].reshape(told.count, -1)).all(1).sum()
        rows.append({**each.outline, "words": each.words, "told": int(there)})
    notes = [*source.pictures.notes, *told.notes]
    reply = {"source": request.source, "pictures": told.count, "attributes": rows, "notes": notes}

    def show() -> Iterator[Any]:
        width = max(len(row["name"]) for row in rows)
        yield from (f"{row['name']:<{width}}  {row['words']}, told of {row['told']:,}" for row in rows)
        yield from notes

    return Outcome(reply, show)
