"""Tables written in parts: the same rows in any number of parts, whole or not at all, in memory that does not grow."""

import gzip
import subprocess
import sys

import polars as pl
import pytest

from reverie.errors import UsageError
from reverie.records import output
from reverie.records.output import check_table_output, write_table


def parts(count, rows=500):
    for number in range(count):
        first = number * rows
        yield pl.DataFrame(
            {
                "id": range(first, first + rows),
                "dose": [0.5 * k if k % 3 else None for k in range(rows)],
                "ward": ["a, b", None, 'say "x"', "é"] * (rows // 4),
            }
        )


def read(path):
    return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet", "a.CSV"])
def test_all_rows_come_back_in_order_and_twice_the_same_bytes(name, tmp_path, monkeypatch):
    monkeypatch.setattr(output, "GROUP", 1200)
    for folder in ("one", "two"):
        assert write_table(tmp_path / folder / name, parts(7)) == 3500
        assert [p.name for p in (tmp_path / folder).iterdir()] == [name]
    assert read(tmp_path / "one" / name).equals(pl.concat(parts(7)))
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_gzip_holds_neither_time_nor_name(tmp_path):
    write_table(tmp_path / "a.csv.gz", parts(1))
    content = (tmp_path / "a.csv.gz").read_bytes()
    assert content[3:8] == bytes(5) and gzip.decompress(content).decode() == pl.concat(parts(1)).write_csv()


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
@pytest.mark.parametrize("good", [0, 3])
def test_what_fails_on_the_way_leaves_all_as_it_was(name, good, tmp_path):
    def failing():
        yield from parts(good)
        raise UsageError("no more.")

    path = tmp_path / name
    path.write_text("mine")
    with pytest.raises(UsageError, match="no more"):
        write_table(path, failing())
    assert path.read_text() == "mine" and [p.name for p in tmp_path.iterdir()] == [name]
    if not good:
        with pytest.raises(UsageError, match="no more"):
            write_table(tmp_path / "new" / name, failing())
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["a.txt", "a", "a.xlsx", "a.gz", ".csv", "a.parquet.gz"])
def test_only_tables_can_be_written(name, tmp_path):
    with pytest.raises(UsageError, match=r"\.csv, \.csv\.gz or \.parquet"):
        check_table_output(tmp_path / name)
    with pytest.raises(UsageError, match="is a folder"):
        check_table_output(tmp_path)


def test_memory_does_not_grow_with_the_number_of_parts(tmp_path):
    """Peak memory of a process after it has written 15 MB of columns, and after it has written ten times as much."""
    program = (
        "import pathlib, polars as pl, resource, sys\n"
        "from reverie.records.output import write_table\n"
        "row = pl.int_range(2**14, eager=True)\n"
        "frame = pl.DataFrame({c: row.hash(k).cast(pl.Float64) for k, c in enumerate('abcdefghijkl')})\n"
        "for count in (10, 100):\n"
        "    for name in ('a.csv', 'a.parquet'):\n"
        "        write_table(pathlib.Path(sys.argv[1]) / name, (frame for _ in range(count)))\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    few, many = (int(line) / 1024 for line in done.stdout.split())
    assert many - few < 0.35 * 100 * 2**14 * 12 * 8 / 2**20
