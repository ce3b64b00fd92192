"""A source read in parts is the source read at once: the same cells of the same types, in the same order."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from reverie.errors import DataError, UsageError
from reverie.records import read_table
from reverie.records.reading import blocks, parquet, read_source, stream_of, tables_in
from reverie.sources import is_table

VISITS = pl.DataFrame(
    {
        "patient": [f"p{i // 3:02}" for i in range(60)],
        "day": [30 * (i % 3) for i in range(60)],
        "weight": [60 + i / 4 for i in range(60)],
        "said": ['plain, with "quotes"\nand two lines' if i % 7 == 0 else None for i in range(60)],
    }
)


def streamed(source) -> tuple[pl.DataFrame, tuple[str, ...]]:
    stream = stream_of(source)
    chunks = list(stream.chunks())
    return pl.concat(chunks), tuple(stream.notes())


def hive(folder: Path, frame: pl.DataFrame = VISITS) -> Path:
    """Three files in folders that say site and year."""
    for number, (site, year) in enumerate((("007", "2020"), ("007", "2021"), ("b%20c", "2020"))):
        place = folder / f"site={site}" / f"year={year}"
        place.mkdir(parents=True)
        frame[20 * number : 20 * number + 20].write_parquet(place / "part-0.parquet", row_group_size=7)
    (folder / "_SUCCESS").write_text("")
    (folder / "manifest.json").write_text("{}")
    return folder


def test_a_folder_of_parquet_is_one_table_and_the_keys_of_its_folders_are_columns(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "CHUNK", 6)
    place = hive(tmp_path / "set")
    read = read_source(place)
    told = [("007", "2020")] * 20 + [("007", "2021")] * 20 + [("b c", "2020")] * 20
    wanted = VISITS.hstack(pl.DataFrame(told, schema=["site", "year"], orient="row"))
    assert read.frame.equals(wanted) and streamed(place)[0].equals(wanted)
    assert read.notes == ("3 Parquet files were read as one table; site, year from their folders.",) == streamed(place)[1]
    assert is_table(place) and stream_of(place).rows == 60
    table = read_table(place)
    assert len(table) == 20 and table.schema["site"].levels == ("007", "b c") and table.path == place.resolve()


def test_one_parquet_file_is_streamed_as_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "CHUNK", 13)
    VISITS.write_parquet(tmp_path / "a.parquet", row_group_size=20)
    assert streamed(tmp_path / "a.parquet")[0].equals(read_source(tmp_path / "a.parquet").frame)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (VISITS.drop("weight"), r"set/b\.parquet has no column 'weight', which set/a\.parquet has"),
        (VISITS.with_columns(x=1), r"set/b\.parquet has a column 'x', which set/a\.parquet has not"),
        (
            VISITS.cast({"day": pl.String}),
            r"set/b\.parquet, column 'day': its cells are String, and Int64 in set/a",
        ),
        (VISITS.with_columns(x=[1]), r"set/b\.parquet, column 'x': cells of type List"),
    ],
)
def test_a_file_of_other_columns_or_types_is_named(tmp_path, frame, words):
    place = tmp_path / "set"
    place.mkdir()
    VISITS.write_parquet(place / "a.parquet")
    frame.write_parquet(place / "b.parquet")
    for read in (read_source, stream_of):
        with pytest.raises(DataError, match=words):
            read(place)


def test_a_column_that_is_empty_in_one_file_has_the_type_of_the_others(tmp_path):
    place = tmp_path / "set"
    place.mkdir()
    VISITS.with_columns(weight=pl.lit(None)).write_parquet(place / "a.parquet")
    VISITS.select(reversed(VISITS.columns)).write_parquet(place / "b.parquet")
    frame = read_source(place).frame
    assert frame.schema == VISITS.schema and frame["weight"].null_count() == 60 and frame[60:].equals(VISITS)


def test_folders_that_say_other_keys_and_damage_are_named(tmp_path):
    place = hive(tmp_path / "set")
    (place / "site=9").mkdir()
    VISITS.write_parquet(place / "site=9" / "x.parquet")
    with pytest.raises(DataError, match=r"set/site=9/x\.parquet lies in folders that say site, where .* say site, year"):
        read_source(place)
    (place / "site=9" / "x.parquet").write_bytes(b"PAR1 no footer")
    with pytest.raises(DataError, match=r"set/site=9/x\.parquet is not a whole Parquet file"):
        read_source(place)


def test_damage_in_the_middle_of_a_file_is_named(tmp_path):
    path = tmp_path / "set" / "b.parquet"
    path.parent.mkdir()
    VISITS.write_parquet(path.parent / "a.parquet")
    VISITS.write_parquet(path, row_group_size=20, compression="zstd")
    content = bytearray(path.read_bytes())
    content[60:100] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"set/b\.parquet is not a whole Parquet file"):
        list(stream_of(path.parent).chunks())


def test_an_empty_folder_is_refused(tmp_path):
    for read in (read_source, stream_of):
        with pytest.raises(UsageError, match="is a folder without files of separated text or Parquet"):
            read(tmp_path)


def in_parts(folder: Path, frames: dict[str, pl.DataFrame]) -> Path:
    folder.mkdir()
    for name, frame in frames.items():
        frame.write_csv(folder / name)
    return folder


def test_files_whose_rows_are_of_several_patients_are_parts_of_one_table(tmp_path):
    place = in_parts(
        tmp_path / "set", {f"{year}.csv": VISITS[20 * i : 20 * i + 20] for i, year in enumerate((2019, 2020, 2021))}
    )
    read = read_source(place)
    VISITS.write_csv(tmp_path / "all.csv")
    assert read.frame.equals(read_source(tmp_path / "all.csv").frame) and streamed(place)[0].equals(read.frame)
    assert (
        read.notes
        == ("3 files were read as parts of one table, for 'patient' names several patients in one of them.",)
        == streamed(place)[1]
    )
    assert read_table(place).fingerprint == read_table(tmp_path / "all.csv").fingerprint


def test_a_row_for_each_patient_is_told_from_a_file_for_each(tmp_path):
    people = pl.DataFrame({"patient_id": [f"x{i}" for i in range(40)], "age": range(40)})
    place = in_parts(tmp_path / "set", {"a.csv": people[:20], "b.csv": people[20:]})
    assert read_source(place).frame.columns == ["patient_id", "age"] and read_source(place).frame.height == 40


@pytest.mark.parametrize("own", [False, True])
def test_files_of_one_patient_each_are_streamed_as_they_are_read(tmp_path, own):
    of = {name[0]: part for name, part in VISITS.partition_by("patient", as_dict=True).items()}
    place = in_parts(tmp_path / "set", {f"{name}.csv": part if own else part.drop("patient") for name, part in of.items()})
    read = read_source(place)
    frame, notes = streamed(place)
    assert frame.equals(read.frame) and notes == read.notes and frame["patient"].n_unique() == 20
    if own:
        of["p03"].write_csv(place / "q.csv")
        with pytest.raises(
            DataError, match=r"set/q\.csv, data row 1, column 'patient': the cell is not the name of the file"
        ):
            streamed(place)


FORMS = {
    "plain": lambda text: text,
    "semicolons": lambda text: text.replace(",", ";").replace("plain;", "plain,"),
    "titles": lambda text: f"Export of the ward\n\n{text}",
    "units": lambda text: text.replace("\n", "\n,d,kg,\n", 1),
    "total": lambda text: f"{text}Total,,4200,\n",
    "blank rows": lambda text: text.replace("p07,0", ",,,\n\np07,0"),
    "windows": lambda text: text.replace("\n", "\r\n"),
    "latin": lambda text: text.replace("plain", "fière"),
    "utf-16": lambda text: text,
    "packed": lambda text: text,
    "a total in the middle": lambda text: text.replace("p07,0", "total,,9,\np07,0"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [150, 1000, 10**6])
def test_a_file_of_text_is_the_same_in_blocks_of_any_size(tmp_path, monkeypatch, form, size):
    text = FORMS[form](VISITS.write_csv())
    coded = text.encode({"latin": "cp1252", "utf-16": "utf-16"}.get(form, "utf-8"))
    path = tmp_path / f"a.csv{'.gz' * (form == 'packed')}"
    path.write_bytes(gzip.compress(coded) if form == "packed" else coded)
    wanted = read_source(path)
    monkeypatch.setattr(blocks, "BLOCK", size)
    frame, notes = streamed(path)
    assert frame.equals(wanted.frame) and frame.height == 60 + (form == "a total in the middle")
    said = [note for note in wanted.notes if "passed over" not in note or "header" in note]
    assert set(said) <= set(notes)


def test_a_fault_in_a_later_block_is_named_by_its_row_in_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 100)
    text = VISITS.drop("said").write_csv()
    (tmp_path / "a.csv").write_text(text + "p99,0\n")
    with pytest.raises(DataError, match=r"a\.csv, data row 61, column 'weight': the row ends here"):
        streamed(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text(text + 'p99,0,"6' + "\np99,0,7" * 400)
    with pytest.raises(DataError, match=r"b\.csv has quotes that are not closed"):
        streamed(tmp_path / "b.csv")


def test_what_cannot_be_streamed_says_so(tmp_path):
    (tmp_path / "a.sav").write_bytes(b"$FL2")
    with pytest.raises(UsageError, match=r"a\.sav cannot be read in parts: save it as Parquet or CSV"):
        stream_of(tmp_path / "a.sav")
    with pytest.raises(UsageError, match="a frame cannot be read in parts"):
        stream_of(VISITS)
    with pytest.raises(UsageError, match="there is no file"):
        stream_of(tmp_path / "none.csv")
    assert tables_in(tmp_path) == [] and stream_of("pbc2").name == "pbc2"
