"""How many wrong formulas the tests notice: python benchmarks/mutants.py [--rooms process] [--sample 120] [--seed 0]

A mutant is the package with one symbol changed (+ for -, 2 for 1, < for <=, and for or), made by cosmic-ray (pip install
cosmic-ray; nothing else needs it). It is killed if a test fails. Of each room a random sample of places is drawn, and at
each place one change; all is done in a copy. Left out are places that no value depends on (annotations, `raise`, texts), and
changes of kind that end in a TypeError wherever they are made (shifts for sums, `is` for ==, `not` for a minus).

Each mutant is tried first in a fork of a process that has imported the package and collected the tests, by putting the
changed code into the functions that are there; it takes a second. One that no test notices so (a table made at import, say,
is not made again) is tried once more from a fresh import, which decides. What survived is printed with its line;
`--again FILE` tries the survivors that an earlier output lists.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import random
import re
import resource
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parents[1]
LAWS = [f"tests/laws/{path.name}" for path in sorted((ROOT / "tests/laws").glob("test_*.py")) if path.stem != "test_codec"]
CODING = (
    "boxcox",
    "codec",
    "codes",
    "encoded",
    "encoding",
    "existing",
    "intervals",
    "levels",
    "nominal",
    "rounding",
    "support",
    "tail",
    "transforms",
)
ROOMS = {  # the modules changed, and the tests that should notice, the quickest to fail first
    "process": (["process/*.py"], ["tests/process", *LAWS, "tests/studies/test_proofs.py"]),
    "samplers": (["samplers/*.py"], ["tests/samplers", *LAWS, "tests/studies/test_proofs.py"]),
    "coding": (
        [f"records/{name}.py" for name in CODING],
        ["tests/records/codec", "tests/laws/test_codec.py", "tests/records/values"],
    ),
}
SECONDS = 120
"""A mutant that takes more of the processor is killed: it has made an endless loop."""
LOADED = ("torch", "polars", "pydantic", "scipy.stats", "scipy.special", "hypothesis", "pytest", "PIL.Image", "diffusers")
KINDS = ({"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"}, {"BitOr", "BitAnd", "BitXor"}, {"RShift", "LShift"})


@dataclass(frozen=True, order=True)
class Mutant:
    """The change of an operator's `occurrence` in a module, at a line and column."""

    module: str
    line: int
    column: int
    operator: str
    occurrence: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line}:{self.column} {self.operator} {self.occurrence}"

    @classmethod
    def parse(cls, text: str) -> Mutant:
        place, operator, occurrence = text.split()
        module, line, column = place.split(":")
        return cls(module, int(line), int(column), operator, int(occurrence))

    def applied(self, source: str) -> str:
        return mutate_code(source, get_operator(self.operator)(), self.occurrence) or source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", nargs="+", choices=ROOMS, default=list(ROOMS))
    parser.add_argument("--sample", type=int, default=120, help="mutants of each room")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", type=Path, help="an output of this script: run its survivors, and no sample")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("src", "tests", "docs", "pyproject.toml"):
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, Path(folder) / name)
        os.chdir(folder)
        os.environ |= {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "PYTHONPATH": f"{folder}/src"}
        sys.path.insert(0, f"{folder}/src")
        sys.dont_write_bytecode = True
        for name in LOADED:
            importlib.import_module(name)
        for room in options.rooms:
            patterns, tests = ROOMS[room]
            modules = [path for pattern in patterns for path in sorted(Path("src/reverie").glob(pattern))]
            if options.again:
                lines = re.findall(r"^survived (\S+ \S+ \d+)", options.again.read_text(), re.MULTILINE)
                mutants = [m for m in map(Mutant.parse, lines) if Path(m.module) in modules]
            else:
                mutants = sampled(modules, options.sample, random.Random(f"{options.seed} {room}"))
            if (noticed := in_place(mutants, tests)) is None:
                sys.exit(f"the tests of {room} fail without any change: mend them first.")
            survivors = [m for m in mutants if m not in noticed and not is_killed(m, tests)]
            print(f"{room}: {len(mutants) - len(survivors)} of {len(mutants)} mutants killed", flush=True)


def sampled(modules: list[Path], size: int, rng: random.Random) -> list[Mutant]:
    """One change at each of `size` places, in a random order."""
    places: dict[tuple[str, int, int], list[Mutant]] = defaultdict(list)
    for module in modules:
        source = module.read_text()
        silent, tree = silent_places(source), get_ast(source)
        for name in sorted(operator_names()):
            operator = get_operator(name)
            if operator.arguments() or not telling(name):
                continue
            starts = (start for node in ast_nodes(tree) for start, _ in operator().mutation_positions(node))
            for occurrence, (line, column) in enumerate(starts):
                if not any(begin <= (line, column) < end for begin, end in silent):
                    places[str(module), line, column].append(Mutant(str(module), line, column, name, occurrence))
    order = sorted(places)
    rng.shuffle(order)  # so a smaller sample is the beginning of a larger one
    return [rng.choice(places[place]) for place in order[:size]]


def telling(operator: str) -> bool:
    """Whether a change is more than one of kind, which any call at all would notice."""
    name = operator.removeprefix("core/")
    if match := re.fullmatch(r"ReplaceBinaryOperator_(\w+)_(\w+)", name):
        return any(set(match.groups()) <= kind for kind in KINDS)
    if match := re.fullmatch(r"ReplaceComparisonOperator_(\w+?)_(\w+)", name):
        return len({"Is", "IsNot"} & set(match.groups())) != 1
    return not re.fullmatch(r"ReplaceUnaryOperator_(USub|UAdd|Invert)_(Not|Invert|UAdd|USub)", name)


