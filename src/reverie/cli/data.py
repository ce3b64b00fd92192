"""`reverie data`: what a table is taken to be, and simulated cohorts.

`data` is a group whose first word may be a file: what is not the name of a subcommand is described.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from reverie.cli.derive import group

__all__ = ["app"]


class _Described(TyperGroup):
    """A group where `data FILE` is short for `data describe FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = args and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, ["describe", *args] if args and not known else args)


app = group(
    "data",
    cls=_Described,
    subcommand_metavar="FILE | COMMAND ...",
    help="What Reverie makes of a table of visits, and why: reverie data FILE. Its options: reverie data describe --help.",
)
