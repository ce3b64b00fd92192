"""The tables of the documents say what the code says: names, settings, advice, checks, links."""

import importlib
import inspect
import re
import subprocess
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import pytest
import typer
import yaml
from pydantic import BaseModel

from reverie.cli.app import app
from reverie.denoisers.autoencoder import LatentSettings
from reverie.denoisers.unet import UNetConfig
from reverie.denoisers.visits import VisitNetworkConfig
from reverie.process import table as schedule
from reverie.records import CodecSettings
from reverie.service.settings import Settings
from reverie.training import TrainingSettings, advice

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")) if path.is_file()]
ROOMS = {
    "process",
    "denoisers",
    "samplers",
    "images",
    "records",
    "drawing",
    "evaluation",
    "training",
    "models",
    "config",
    "cli",
}
ROOMS |= {"planning", "service", "sources", "studies"}


def rows(page: str, columns: int) -> list[list[str]]:
    """The cells of every table row of a page that has so many columns, without headings and rules."""
    lines = [line.strip().strip("|") for line in (ROOT / "docs" / page).read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)] for line in lines]
    return [row for row in cells if len(row) == columns and set(row[0]) - set("-: ")]


def resolve(name: str) -> object:
    """What `name`, relative to the package, stands for; fields of dataclasses and settings count."""
    parts = name.split(".")
    if parts[0] == "TrainingSettings":
        parts = ["training", *parts]
    found: object = importlib.import_module("reverie")
    path = "reverie"
    for i, part in enumerate(parts):
        if isinstance(found, type) and issubclass(found, BaseModel) and part in found.model_fields:
            return found.model_fields[part]
        if isinstance(found, type) and is_dataclass(found) and part in {field.name for field in fields(found)}:
            return found
        if inspect.ismodule(found):
            path = ".".join(["reverie", *parts[: i + 1]])
            # A module's name may be covered by a function of the same name: studies.walk is both.
            rest = parts[i + 1 :]
            attribute = getattr(found, part, None)
            if attribute is None or (rest and not hasattr(attribute, rest[0]) and not is_dataclass(attribute)):
                try:
                    found = importlib.import_module(path)
                    continue
                except ModuleNotFoundError as error:
                    if attribute is None:
                        raise AttributeError(name) from error
            found = attribute
        else:
            found = getattr(found, part)
    return found


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def places() -> list[str]:
    """Everything in code quotes in the columns "here" and "note" of docs/where.md."""
    cells = [cell for row in (*rows("where.md", 3), *rows("where.md", 2)) for cell in row[1:]]
    return [name for cell in cells for name in code(cell)]


def test_every_name_in_where_resolves():
    names = {name for name in places() if name.partition(".")[0] in ROOMS | {"TrainingSettings"} and "/" not in name}
    assert len(names) > 100
    missing = []
    for name in sorted(names):
        try:
            resolve(name)
        except (AttributeError, ImportError):
            missing.append(name)
    assert not missing, missing


@pytest.mark.parametrize(
    "name", ["process.nothing", "process.NoiseSchedule.nothing", "TrainingSettings.nothing", "studies.walk.nothing"]
)
def test_a_name_that_is_not_there_is_found_out(name):
    with pytest.raises((AttributeError, ImportError)):
        resolve(name)


@cache
def command_names() -> dict[str, set[str]]:
    """Each command, as "study walk", with its options."""
    found: dict[str, set[str]] = {}

    def visit(command, words):
        found[" ".join(words)] = {option for parameter in command.params for option in parameter.opts}
        for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
            visit(command.get_command(None, name), [*words, name])

    visit(typer.main.get_command(app), [])
    return found


@pytest.mark.parametrize("page", ["where.md", "cli.md", "training.md", "images.md", "records.md"])
def test_every_command_and_option_named_exists(page):
    text = (ROOT / "docs" / page).read_text()
    missing_here = {line for line in text.splitlines() if "not yet" in line}
    known, every_option = command_names(), set().union(*command_names().values()) | {"--help"}
    for quoted in code(text.replace("```", "")):
        if any(f"`{quoted}`" in line for line in missing_here) and "serve" in quoted:
            continue
        words = quoted.split()
        if words and words[0] == "reverie" and len(words) > 1 and words[1].isalpha() and words[1].islower():
            name = " ".join(words[1:3]) if words[1] == "study" and len(words) > 2 else words[1]
            assert name in known, quoted
            options = known[name] | known.get(f"{name} describe", set())  # what `data FILE` is short for
            assert {word for word in words if word.startswith("--")} <= options, quoted
        elif re.fullmatch(r"--[a-z]+(-[a-z]+)*", words[0] if words else ""):
            assert words[0] in every_option, quoted


def test_every_command_is_in_the_command_lines_page():
    text = (ROOT / "docs" / "cli.md").read_text()
    for name in command_names():
        if name and name not in ("study", "data describe"):
            assert f"reverie {name} " in text or f"reverie {name}\n" in text, name


def test_every_check_named_is_proved():
    from reverie.studies.proofs import CHAPTERS

    known = {name for chapter in CHAPTERS for name in chapter.laws}
    names = {name for name in places() if re.fullmatch(r"[a-z]+/[a-z0-9-]+", name)} - {"loss/velocity"}
    assert len(names) > 30 and names <= known, names - known


