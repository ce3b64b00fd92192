"""OMOP CDM v5.4: its tables are held to the published ones, read in any spelling, and go out and back."""

import gzip

import polars as pl
import pytest

from reverie.errors import DataError, UsageError
from reverie.records.linked import is_linked, read_linked
from reverie.records.linked.standards import STANDARDS, parts_of, write_tables
from reverie.records.linked.standards.omop_columns import COLUMNS


def test_the_columns_are_those_of_the_published_model():
    metadata = pytest.importorskip("omop_cdm.regular.cdm54").Person.__table__.metadata
    published = {table.name: table for table in metadata.tables.values()}
    named = {"INTEGER": pl.Int64, "BIGINT": pl.Int64, "NUMERIC": pl.Float64, "DATE": pl.Date, "DATETIME": pl.Datetime}
    tied = {table.name: table for table in STANDARDS["omop"].tables}
    for name, columns in COLUMNS.items():
        theirs = {column.name: column for column in published[name].columns}
        assert list(columns) == list(theirs)
        for column, cell in columns.items():
            kind, _, length = str(theirs[column].type).partition("(")
            assert cell.dtype == named.get(kind, pl.String), (name, column)
            assert cell.required == (not theirs[column].nullable), (name, column)
            assert cell.length == int(length.rstrip(")") or 0), (name, column)
            foreign = {key.target_fullname.split(".")[-2] for key in theirs[column].foreign_keys} & set(COLUMNS)
            assert {tied[name].refers.get(column)} - {None} == foreign, (name, column)


def test_omop_is_stated_in_any_spelling(omop):
    assert is_linked(omop)
    tables = read_linked(omop)
    assert tables.standard == "omop" and len(tables) == 3
    schema = {table.name: table for table in tables.schema.tables}
    assert {name: table.parent for name, table in schema.items() if table.kind != "lookup"} == {
        "person": None, "visit_occurrence": "person", "condition_occurrence": "visit_occurrence",
        "drug_exposure": "visit_occurrence", "procedure_occurrence": "visit_occurrence", "measurement": "visit_occurrence",
        "observation": "person", "death": "person",
    }  # fmt: skip
    clock = schema["measurement"].clock
    assert (clock.kind, clock.start) == ("instant", "measurement_datetime")
    assert schema["visit_occurrence"].clock.end == "visit_end_date" and schema["death"].key is None
    assert schema["measurement"].to("concept").column == "measurement_concept_id"
    assert tables.frames["measurement"]["visit_occurrence_id"].to_list() == [11, 12, None]
    assert tables.frames["concept"]["valid_start_date"].dtype == pl.Date
    notes = "\n".join(tables.notes)
    for said in (
        "It was read as OMOP CDM v5.4: two of its tables are person and visit_occurrence.",
        "1 other table was left alone: note.",
        "drug_exposure.drug_exposure_end_date: 1 empty cell was taken for the day of drug_exposure_start_date.",
        "condition_occurrence.condition_concept_id: 1 of 2 rows are unmapped (0) and kept so; condition_source_value says",
        "concept: 1 row is named by no other table, and left alone.",
        "measurement.measurement_concept_id: 1 cell names no row of concept",
    ):
        assert said in notes, notes


@pytest.mark.parametrize("name", ["out", "out.sqlite", "out.duckdb"])
def test_omop_goes_out_and_back(omop, tmp_path, there_and_back, name):
    if name.endswith("duckdb"):
        pytest.importorskip("duckdb")
    _, written = there_and_back(omop, tmp_path / name)
    assert written.rows["measurement"] == 3 and written.notes == []
    if name == "out":
        header = (tmp_path / "out" / "person.csv").read_text().splitlines()[0]
        assert header.split(",") == list(COLUMNS["person"])


def test_parquet_in_capital_letters_is_omop_too(omop, tmp_path, same):
    tables = read_linked(omop)
    place = tmp_path / "parquet"
    capital = {n.upper(): f.rename(str.upper) for n, f in tables.frames.items()}
    write_tables([capital], place, ".parquet")
    same(read_linked(place), tables)


