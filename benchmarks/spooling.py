"""Memory and time of reading a table in parts, by the form it comes in: python benchmarks/spooling.py

The same simulated registry (10 visits a patient, 9 columns) of 10^5, 10^6 and 10^7 rows as a folder of Parquet, one Parquet
file of one row group of 10^6 rows and more, one CSV, a DuckDB file and a SQLite file, and, where its address is given with
--postgresql, a table of PostgreSQL. Each is read once, front to back, into a spool by a process of its own. Printed are
seconds, rows a second, the peak of resident memory of the process and what of that stood before the first row (VmHWM), and
the size of the spool. Memory should be flat over the rows. --rows 100000 1000000 is quick.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from training_memory import VISITS, simulate

FORMS = ("folder", "parquet", "csv", "duckdb", "sqlite", "postgresql")
QUERY = "SELECT * FROM visits"


def written(form: str, folder: Path, address: str | None) -> str:
    """Where the registry of a folder of Parquet is in another form."""
    place = folder.parent / f"visits.{form}"
    if form == "folder":
        return str(folder)
    if form == "postgresql":
        assert address is not None
        _to_postgresql(folder, address)
        return address
    place.unlink(missing_ok=True)
    lazy = pl.scan_parquet(folder)
    if form == "parquet":
        lazy.sink_parquet(place, row_group_size=10**6)
    elif form == "csv":
        lazy.sink_csv(place)
    elif form == "duckdb":
        import duckdb

        with duckdb.connect(str(place)) as connection:
            connection.execute(f"CREATE TABLE visits AS FROM '{folder}/*.parquet'")
    else:
        connection = sqlite3.connect(place)
        for number, part in enumerate(sorted(folder.iterdir())):
            frame = pl.read_parquet(part).with_columns(pl.col("date").cast(pl.String))
            if not number:
                connection.execute(f"CREATE TABLE visits ({', '.join(frame.columns)})")
            connection.executemany(f"INSERT INTO visits VALUES ({','.join('?' * frame.width)})", frame.iter_rows())
            connection.commit()
        connection.close()
    return str(place)


def _to_postgresql(folder: Path, address: str) -> None:
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS visits")
        for number, part in enumerate(sorted(folder.iterdir())):
            frame = pl.read_parquet(part)
            if not number:
                types = ["float8" if t.is_float() else "int8" if t.is_integer() else "text" for t in frame.dtypes]
                types[frame.columns.index("date")] = "date"
                columns = ", ".join(f"{n} {t}" for n, t in zip(frame.columns, types, strict=True))
                cursor.execute(f"CREATE TABLE visits ({columns})")
            with cursor.copy("COPY visits FROM STDIN (FORMAT csv)") as copy:
                copy.write(frame.write_csv(include_header=False))


def measured(source: str, query: str | None, cache: Path) -> dict:
    """Of this process: what reading a source in parts takes."""
    from reverie.records.streaming import spooled

    before, start = peak(), time.perf_counter()
    spool = spooled(source, {"query": query}, cache)
    seconds = time.perf_counter() - start
    size = sum(file.stat().st_size for file in spool.folder.iterdir())
    return {"rows": spool.rows, "parts": len(spool), "seconds": seconds, "before": before, "peak": peak(), "size": size}


def peak() -> float:
    """MiB that were resident at the most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=[form for form in FORMS if form != "postgresql"])
    parser.add_argument("--postgresql", help="postgresql://user@host/database, in which the table visits is written anew")
    parser.add_argument("--folder", type=Path, help="where the tables and spools go for the time")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        source, query, cache = given.one
        print(json.dumps(measured(source, query or None, Path(cache))))
        return
    from machine import describe

    print(describe())
    forms = [*given.forms, *(["postgresql"] if given.postgresql and "postgresql" not in given.forms else [])]
    print(f"{'form':<11}{'rows':>12}{'parts':>7}{'seconds':>9}{'rows/s':>11}{'before':>9}{'peak MiB':>10}{'spool MiB':>11}")
    with tempfile.TemporaryDirectory(dir=given.folder) as place:
        for rows in given.rows:
            folder = Path(place) / "visits"
            shutil.rmtree(folder, ignore_errors=True)
            simulate(rows // VISITS, folder)
            for form in forms:
                source, cache = written(form, folder, given.postgresql), Path(place) / "cache"
                query = QUERY if form in ("duckdb", "sqlite", "postgresql") else ""
                command = [sys.executable, __file__, "--one", source, query, str(cache)]
                told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                print(
                    f"{form:<11}{told['rows']:>12,}{told['parts']:>7}{told['seconds']:>9.1f}"
                    f"{told['rows'] / told['seconds']:>11,.0f}{told['before']:>9.0f}{told['peak']:>10.0f}"
                    f"{told['size'] / 2**20:>11.1f}",
                    flush=True,
                )
                shutil.rmtree(cache)


if __name__ == "__main__":
    main()
