"""reverie study network"""

from __future__ import annotations

from typing import Annotated

import typer

from reverie.cli import console

__all__ = ["network"]


def network(
    recipe: Annotated[str, typer.Option("--recipe", help="health-gym, records, pictures or ddpm.")] = "health-gym",
    channels: Annotated[int, typer.Option("--channels", min=1, help="Of a picture, or of the codes of a visit.")] = 22,
    length: Annotated[int, typer.Option("--length", min=1, help="Visits of a record, or pixels of a side.")] = 60,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of the run, e.g. network.width=32; repeatable.")
    ] = None,
    json: console.Json = False,
) -> None:
    """A recipe's network, layer by layer: what each answers for one example, and its weights, from a real pass."""
    from reverie.studies import network

    study = network(recipe, channels, length, console.parse_settings(settings or []))
    if json:
        return console.write_json(study.reply())
    rows = [[row.layer, " x ".join(map(str, row.shape)), f"{row.weights:,}"] for row in study.rows]
    title = f"{study.recipe}: {study.kind}, {' x '.join(map(str, study.entering))}"
    console.table(title, ["layer", "answers", "weights"], [*rows, ["in all", "", f"{study.weights:,}"]])