def edited(place, table, old, new):
    path = place / f"{table}.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("table", "old", "new", "sentence"),
    [
        ("measurement", "139.0", "high", r"omop/measurement, data row 1, column 'value_as_number': 'high' is no number"),
        ("measurement", "2026-01-03,", "soon,", r"data row 3, column 'measurement_date': 'soon' is no date or time"),
        ("visit_occurrence", "12,2,9201", "11,2,9201", "visit_occurrence_id is its key, and 11 stands in several rows"),
        (
            "visit_occurrence",
            "12,2,9201",
            ",2,9201",
            r"data row 2, column 'visit_occurrence_id': the cell is empty, and it is",
        ),
        ("PERSON", "YEAR_OF_BIRTH", "BORN", r"omop/PERSON has no column year_of_birth, which OMOP CDM v5.4 requires"),
        ("PERSON", "PERSON_ID,GENDER_CONCEPT_ID", "PERSON_ID,person_id", "has the columns PERSON_ID and person_id: remove"),
    ],
)
def test_what_cannot_be_omop_is_refused_by_its_place(omop, table, old, new, sentence):
    edited(omop, table, old, new)
    with pytest.raises(DataError, match=sentence):
        read_linked(omop)


def test_what_stands_in_for_what_is_missing_is_told(omop):
    edited(omop, "condition_occurrence", "condition_type_concept_id", "site")
    edited(omop, "measurement", "2,2,3019550", "2,NULL,3019550")
    edited(omop, "observation", "1,3,4275495", "1,77,4275495")
    edited(omop, "measurement", "2026-01-01T08:00:00", "2026-01-01T08:00:00+02:00")
    notes = "\n".join(read_linked(omop).notes)
    for said in (
        "condition_occurrence: 1 column is not of the standard, and left alone: site.",
        "condition_occurrence has no condition_type_concept_id, which the standard requires: 0, for no concept, was taken.",
        "measurement: 1 row was left out, without a person_id, which the standard requires.",
        "observation.person_id: 1 cell names no row of person ('77').",
        "measurement.measurement_datetime: times of one zone (+02:00) were brought to UTC.",
        "measurement.measurement_datetime: 2 times name no zone, beside others that do: UTC was taken.",
    ):
        assert said in notes, notes


def test_numbers_as_programs_write_them_are_read(omop):
    """pandas makes whole numbers beside empty cells floats, with NaN."""
    (omop / "measurement.csv").rename(omop / "m.bak")
    frame = pl.read_csv((omop / "m.bak").read_bytes(), try_parse_dates=True)
    visits = pl.Series("visit_occurrence_id", [11.0, 12.0, float("nan")])
    frame.with_columns(visits).write_parquet(omop / "measurement.parquet")
    tables = read_linked(omop)
    assert tables.frames["measurement"]["visit_occurrence_id"].to_list() == [11, 12, None]
    frame.with_columns(visits.fill_nan(0.5)).write_parquet(omop / "measurement.parquet")
    with pytest.raises(DataError, match=r"data row 3, column 'visit_occurrence_id': '0.5' is no whole number"):
        read_linked(omop)
    frame.with_columns(value_as_number=pl.Series([[1.0]] * 3)).write_parquet(omop / "measurement.parquet")
    with pytest.raises(DataError, match=r"List\(Float64\) cannot be modelled"):
        read_linked(omop)


def test_tables_that_are_not_of_omop_are_not_written(omop, tmp_path):
    frames = dict(read_linked(omop).frames)
    write = STANDARDS["omop"].write
    with pytest.raises(UsageError, match="measurement has the column colour, which is not of OMOP"):
        write([{**frames, "measurement": frames["measurement"].with_columns(colour=1)}], tmp_path / "no")
    with pytest.raises(DataError, match=r"person, data row 1, column 'person_id': the cell is empty, and OMOP"):
        write([{**frames, "person": frames["person"].with_columns(person_id=pl.lit(None, pl.Int64))}], tmp_path / "no")
    long = frames["condition_occurrence"].with_columns(condition_source_value=pl.lit("x" * 51))
    written = write([{**frames, "condition_occurrence": long}], tmp_path / "yes")
    assert written.notes == [
        "condition_occurrence.condition_source_value: 2 cells are longer than databases of the standard hold."
    ]
    assert not (tmp_path / "no").exists()
    assert sum(1 for _ in parts_of(read_linked(omop), 1)) == 3