def test_every_known_mistake_has_its_row_in_where():
    numbers = set(re.findall(r"^### (\d+[a-z]?)\.", (ROOT / "docs" / "mistakes.md").read_text(), re.MULTILINE))
    named = set(re.findall(r"\[mistake (\d+[a-z]?)\]", (ROOT / "docs" / "where.md").read_text()))
    assert len(numbers) > 30 and numbers == named


@pytest.mark.parametrize(
    ("page", "models"),
    [
        ("training.md", {"training": TrainingSettings, "network": UNetConfig}),
        ("records.md", {"network": VisitNetworkConfig, "codec": CodecSettings}),
        ("images.md", {"latent": LatentSettings}),
    ],
)
def test_the_settings_table_is_the_settings(page, models):
    pattern = rf"`({'|'.join(models)})\."
    table = {code(row[0])[0]: yaml.safe_load(row[1]) for row in rows(page, 3) if re.match(pattern, row[0])}
    real = {}
    for section, model in models.items():
        for name, field in model.model_fields.items():
            real[f"{section}.{name}"] = list(field.default) if isinstance(field.default, tuple) else field.default
    assert table == {name: default for name, default in real.items() if not name.endswith(".kind")}


def test_the_settings_of_the_service_are_its_settings():
    told = {name for cells in rows("serving.md", 3) for name in re.findall(r"REVERIE_(\w+)", cells[0])}
    assert told == {name.upper() for name in Settings.model_fields}


def test_every_piece_of_advice_is_in_the_table():
    openings = [re.fullmatch(r'"(.*)"', row[0]) for row in rows("training.md", 3)]
    table = [found[1] for found in openings if found]
    source = inspect.getsource(advice) + inspect.getsource(schedule)
    assert len(table) == 7
    for opening in table:
        assert f'"{opening}' in source, opening
    # Every sentence of advice begins a string with one of these; a new one would need its row.
    sentences = re.findall(r'f"((?:the|out of|alpha_bar)[^"{]*)', inspect.getsource(advice))
    assert all(any(sentence.startswith(opening) for opening in table) for sentence in sentences), sentences


def test_the_options_of_sampling_are_in_the_tables():
    from reverie.config import Sampling
    from reverie.models import PatientModel, PictureModel
    from reverie.samplers import SAMPLERS, SPACINGS

    told, table = (
        {code(row[0])[0]: row for row in rows(p, 3) if row[0].startswith("`--")} for p in ("records.md", "images.md")
    )
    assert {*table, *told} == command_names()["sample"] - {"--out", "--force", "--json", "--help", "model"}
    assert all(name in table["--sampler"][2] for name in SAMPLERS)
    assert all(name in table["--spacing"][2] for name in SPACINGS)
    usual = VisitNetworkConfig.usual  # of the recipe records
    pictures = Sampling().model_dump() | {"guidance": ""}
    for page, model, named in ((table, PictureModel.sample, pictures), (told, PatientModel.shards, usual)):
        defaults = {name: parameter.default for name, parameter in inspect.signature(model).parameters.items()} | named
        for option in ("--sampler", "--steps", "--spacing", "--seed", "--guidance"):
            if option in page:
                assert str(defaults[option.strip("-")]).removesuffix(".0") == page[option][1], option


def test_the_table_of_samplers_is_the_registry():
    from reverie.samplers import SAMPLERS

    told = {code(row[0])[0]: tuple(row[2:5]) for row in rows("samplers.md", 6) if row[0].startswith("`")}
    noise = {True: "yes", False: "no"}
    assert told == {name: (str(e.order), str(e.calls), noise[e.stochastic]) for name, e in SAMPLERS.items()}


def test_every_option_of_every_command_is_told_on_the_command_lines_page():
    text = (ROOT / "docs" / "cli.md").read_text()
    sections = {part.partition("\n")[0]: part for part in re.split(r"^## ", text, flags=re.MULTILINE)}
    for name, options in command_names().items():
        group = name.split()[0] if name else ""
        section = {"": None, "data describe": "data"}.get(name, group if group in ("study", "edit") else name)
        if section is not None:
            told = sections["Conventions"] + sections[f"reverie {section}"]
            untold = {o for o in options - {"--help"} if o.startswith("--") and not re.search(rf"{o}(?![\w-])", told)}
            assert not untold, f"{name}: {untold}"


# --- links and addresses ------------------------------------------------------------------------------------------------


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_relative_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_proof_that_a_page_names_is_there(page):
    for quoted in code(page.read_text().replace("```", "")):
        words = quoted.split()
        if words[:1] in (["pytest"], ["python"]):
            assert all((ROOT / word).exists() for word in words[1:] if "/" in word), f"{page.name}: {quoted}"


def kept_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout, so there is no list of its files")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_file_names_a_machine_or_a_package_index():
    folders = "|".join(("work", "root", "home"))
    hosts = "|".join(
        ("py" + "pi", "python" + "hosted", "download.py" + "torch", "index" + "-url")
    )  # not written out here either
    forbidden = re.compile(rf"(?<![\w.\-])/(?:{folders})/|\b(?:{hosts})\b")
    found = []
    for path in kept_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{i}: {line.strip()[:80]}"
            for i, line in enumerate(text.splitlines(), 1)
            if forbidden.search(line)
        ]
    assert not found, found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_of_the_repository_that_a_document_names_are_there(page):
    named = re.findall(r"`((?:tests|benchmarks|src|docs|examples)/[\w./-]+\.\w+)`", page.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []
