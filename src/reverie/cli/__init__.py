"""The command line: one thin module a command, all calling the same library functions as Python does."""

from reverie.cli.app import main

__all__ = ["main"]