ATHENA = ["concept_id", "concept_name", "domain_id", "vocabulary_id", "concept_class_id", "standard_concept", "concept_code"]
ATHENA += ["valid_start_date", "valid_end_date", "invalid_reason"]


def vocabulary(others=5_000):
    """As OHDSI gives it out: separated by tabs, without quotes, far more rows than anybody names."""
    rows = [(10_000_000 + i, f'5" drain {i}', "Device", "SNOMED", "Device", "S", f"d{i}") for i in range(others)]
    rows += [(3019550, 'Sodium "serum"', "Measurement", "LOINC", "Lab Test", "S", "2951-2")]
    rows += [(201826, '"Type 2" diabetes', "Condition", "SNOMED", "Disorder", "S", "44054006")]
    return "\n".join("\t".join(map(str, row)) for row in [ATHENA, *((*r, 19700101, 20991231, "") for r in rows)]) + "\n"


@pytest.mark.parametrize("name", ["CONCEPT.csv", "CONCEPT.csv.gz", "CONCEPT.parquet", "quoted.tsv", "cp1252.csv"])
def test_of_a_vocabulary_the_concepts_that_occur_are_read_in_any_form(omop, name):
    (omop / "concept.csv").unlink()
    text = vocabulary()
    if name == "CONCEPT.csv.gz":
        (omop / name).write_bytes(gzip.compress(text.encode()))
    elif name == "CONCEPT.csv":
        (omop / name).write_text(text)
    else:
        frame = pl.read_csv(text.encode(), separator="\t", quote_char=None, schema_overrides={"valid_start_date": pl.String})
        if name == "cp1252.csv":  # read whole, as any table is
            frame = frame.with_columns(pl.col("concept_name").replace('5" drain 0', "Möhre"))
            (omop / "concept.csv").write_bytes(frame.write_csv().encode("cp1252"))
        elif name == "quoted.tsv":
            frame.write_csv(omop / "concept.tsv", separator="\t")
        else:
            frame.write_parquet(omop / name)
    tables = read_linked(omop)
    concept = tables.frames["concept"].sort("concept_id")
    assert concept["concept_name"].to_list() == ['"Type 2" diabetes', 'Sodium "serum"']
    notes = "\n".join(tables.notes)
    for said in (
        "concept: 5,000 rows are named by no other table, and left alone.",
        'measurement.measurement_concept_id: 1 concept has a name, Sodium "serum" (2).',
        "condition_occurrence.condition_concept_id: 1 of 2 rows are unmapped (0) and kept so; condition_source_value says",
        "measurement.measurement_concept_id: 1 cell names no row of concept ('3023103')",
    ):
        assert said in notes, notes


def test_a_database_is_asked_for_the_concepts_that_occur(omop, tmp_path):
    tables = read_linked(omop)
    more = tables.frames["concept"].with_columns(pl.col("concept_id") + 10_000_000)
    frames = {**tables.frames, "concept": pl.concat([more, tables.frames["concept"]])}
    STANDARDS["omop"].write([frames], tmp_path / "out.sqlite")
    again = read_linked(tmp_path / "out.sqlite")
    assert again.frames["concept"].sort("concept_id").equals(tables.frames["concept"].sort("concept_id"))
    assert "concept: 2 rows are named by no other table, and left alone." in again.notes


def test_a_fault_of_a_vocabulary_is_named_by_its_own_row(omop):
    (omop / "concept.csv").write_text(vocabulary().replace("2951-2\t19700101", "2951-2\tsoon"))
    with pytest.raises(DataError, match=r"omop/concept, data row 5001, column 'valid_start_date': 'soon' is no date"):
        read_linked(omop)
    (omop / "concept.csv").write_text("concept_id,concept_name\n")
    assert "concept" not in read_linked(omop).frames
    (omop / "concept.csv").write_text(vocabulary().replace("concept_id", "number"))
    with pytest.raises(DataError, match=r"omop/concept has no column concept_id, which OMOP CDM v5.4 requires"):
        read_linked(omop)
