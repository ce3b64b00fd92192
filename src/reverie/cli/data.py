"""`reverie data`: what a table is taken to be, how several are tied, and simulated cohorts.

`data` is a group whose first word may be a file or a folder: what is not the name of a subcommand is looked at.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from reverie.cli.derive import group

__all__ = ["app"]


class _Described(TyperGroup):
    """A group where `data FILE` is short for `data describe FILE`, and of linked tables for `data tables`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = args and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, [_command(args), *args] if args and not known else args)


def _command(args: list[str]) -> str:
    """What is meant by words that begin with a place."""
    from pathlib import Path

    if "--query" in args or args[0].startswith("-") or (Path(args[0]).is_file() and "." not in args[0]):
        return "describe"
    from reverie.errors import ReverieError
    from reverie.records.linked import is_linked

    try:
        return "tables" if is_linked(args[0]) else "describe"
    except ReverieError:  # which the command that is meant says in full
        return "tables" if Path(args[0]).is_dir() else "describe"


app = group(
    "data",
    cls=_Described,
    subcommand_metavar="FILE | FOLDER | COMMAND ...",
    help="What Reverie makes of a table of visits, or of linked tables, and why: reverie data FILE. Its options: "
    "reverie data describe --help, and reverie data tables --help.",
)
