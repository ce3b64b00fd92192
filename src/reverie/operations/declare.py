"""How an operation is declared: a request, what it costs, and one function of (request, context).

    @operation("comparison", ComparisonReply, command="study compare", route="POST /api/comparisons", caps=(CALLS,), ...)
    def comparison(request: Comparison, context: Context) -> Outcome: ...

Everything else follows from it: the command and its help, the route and its document, the job and its queue, what the page
takes as defaults and limits, the table in docs/operations.md, and the call as curl, as a command and as Python. In the
sentences that a request's validators raise, fields stand in backquotes: the command line writes its options instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from reverie.operations.context import Context
    from reverie.operations.request import Reply, Request

__all__ = ["Cap", "Operation", "Outcome", "Panel", "operation", "summary"]


@dataclass(frozen=True)
class Cap:
    """The most of something that one call of a service may cost. On the command line, a machine is its user's own."""

    what: str
    """In words: "count x steps"."""
    most: int
    remedy: str
    """What to do: "ask for fewer patients, or fewer steps"."""
    of: str = ""
    """Where an operation has several: what this one is for."""

    @property
    def sentence(self) -> str:
        """For documents."""
        return f"{self.what} is at most {self.most:,}{f' for {self.of}' if self.of else ''}"


@dataclass(frozen=True)
class Panel:
    """A table for people: a title, the names of its columns, and rows of text."""

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[str]]


def summary(title: str, entries: Mapping[str, Any]) -> Callable[[], Iterable[Panel]]:
    """A result of names and values as a table; what is not there is left out."""
    rows = [(name.replace("_", " "), _shown(value)) for name, value in entries.items() if value is not None]
    return lambda: (Panel(title, ("what", "value"), rows),)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        if list(value)[1:] == ["of"]:
            (first, done), (_, whole) = value.items()
            return f"{done:,} of {whole:,}{'' if first in ('done', 'learned') else f' {first}'}"
        return ", ".join(f"{name} {_shown(part)}" for name, part in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Outcome:
    """What an operation gives back.

    Attributes:
        reply: for programs: what the service answers, and --json prints.
        show: for people: panels, lines of text and what rich can draw, made when they are asked for.
        printed: what --json prints where it is not the reply.
        hints: for people too, beside the result: what to look at next; made after it.
        failed: a sentence where what was checked did not hold; the command line then exits with 1.
    """

    reply: dict[str, Any]
    show: Callable[[], Iterable[Any]] = tuple
    printed: Any = None
    hints: Iterable[str] = ()
    failed: str = ""


@dataclass(frozen=True, eq=False)
class Operation:
    """One thing that a user can ask for.

    Attributes:
        name: of the operation, and of its jobs.
        does: the function.
        request, reply: the models of what it is given and of what a service answers.
        command: its words after `reverie`; none where it is not on the command line.
        route: method and path; none where it is not served.
        routed: whether the route is derived, too; some calls are answered without a job where that can be.
        operation_id: its name in the OpenAPI document; `name` if left out.
        title: in one line, for the document and lists of commands.
        about: more of it, for the document.
        tag: the group of the document that it belongs to.
        slow: whether a request takes minutes and waits in the slow queue; a function of the request, or always.
        caps: the most that a call may cost.
        wait: seconds that a call waits for its result where the client does not say.
        again: whether it may run again after its worker was lost.
        saves: whether, stopped in the middle, it goes on later from there.
        progress: what the bar of the command line says; and what is counted.
        example: a command to try.
        python: Python that does the same, from the request; none where there is no such thing.
        like: where it is not on the command line itself, the operation and request that come nearest, if any do.
        images: whether the reply has pictures, which --json leaves out unless --images asks for them.
        refuse: what a service has against a request before it becomes a job, from the request and the service's settings; a
            sentence, or none.
        chosen_by: of operations that share a route, the field whose value says which is meant.
        writes, usual: the field that names the output, and a name for it in a command that is shown.
        unnamed: the place of the output where the request names none; without it that stays with the job.
    """

    name: str
    does: Callable[[Any, Context], Outcome]
    request: type[Request]
    reply: type[Reply]
    command: str | None = None
    route: str | None = None
    routed: bool = True
    operation_id: str = ""
    title: str = ""
    about: str = ""
    tag: str = ""
    slow: bool | Callable[[Any], bool] = False
    caps: tuple[Cap, ...] = ()
    wait: float = 30.0
    again: bool = True
    saves: bool = False
    progress: tuple[str, str] = ("", "steps")
    example: str = ""
    python: Callable[[Any], str | None] | None = None
    like: Callable[[Any], tuple[Operation, Request] | None] | None = None
    images: bool = False
    refuse: Callable[[Any, Any], str | None] | None = None
    chosen_by: str = ""
    writes: str = ""
    usual: str = ""
    unnamed: Callable[[Any], str] | None = None

    @property
    def help(self) -> str:
        """What the command does, for its --help: the function's text."""
        return self.does.__doc__ or ""


def operation(name: str, reply: type[Reply], **declared: Any) -> Callable[[Callable[[Any, Context], Outcome]], Operation]:
    """Declares the function below as an operation; its request is the type of its first argument."""

    def declare(does: Callable[[Any, Context], Outcome]) -> Operation:
        from reverie.operations import TITLES

        request = get_type_hints(does, localns={"Context": Any})["request"]
        declared.setdefault("operation_id", name)
        return Operation(name, does, request, reply, title=TITLES[name], **declared)

    return declare
