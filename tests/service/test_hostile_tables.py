"""Tables that are small as files and large when read: each is one sentence, and the process that reads them all takes little
more memory than one that reads a small table, and so does each that reads one for it."""

from __future__ import annotations

import gzip
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

pyreadstat = pytest.importorskip("pyreadstat")
pytest.importorskip("fastexcel")

READ = """
import json, resource, sys
from pathlib import Path
from reverie.service import context
from reverie.service.jobs.work import Work
from reverie.service.problems import Unreadable
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

def peak(who):
    return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

root = Path(sys.argv[1])
settings = Settings(workspace=root, free_bytes=0, table_bytes=30_000_000, table_rows=200_000)
work = Work(settings, Workspace(root, settings), root, 1, None)
context.table(work, "small.csv")
found, before = {}, peak(resource.RUSAGE_SELF)
for name in sys.argv[2:]:
    try:
        found[name] = len(context.table(work, name))
    except Unreadable as error:
        found[name] = str(error)
print(json.dumps([found, peak(resource.RUSAGE_SELF) - before, peak(resource.RUSAGE_CHILDREN)]))
"""
MANY, WIDE = 200_001, 60_002
PLAIN = 600_000_000
"""What a process takes that reads a file of SAS, SPSS or Stata, the code that it imports included: 430 MB were seen."""

WORDS = {
    "long.parquet": "100,000 bytes of text in one cell",
    "shared.parquet": "100,000 bytes of text in one cell",
    "copies.parquet": "30,000,000 bytes",
    "rows.parquet": "200,000 rows",
    "wide.parquet": "1,000 columns",
    "list.parquet": "List",
    "rows.csv": "200,000 rows",
    "wide.csv": "1,000 columns",
    "cell.csv": "cell.csv",
    "bomb.csv.gz": "unpacks to more than",
    "twice.csv.gz": "twice.csv.gz",
    "far.xlsx": "200,000 rows",
    "space.xlsx": "30,000,000 bytes",
    "often.xlsx": "30,000,000 bytes",
    "rows.zsav": "200,000 rows",
    "text.zsav": "30,000,000 bytes",
    "often.dta": "30,000,000 bytes",
    "rows.xpt": "200,000 rows",
}


def workbook(path: Path, **made: object) -> None:
    """As the tests of spreadsheets make them."""
    there = Path(__file__).parents[1] / "records" / "reading" / "test_spreadsheets.py"
    spec = importlib.util.spec_from_file_location("corpus_of_spreadsheets", there)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    extra = {"far": module.FAR, "often": module.OFTEN}.get(str(made.get("extra")), made.get("extra", b""))
    module.workbook(path, {"Data": [module.HEADER, *module.ROWS]}, **{**made, "extra": extra})


def hostile(folder: Path) -> None:
    def visits(rows: int) -> pl.DataFrame:
        return pl.DataFrame({"id": np.repeat(1, rows), "year": np.repeat(0, rows)})

    for name, frame in {
        "long": visits(4).with_columns(note=pl.Series(["x" * 20_000_000, "", "", ""])),
        "shared": visits(900).with_columns(note=pl.Series(["x" * 100_001]).new_from_index(0, 900)),
        "copies": visits(301).with_columns(note=pl.Series(["x" * 99_999]).new_from_index(0, 301)),
        "rows": pl.DataFrame({"id": pl.Series([1], dtype=pl.Int8).new_from_index(0, MANY)}),
        "wide": pl.DataFrame({str(i): [1] for i in range(1_001)}),
        "list": pl.DataFrame({"id": [1], "year": [0], "scan": [[0] * 1_000_000]}),
    }.items():
        frame.write_parquet(folder / f"{name}.parquet", compression="zstd")
    (folder / "wide.csv").write_text(",".join(map(str, range(WIDE))) + "\n" + ",".join(["1"] * WIDE) + "\n")
    (folder / "rows.csv").write_text("a,b\n" + "1,0\n" * MANY)
    (folder / "cell.csv").write_text('id,year,note\n1,0,"' + "x" * 1_000_000 + "\n")  # a quote that is never closed
    bomb = gzip.compress(b"id,year\n" + b"1,0\n" * 5_000_000, 1)
    (folder / "bomb.csv.gz").write_bytes(bomb)
    (folder / "twice.csv.gz").write_bytes(gzip.compress(bomb))
    workbook(folder / "far.xlsx", extra="far")
    workbook(folder / "space.xlsx", extra=b" " * 30_000_001)
    workbook(folder / "often.xlsx", extra="often", shared="x" * 50_000)
    pyreadstat.write_sav(pd.DataFrame({"id": np.zeros(MANY)}), folder / "rows.zsav", compress=True)
    text = pd.DataFrame({"id": range(1_001), "note": ["x" * 30_000] * 1_001})
    pyreadstat.write_sav(text, folder / "text.zsav", compress=True)
    pyreadstat.write_dta(pd.DataFrame({"id": range(9_000), "note": ["x" * 5_000] * 9_000}), folder / "often.dta", version=15)
    pyreadstat.write_xport(pd.DataFrame({"id": np.zeros(MANY)}), folder / "rows.xpt", file_format_version=5)


def test_hostile_tables_are_one_sentence_each_and_take_little_memory(tmp_path):
    hostile(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert set(names) == set(WORDS) and all((tmp_path / name).stat().st_size < 2_000_000 for name in names)
    rows = [f"{i // 3},{i % 3},{'fm'[i // 3 % 2]},{10 + 7 * i % 41}\n" for i in range(60)]
    (tmp_path / "small.csv").write_text("id,year,sex,lab\n" + "".join(rows))
    done = subprocess.run([sys.executable, "-c", READ, str(tmp_path), *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, more, apart = json.loads(done.stdout)
    for name, sentence in found.items():
        assert WORDS[name] in str(sentence) and str(sentence).startswith(name) and str(sentence).endswith("."), (
            name,
            sentence,
        )
    assert more < 150_000_000 and apart < PLAIN, (more, apart)
