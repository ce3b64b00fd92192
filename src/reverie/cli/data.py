"""reverie data FILE, and reverie data simulate COHORT

`data` is a group whose first word may be a file: what is not the name of a subcommand is described.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text
from typer.core import TyperGroup

from reverie.cli import console
from reverie.errors import DataError, UsageError, unknown
from reverie.plain import number_of

if TYPE_CHECKING:
    from reverie.records.schema import Column, Schema
    from reverie.records.table import Table

__all__ = ["app"]

WIDTH = 120
"""Columns of text where stdout is no terminal."""

ADVICE = """\
# What Reverie takes each column of {name} to be. Edit what is wrong; check it with
# reverie data FILE --using THIS; then train with --schema THIS.
#
#   role      identifier (whose visit), time (when), static (the same at every visit), varying
#   kind      real, integer, ordinal, binary, categorical, date, datetime: learned by the model
#             constant, empty (written as they were), number (renumbered), text (written empty): not learned
#   patterns  of text that identifies: shapes of the new values that are written in its place (A a 9 are any letter or digit)
#   taken     tells new values that may be real ones, which are not written
#   levels    of ordinal, binary and categorical columns; those of an ordinal column from the lowest to the highest
#   pooled    levels that are to be read as the level "(other)"
#   unit      values are whole multiples of it, of date-times in seconds (leave out: not rounded); decimals: digits to write
#   digits    values have at most so many significant digits
#   lower, upper      bounds that no value can be beyond (leave out: the tail is open)
#   form      how the source writes the cells, where it is not the plain way; they are read and written back so
#   asked_if          {{sex: [F]}}: filled only where sex is F; levels may be "(any)", it is filled, and "(empty)"
#   fill              false: reverie impute leaves its empty cells empty, unless --columns names it
#   missing, lowest, highest, skew, why    only tell what was seen
#   rules             what every patient obeys, kept in all that is made; strike some, or add others: "diastolic < systolic",
#                     "visit_date <= death_date", "empty(pregnant) if sex = M", "status tells code (alive: 0, dead: 1)",
#                     "age never falls", "stage stays IV", "change = value - first(value)"
#   duplicates        rows of one patient at one time: refuse, keep (all), first, last, mean (of the numbers)
#   pattern           how new identifiers are written (leave out: 1, 2, ...)
#   shapes            what brings the file into the form of one row for each patient and time; columns made for it: "\\0..."
#   null_values       what stands for a missing value, besides an empty cell; of a column, if it has its own
"""


class _Described(TyperGroup):
    """A group where `data FILE` is short for `data describe FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = args and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, ["describe", *args] if args and not known else args)


app = typer.Typer(
    cls=_Described,
    no_args_is_help=True,
    subcommand_metavar="FILE | COMMAND ...",
    help="What Reverie makes of a table of visits, and why: reverie data FILE. Its options: reverie data describe --help.",
)


@app.command("describe")
def describe(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Text separated by commas, semicolons, tabs or bars (.csv, .tsv, .psv, .txt, also .gz), .parquet, .xlsx, "
            ".sas7bdat, .xpt, .sav or .dta; a folder of files of text, one for each patient; or 'pbc2' (bundled).",
        ),
    ],
    schema: Annotated[Path | None, typer.Option("--schema", help="Write the decisions here, as YAML to edit.")] = None,
    using: Annotated[Path | None, typer.Option("--using", help="Read by this schema, to check it or the file.")] = None,
    identifier: Annotated[
        list[str] | None,
        typer.Option("--id", help="The column that says whose visit a row is; again for each that does so with it."),
    ] = None,
    time: Annotated[str | None, typer.Option("--time", help="The column that says when it was.")] = None,
    long: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--long", metavar="NAME VALUE", help="A row is one test: the column that names it, and that of its value."
        ),
    ] = None,
    null: Annotated[
        list[str] | None,
        typer.Option("--null", help="VALUE that means missing, or COLUMN=VALUE. May be repeated."),
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="COLUMN=categorical (ordinal, binary, text, number). May be repeated.")
    ] = None,
    date_format: Annotated[
        list[str] | None,
        typer.Option("--date-format", help="How dates are written: COLUMN=%d/%m/%Y, or one for all. May be repeated."),
    ] = None,
    duplicates: Annotated[
        str | None, typer.Option("--duplicates", help="Rows of one patient at one time: refuse, keep, first, last or mean.")
    ] = None,
    force: console.Force = False,
    as_json: console.Json = False,
) -> None:
    """Say what each column of a table is taken to be, and why. `reverie data FILE` is short for this.

    Example: reverie data pbc2 --schema pbc2.yaml
    """
    if schema is not None:
        console.fresh(schema, force)
    from reverie.records.describe import describe as as_reply
    from reverie.records.table import read_table

    table = read_table(
        source,
        _read_schema(using) if using else None,
        identifier=identifier,
        time=time,
        long=long,
        null_values=tuple(null or ()),
        kinds=_pairs(kind or []),
        date_formats=console.date_formats(date_format),
        duplicates=console.duplicates(duplicates),
    )
    if schema is not None:
        from reverie.files import write_atomically

        write_atomically(schema, ADVICE.format(name=table.name) + table.schema.yaml())
    if as_json:
        console.write_json(as_reply(table))
    else:
        _show(table)
        _say_training(table)
    if schema is not None:
        console.note(f"schema: {schema} (edit it, then check it with: reverie data {source} --using {schema})")


@app.command("simulate")
def simulate(
    cohort: Annotated[str, typer.Argument(help="art4hiv: people on therapy against HIV, seen monthly.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write: .csv, .csv.gz or .parquet.")],
    patients: Annotated[int, typer.Option("--patients", min=1, max=10_000_000, help="How many.")] = 300,
    months: Annotated[int, typer.Option("--months", min=1, max=1200, help="Months each is seen.")] = 60,
    seed: console.Seed = 0,
    force: console.Force = False,
    as_json: console.Json = False,
) -> None:
    """Write a simulated cohort, calibrated to what is published of a real one.

    Example: reverie data simulate art4hiv --patients 300 --months 60 --seed 0 --out art.csv
    """
    if cohort != "art4hiv":
        raise unknown("cohort to simulate", cohort, ["art4hiv"])
    console.fresh(out, force)
    from reverie.records.cohort import simulate_art4hiv
    from reverie.records.output import check_table_output, write_table

    check_table_output(out)
    frame = simulate_art4hiv(patients, months, seed)
    write_table(out, [frame])
    if as_json:
        console.write_json(
            {"file": str(out), "patients": patients, "rows": frame.height, "columns": frame.columns, "seed": seed}
        )
    else:
        made = number_of(patients, "simulated patient")
        console.write(f"{out}: {made} x {number_of(months, 'month')} = {number_of(frame.height, 'row')}, seed {seed}")


def _read_schema(path: Path) -> Schema:
    from reverie.records.schema import Schema

    try:
        return Schema.from_yaml(path.read_text(encoding="utf-8"), path.name)
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}: write a schema with reverie data FILE --schema {path}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a schema: it is no text in UTF-8.") from None


def _pairs(kinds: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in kinds:
        column, sign, kind = pair.rpartition("=")
        if not sign:
            raise UsageError(f"--kind takes COLUMN=KIND, not {pair!r}.")
        found[column] = kind
    return found


def _show(table: Table) -> None:
    """All of it for people: the columns, then what holds for the whole table, then the notes."""
    out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    from reverie.records.describe import counts
    from reverie.records.rules.find import suspects
    from reverie.records.rules.reading import supports

    told = counts(table)
    visits = told["visits_per_patient"]
    said = (
        "no time: one row each, all columns static"
        if table.schema.timeless
        else f"{number_of(told['rows'], 'visit')}; per patient {visits['min']} to {visits['max']}, "
        f"median {visits['median']:g}"
    )
    out.print(Text.assemble((table.name, "bold"), f": {number_of(told['patients'], 'patient')}, {said}"))
    grid = Grid(header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title, side in zip(("column", "role", "kind", "missing", "values", "unit", "skew", "why"), "lllrllrl", strict=True):
        grid.add_column(title, justify="right" if side == "r" else "left", overflow="fold", min_width=4)
    for column in table.schema.shown:
        cells = (
            column.name or "(no name)",
            column.role,
            column.kind,
            _missing(column),
            column.range,
            column.rounding,
            _skew(column),
        )
        style = "" if column.modelled or column.role in ("identifier", "time") else "dim"
        grid.add_row(*(Text(cell) for cell in (*cells, column.why)), style=style)
    out.print(grid)
    learned = number_of(len(table.schema.static) + len(table.schema.varying), "column")
    out.print(f"\nlearned: {learned}, {len(table.schema.static)} static and {len(table.schema.varying)} varying")
    if table.schema.rules:
        out.print("\nrules:")
        for support in supports(table):
            where = f", not in {support.where}" if support.broken else ""
            out.print(Text.assemble(f"  {support.rule.text}", (f"   {support.words}{where}", "dim")))
    if near := suspects(table):
        out.print("\nnearly rules, and rows that may be faults:")
        for support in near:
            out.print(Text.assemble(f"  {support.rule.text}", (f"   {support.words}, not in {support.where}", "dim")))
    for note in table.notes:
        out.print(Text(f"note: {note}"))


def _say_training(table: Table) -> None:
    """What training by the default recipe takes on this machine."""
    from reverie.sources import TableSource

    try:
        estimate = TableSource(table).first_estimate
    except DataError as error:
        return console.note(f"it cannot be trained on yet: {error}")
    console.note(estimate.sentence)
    if estimate.remedy is None:
        console.note("that is more memory than this machine has: give fewer patients, or fewer visits for each.")
    elif estimate.remedy:
        console.note(f"that is more memory than this machine has: it fits with reverie train ... {estimate.help}")


def _missing(column: Column) -> str:
    if not column.missing:
        return "-"
    return "<0.1 %" if column.missing < 0.001 else f"{100 * column.missing:.1f} %"


def _skew(column: Column) -> str:
    return "-" if column.skew is None else f"{column.skew:.1f}"