def silent_places(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """From where to where no value depends on the source: annotations, what is raised, texts, and __all__."""
    silent: list[ast.AST | None] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Raise() | ast.JoinedStr() | ast.Import() | ast.ImportFrom():
                silent.append(node)
            case ast.AnnAssign() | ast.arg():
                silent.append(node.annotation)
            case ast.FunctionDef():
                silent.append(node.returns)
            case ast.Assign(targets=[ast.Name(id=name)]) if name == "__all__" or name.endswith("Indices"):
                silent.append(node)
    return [((n.lineno, n.col_offset), (n.end_lineno, n.end_col_offset)) for n in silent if n]  # pyright: ignore


def in_place(mutants: list[Mutant], tests: list[str]) -> set[Mutant] | None:
    """The mutants that a test notices when their code is put in the place of the functions that are there.

    None where a test fails though the code that is put there is the same.
    """
    read, write = os.pipe()
    if not os.fork():
        import pytest

        class Loop:
            def pytest_runtestloop(self, session: pytest.Session) -> bool:
                def unchanged() -> int:
                    for module in {mutant.module for mutant in mutants}:
                        put_in_place(module, Path(module).read_text())
                    return run(session)

                if not forked(unchanged):
                    os._exit(1)
                for number, mutant in enumerate(mutants):
                    changed = mutant.applied(Path(mutant.module).read_text())
                    if not forked(lambda place=(mutant.module, changed): put_in_place(*place) or run(session)):
                        os.write(write, number.to_bytes(4))
                return True

        def run(session: pytest.Session) -> int:
            from _pytest.main import pytest_runtestloop

            try:
                pytest_runtestloop(session)
            except session.Failed:
                return 1
            return session.testsfailed

        silence()
        pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests], plugins=[Loop()])
        os._exit(0)
    os.close(write)
    noticed = set()
    while number := os.read(read, 4):
        mutant = mutants[int.from_bytes(number)]
        noticed.add(mutant)
        print(f"killed {mutant} | {changed_line(mutant)}", flush=True)
    return noticed if os.wait()[1] == 0 else None


def put_in_place(module: str, source: str) -> None:
    """Changes the module that was imported: its functions, the methods of its classes and its numbers."""
    name = ".".join(Path(module).with_suffix("").parts[1:]).removesuffix(".__init__")
    old = importlib.import_module(name)
    new = {key: getattr(old, key) for key in ("__name__", "__file__", "__package__", "__spec__")}
    exec(compile(source, module, "exec"), new)
    for key, value in new.items():
        there = getattr(old, key, None)
        if isinstance(value, type) and value.__module__ == name:
            for attribute, member in vars(value).items():
                written = not isinstance(member, FunctionType) or member.__code__.co_filename != "<string>"
                if attribute in ("__dict__", "__weakref__") or not (written or attribute == "__init__"):
                    continue  # what dataclass makes holds on to its own class
                if not swapped(vars(there).get(attribute), member):
                    setattr(there, attribute, member)
        elif isinstance(value, bool | int | float | str | tuple) or (callable(value) and not swapped(there, value)):
            setattr(old, key, value) if getattr(value, "__module__", name) == name else None


def swapped(there: object, member: object) -> bool:
    """Whether the code of a function, or of what wraps one, could be put in the place of another's."""
    if type(there) is not type(member):
        return False
    for inner in ("fget", "func", "__func__", "__wrapped__"):  # property, cached_property, classmethod, functools.cache
        if hasattr(there, inner) and hasattr(member, inner):
            return swapped(getattr(there, inner), getattr(member, inner))
    if not isinstance(there, FunctionType) or not isinstance(member, FunctionType):
        return there is member
    if there.__code__.co_freevars != member.__code__.co_freevars or there.__code__.co_filename == "<string>":
        return False
    there.__code__, there.__defaults__, there.__kwdefaults__ = member.__code__, member.__defaults__, member.__kwdefaults__
    return True


def is_killed(mutant: Mutant, tests: list[str]) -> bool:
    module = Path(mutant.module)
    source, times = module.read_text(), module.stat()
    changed = mutant.applied(source)
    module.write_text(changed)
    killed = not passes(tests)
    module.write_text(source)
    os.utime(module, ns=(times.st_atime_ns, times.st_mtime_ns))
    print(f"{'killed' if killed else 'survived'} {mutant} | {changed_line(mutant)}", flush=True)
    return killed


def changed_line(mutant: Mutant) -> str:
    source = Path(mutant.module).read_text()
    pairs = zip(source.splitlines(), mutant.applied(source).splitlines(), strict=False)
    return next((b.strip() for a, b in pairs if a != b), "a line removed")


def passes(tests: list[str]) -> bool:
    """Whether all tests pass, from a fresh import of the package."""

    def run() -> int:
        import pytest

        silence()
        return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))

    return forked(run)


def forked(run: Callable[[], int]) -> bool:
    """Whether a fork of this process, which has loaded the libraries already, ends with 0, and soon enough."""
    if not (child := os.fork()):
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        code = 1
        try:
            code = run()
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def silence() -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)


if __name__ == "__main__":
    main()
