"""Tables that are small as files and large when read: each is one sentence, and the process that reads them all takes little
more memory than one that reads a small table."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys

import numpy as np
import polars as pl

READ = """
import json, resource, sys
from pathlib import Path
from reverie.errors import DataError
from reverie.service.jobs.work import Work
from reverie.service.settings import Settings
from reverie.service import context
from reverie.service.workspace import Workspace

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

root = Path(sys.argv[1])
settings = Settings(workspace=root, free_bytes=0, table_bytes=100_000_000, table_rows=1_000_000)
work = Work(settings, Workspace(root, settings), root, 1, None)
context.table(work, "small.csv")
found, before = {}, peak()
for name in sys.argv[2:]:
    try:
        found[name] = len(context.table(work, name))
    except DataError as error:
        found[name] = str(error)
print(json.dumps([found, peak() - before]))
"""


def test_hostile_tables_are_one_sentence_each_and_take_little_memory(tmp_path):
    def visits(rows: int) -> pl.DataFrame:
        return pl.DataFrame({"id": np.repeat(1, rows), "year": np.repeat(0, rows)})

    many, wide = 1_000_001, 60_002
    files = {
        "long.parquet": visits(4).with_columns(note=pl.Series(["x" * 20_000_000, "", "", ""])),
        "shared.parquet": visits(900).with_columns(note=pl.Series(["x" * 100_001]).new_from_index(0, 900)),
        "copies.parquet": visits(1_001).with_columns(note=pl.Series(["x" * 99_999]).new_from_index(0, 1_001)),
        "rows.parquet": pl.DataFrame({"id": pl.Series([1], dtype=pl.Int8).new_from_index(0, many)}),
        "list.parquet": pl.DataFrame({"id": [1], "year": [0], "scan": [[0] * 1_000_000]}),
    }
    for name, frame in files.items():
        frame.write_parquet(tmp_path / name, compression="zstd")
    (tmp_path / "wide.csv").write_text(",".join(map(str, range(wide))) + "\n" + ",".join(["1"] * wide) + "\n")
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"id,year\n" + b"1,0\n" * 5_000_000, 1))
    names = sorted(path.name for path in tmp_path.iterdir())
    rows = [f"{i // 3},{i % 3},{'fm'[i // 3 % 2]},{10 + 7 * i % 41}\n" for i in range(60)]
    (tmp_path / "small.csv").write_text("id,year,sex,lab\n" + "".join(rows))
    assert all((tmp_path / name).stat().st_size < 500_000 for name in names)
    told = subprocess.run([sys.executable, "-c", READ, str(tmp_path), *names], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    found, more = json.loads(told.stdout)
    words = {
        "long.parquet": "100,000 bytes of text in one cell",
        "shared.parquet": "100,000 bytes of text in one cell",
        "copies.parquet": "100,000,000 bytes",
        "rows.parquet": "1,000,000 rows",
        "list.parquet": "List",
        "wide.csv": "1,000 columns",
        "bomb.csv.gz": "unpacks to more than",
    }
    assert set(found) == set(words)
    for name, sentence in found.items():
        assert words[name] in sentence and sentence.startswith(name) and sentence.endswith("."), found
    assert more < 250_000_000, more
