"""What a table is taken to be, for people: the columns, then what holds for the whole table, then the notes."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table as Grid
from rich.text import Text

from reverie.plain import number_of
from reverie.records.describe import Described, counts, nearly_rules, rules_of
from reverie.records.schema import Column

__all__ = ["overview"]


def overview(table: Described) -> Iterator[Text | Grid]:
    """All of it, from the top; what is not learned is faint."""
    schema, counted = table.schema, counts(table)
    visits = counted["visits_per_patient"]
    shape = (
        "no time: one row each, all columns static"
        if schema.timeless
        else f"{number_of(counted['rows'], 'visit')}; per patient {visits['min']} to {visits['max']}, "
        f"median {visits['median']:g}"
    )
    yield Text.assemble((table.name, "bold"), f": {number_of(counted['patients'], 'patient')}, {shape}")
    yield _columns(table)
    learned = number_of(len(schema.static) + len(schema.varying), "column")
    yield Text(f"\nlearned: {learned}, {len(schema.static)} static and {len(schema.varying)} varying")
    if schema.rules:
        yield Text("\nrules:")
    for support in rules_of(table):
        where = f", not in {support.where}" if support.broken else ""
        yield Text.assemble(f"  {support.rule.text}", (f"   {support.words}{where}", "dim"))
    near, where = nearly_rules(table)
    if near:
        yield Text(f"\nnearly rules, and rows that may be faults{', ' * bool(where)}{where}:")
    for support in near:
        yield Text.assemble(f"  {support.rule.text}", (f"   {support.words}, not in {support.where}", "dim"))
    for note in table.notes:
        yield Text(f"note: {note}")


def _columns(table: Described) -> Grid:
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
            "-" if column.skew is None else f"{column.skew:.1f}",
            column.why,
        )
        style = "" if column.modelled or column.role in ("identifier", "time") else "dim"
        grid.add_row(*map(Text, cells), style=style)
    return grid


def _missing(column: Column) -> str:
    if not column.missing:
        return "-"
    return "<0.1 %" if column.missing < 0.001 else f"{100 * column.missing:.1f} %"
