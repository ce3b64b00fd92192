"""The house: a room imports only from floors below it; only the command line prints; settings are read in one place."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "reverie"
FLOORS = {
    name: floor
    for floor, names in enumerate(
        (
            ("errors", "files", "manifest", "memory", "modality", "plain", "drawing", "shards", "zips"),
            ("process",),
            ("denoisers",),
            ("samplers",),
            ("images", "records"),
            ("evaluation",),
            ("training",),
            ("config", "models", "sources", "planning"),
            ("reports", "studies", "export", "giveaway", "prediction_intervals"),
            ("operations",),
            ("service",),
            ("cli",),
        )
    )
    for name in names
}
HARDWARE = SOURCE / "training" / "hardware.py"  # asks what the machine is, and REVERIE_PRECISION what to take it for
RAY = SOURCE / "shards" / "ray.py"  # tells Ray by the environment what it takes in no other way
FILES = sorted(SOURCE.rglob("*.py"))
ENTRANCES = {"__init__", "__main__"}  # of the package itself: they open the house, and belong to no floor


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> list[str]:
    """The full name of everything imported, inside functions too."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the room they come from"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def climbs(tree: ast.AST, here: str) -> list[str]:
    """Imports from a room that is not below `here` (nor on its floor, where rooms may lean on each other)."""
    rooms = {name: name.split(".")[1] if "." in name else "" for name in imports(tree) if name.split(".")[0] == "reverie"}
    allowed = {room for room, floor in FLOORS.items() if floor <= FLOORS[here]} | (
        {""} if here in {"service", "cli"} else set()
    )
    return [name for name, there in rooms.items() if there not in allowed]


def dangers(tree: ast.AST) -> list[str]:
    """Ways to run what a file says: unpickling, evaluating, loading by the unsafe readers."""
    found = [
        name
        for name in imports(tree)
        if name.split(".")[0] in {"pickle", "dill", "marshal", "shelve", "joblib", "cloudpickle"}
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in {"eval", "exec", "torch.load", "torch.jit.load", "yaml.load", "yaml.unsafe_load", "__import__"}:
                found.append(called)
            found += ["allow_pickle" for k in node.keywords if k.arg == "allow_pickle" and ast.unparse(k.value) != "False"]
    return found


def speaks(tree: ast.AST) -> list[str]:
    """Printing, and reading the environment or the terminal."""
    names = {"os.environ", "os.getenv", "os.environb", "sys.stdout", "sys.stderr", "sys.stdin", "sys.argv"}
    found = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node) in names]
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return found + [name for name in calls if name in {"print", "input"}] + [n for n in imports(tree) if n in names]


def settles(tree: ast.AST) -> list[str]:
    """Settings that are read from the environment by a library."""
    return [name for name in imports(tree) if name.split(".")[0] in {"pydantic_settings", "dotenv", "decouple"}]


def undirected(tree: ast.AST) -> list[str]:
    """Draws from torch's global generator."""
    laws = {
        "rand",
        "randn",
        "randint",
        "randperm",
        "normal",
        "bernoulli",
        "multinomial",
        "rand_like",
        "randn_like",
        "randint_like",
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in laws:
            owner = ast.unparse(node.func.value)
            if owner == "torch" and "generator" not in {k.arg for k in node.keywords}:
                found.append(ast.unparse(node))
    return found


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_keeps_the_rules_of_the_house(path):
    here, tree = room(path), parsed(path)
    assert dangers(tree) == []
    if here in ENTRANCES:
        return
    assert here in FLOORS, f"{here} is a new room: give it a floor, here and in CONTRIBUTING.md"
    assert climbs(tree, here) == []
    if here != "cli":
        assert speaks(tree) == (["os.environ"] if path in (HARDWARE, RAY) else [])
    if path != SOURCE / "service" / "settings.py":
        assert settles(tree) == []
    if here in {"process", "denoisers", "samplers", "records"}:
        assert undirected(tree) == []


def test_the_floors_of_contributing_are_these():
    text = (SOURCE.parents[1] / "CONTRIBUTING.md").read_text()
    table = [
        line.split("|")[1:3] for line in text.splitlines() if line.startswith("|") and line.split("|")[1].strip().isdigit()
    ]
    told = {name.strip("` "): int(floor) - 1 for floor, names in table for name in names.split(",")}
    assert told == FLOORS


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (lambda tree: climbs(tree, "process"), "from reverie.samplers import DDIM"),
        (lambda tree: climbs(tree, "process"), "def f():\n    import reverie"),
        (lambda tree: climbs(tree, "studies"), "from reverie.cli import console"),
        (dangers, "import pickle"),
        (dangers, "torch.load(path)"),
        (dangers, "np.load(path, allow_pickle=True)"),
        (dangers, "eval(text)"),
        (speaks, "print(1)"),
        (speaks, "import os\nos.environ['A']"),
        (speaks, "from os import environ"),
        (settles, "from pydantic_settings import BaseSettings"),
        (undirected, "torch.randn(3)"),
    ],
)
def test_a_breach_is_seen(rule, text):
    assert rule(ast.parse(text)) != []
