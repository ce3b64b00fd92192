"""What is declared of an operation once holds wherever it is derived: command, route, job, and the call that is shown."""

import shlex
from dataclasses import replace
from typing import Annotated

import pytest
import typer
from pydantic import ValidationError
from typer.testing import CliRunner

from reverie import operations
from reverie.cli import derive as commands
from reverie.errors import UsageError
from reverie.operations import call
from reverie.operations.declare import Outcome, operation
from reverie.operations.fields import Schedule
from reverie.operations.flags import flags
from reverie.operations.request import Flag, Reply, Request, Served, at_most, local, served
from reverie.service import derive as routes

ALL = [operations.find(name) for name in operations.TITLES]
SERVED = [each for each in ALL if each.route]


def asked(declared):
    """The request of the example, as a service takes it."""
    return served(declared.request).model_validate(declared.request.model_config["json_schema_extra"]["examples"][0])


def typed(declared, words):
    """The request that a command makes of these words."""
    seen = []

    def keep(request, context):
        seen.append(request)
        return Outcome({})

    app = typer.Typer()
    app.command()(commands.command(replace(declared, does=keep, progress=("", ""))))
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, (words, result.output, result.exception)
    return seen[0]


@pytest.mark.parametrize("declared", [each for each in ALL if each.command], ids=lambda each: each.name)
def test_the_command_that_is_shown_asks_for_the_same(declared):
    request = asked(declared)
    words = shlex.split(call.command(declared, request))[1 + len(declared.command.split()) :]
    again = typed(declared, words)
    stand_ins = {option.field for option in flags(declared.request) if option.name is None}
    for field in request.model_fields_set - stand_ins:
        value, back = (getattr(each, field) for each in (request, again))
        if isinstance(value, Schedule):
            value, back = value.config, back.config
        assert back == (f"{field}.png" if str(value).startswith("data:") else value), field


def test_what_json_has_no_other_word_for_than_a_list_is_taken_as_one():
    pairs = []
    for declared in SERVED:
        model, example = served(declared.request), declared.request.model_config["json_schema_extra"]["examples"][0]
        for name, about in model.model_json_schema()["properties"].items():
            for items in (kind["prefixItems"] for kind in about.get("anyOf", ()) if "prefixItems" in kind):
                told = [1.5 if item["type"] == "number" else "a" for item in items]
                assert list(getattr(model.model_validate({**example, name: told}), name)) == told
                pairs.append(name)
    assert {"interval", "long"} <= set(pairs)


@pytest.mark.parametrize("declared", [each for each in ALL if each.python], ids=lambda each: each.name)
def test_the_python_that_is_shown_is_python(declared):
    code = declared.python(asked(declared))
    compile(code, declared.name, "exec")
    exec("\n".join(line for line in code.splitlines() if line.startswith(("import ", "from "))), {})


@pytest.mark.parametrize("declared", SERVED, ids=lambda each: each.name)
def test_a_job_receives_the_request_that_the_route_took(declared):
    request = asked(declared)
    job = declared.name if declared.name in routes.tasks() else f"{declared.name}-large"
    seen = []
    task = replace(
        routes.tasks()[job], operation=replace(declared, does=lambda request, _: seen.append(request) or Outcome({}))
    )
    task.run(None, request.arguments)
    assert seen[0].arguments == request.arguments


@pytest.mark.parametrize("declared", SERVED, ids=lambda each: each.name)
def test_every_bound_of_a_service_has_its_reason(declared):
    for name, info in declared.request.model_fields.items():
        assert all(mark.why for mark in info.metadata if isinstance(mark, Served) and (mark.bounds or mark.type)), name


class Number(Request):
    """A number to double."""

    number: Annotated[int, Flag("NUMBER"), at_most(10, "it is enough")] = 3
    times: Annotated[int, local] = 2


def test_an_operation_is_its_declaration_and_a_title(monkeypatch, capsys):
    monkeypatch.setitem(operations.TITLES, "double", "Double a number.")

    @operation("double", Reply, command="double", route="POST /api/doubles", tag="studies")
    def double(request: Number, context: object) -> Outcome:
        """Double a number."""
        return Outcome({"result": request.number * request.times}, lambda: [f"it is {request.number * request.times}"])

    app = typer.Typer()
    app.command()(commands.command(double))
    assert CliRunner().invoke(app, ["21"]).output == "it is 42\n"
    assert '"result": 60' in CliRunner().invoke(app, ["20", "--times", "3", "--json"]).output
    help_ = CliRunner().invoke(app, ["--help"]).output
    assert "Double a number." in help_ and "NUMBER" in help_ and "--times" in help_
    assert routes.Task(double, "quick").run(None, {"number": 4}) == {"result": 8}
    assert call.calls(double, served(Number)(number=4), "http://here")["command"] == "reverie double 4"
    with pytest.raises(ValidationError, match="less than or equal to 10"):
        served(Number)(number=11)
    with pytest.raises(ValidationError, match="times is for the command line alone"):
        served(Number)(times=1)
    assert "times" not in served(Number).model_json_schema()["properties"]


@pytest.mark.parametrize("name", ["sample", "image-to-image", "invert", "imputation"])
def test_an_output_may_be_null(name):
    declared = operations.find(name)
    example = declared.request.model_config["json_schema_extra"]["examples"][0]
    assert served(declared.request).model_validate(example | {"out": None}).out is None


def test_what_is_wrong_names_the_option():
    declared = operations.find("reverse")
    for words, sentence in (
        (["--where", "class=3"], "--where is of a model, and none is given: name one with --model"),
        (["--sampler", "hein"], "unknown sampler 'hein': did you mean 'heun'"),
    ):
        app = typer.Typer()
        app.command()(commands.command(declared))
        error = CliRunner().invoke(app, words).exception
        assert isinstance(error, UsageError) and sentence in str(error)
