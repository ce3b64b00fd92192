"""Linked tables: keys, who refers to whom, clocks and kinds are told from the tables alone; what does not fit is named."""

import re
import sqlite3
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import reverie
from reverie.errors import DataError, UsageError
from reverie.records.linked import LinkedSchema, is_linked, read_linked
from reverie.records.linked.growing import grow
from reverie.records.linked.schema import LinkedTable
from reverie.records.linked.tables import parts_of_name

DAY = timedelta(days=1)


def at(day, hour=0):
    return datetime(2026, 1, 1, hour) + day * DAY


@pytest.fixture
def mimic():
    """Sixteen patients as MIMIC keeps them: keys of numbers, some laboratory results outside of any admission."""
    admissions = [(10 * s + k, s, at(9 * s + 3 * k), at(9 * s + 3 * k + 2)) for s in range(1, 17) for k in range(1 + s % 2)]
    labs = [(h, s, begin + timedelta(hours=2 + i)) for h, s, begin, _ in admissions for i in range(4)]
    return {
        "patients": pl.DataFrame(
            {"subject_id": range(1, 17), "sex": list("FM") * 8, "dod": [date(2027, 1, 1), *[None] * 15]}
        ),
        "admissions": pl.DataFrame(
            admissions, schema=["hadm_id", "subject_id", "admittime", "dischtime"], orient="row"
        ).with_columns(admission_type=pl.lit("EMERGENCY")),
        "labevents": pl.DataFrame(
            {
                "labevent_id": range(1000, 1000 + len(labs)),
                "subject_id": [s for _, s, _ in labs],
                "hadm_id": [None if i % 5 == 0 else h for i, (h, _, _) in enumerate(labs)],
                "itemid": [50912 + i % 3 for i in range(len(labs))],
                "charttime": [t for *_, t in labs],
                "valuenum": [1.5 + i for i in range(len(labs))],
            }
        ),
        "diagnoses_icd": pl.DataFrame(
            {
                "subject_id": [s for _, s, *_ in admissions for _ in range(2)],
                "hadm_id": [h for h, *_ in admissions for _ in range(2)],
                "seq_num": [k for _ in admissions for k in (1, 2)],
                "icd_code": ["I10" if k else f"E{h}" for h, *_ in admissions for k in range(2)],
            }
        ),
        "d_labitems": pl.DataFrame({"itemid": [50912, 50913, 50914], "label": ["Creatinine", "Glucose", "Lactate"]}),
    }


def parents(tables):
    return {table.name: table.parent for table in tables.schema.tables}


def test_a_hospital_is_a_tree_below_its_patients(mimic):
    found = read_linked(mimic)
    assert len(found) == 16 and found.schema.entities == ["patients"]
    above = {"admissions": "patients", "labevents": "admissions", "diagnoses_icd": "admissions"}
    assert parents(found) == {"patients": None, "d_labitems": None, **above}
    kinds = {table.name: table.kind for table in found.schema.tables}
    told = {"admissions": "events", "labevents": "long", "diagnoses_icd": "codes"}
    assert kinds == {"patients": "entities", "d_labitems": "lookup", **told}
    keys = {table.name: table.key for table in found.schema.tables}
    assert keys["admissions"] == "hadm_id" and keys["d_labitems"] == "itemid" and keys["diagnoses_icd"] is None
    labs = found.schema["labevents"]
    assert {key.column: key.table for key in labs.refers} == {
        "subject_id": "patients", "hadm_id": "admissions", "itemid": "d_labitems",
    }  # fmt: skip
    assert labs.to("admissions").optional and not labs.to("patients").optional
    stay = found.schema["admissions"]
    assert (stay.clock.kind, stay.clock.start, stay.clock.end) == ("interval", "admittime", "dischtime")
    assert (stay.to("patients").fewest, stay.to("patients").median, stay.to("patients").most) == (1, 1.5, 2)
    assert labs.clock.kind == "instant" and found.schema["patients"].clock is None  # a day of death is no time of a row
    assert found.schema["diagnoses_icd"].to("admissions").most == 2 and found.notes == ()


def test_files_databases_and_frames_are_one_hospital(mimic, tmp_path):
    stated = read_linked(mimic).schema
    folder, base = tmp_path / "hospital", tmp_path / "hospital.sqlite"
    folder.mkdir()
    with sqlite3.connect(base) as connection:
        for name, frame in mimic.items():
            frame.write_csv(folder / f"{name}.csv")
            text = frame.select(pl.all().cast(pl.String))
            connection.execute(f"CREATE TABLE {name} ({', '.join(frame.columns)})")
            connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * frame.width)})", text.rows())
    connection.close()
    for source in (folder, base):
        assert is_linked(source)
        tied = read_linked(source).schema
        assert {table.name: table for table in tied.tables} == {table.name: table for table in stated.tables}


def test_a_table_of_which_nobody_has_a_row_is_kept(mimic, tmp_path):
    schema = read_linked(mimic).schema
    for name, frame in mimic.items():
        frame.filter(pl.lit(name != "diagnoses_icd")).write_csv(tmp_path / f"{name}.csv")
    kept = read_linked(tmp_path, schema).frames["diagnoses_icd"]
    assert kept.height == 0 and kept.columns == mimic["diagnoses_icd"].columns
    found = read_linked(tmp_path)
    assert found.schema["diagnoses_icd"].kind == "lookup" and found.frames["diagnoses_icd"].equals(kept)


def test_a_server_is_asked_for_the_tables_of_the_schema_it_searches(mimic, postgresql):
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA ward")
        for name, frame in mimic.items():
            connection.execute(f"CREATE TABLE ward.{name} ({', '.join(f'{c} text' for c in frame.columns)})")
            with connection.cursor().copy(f"COPY ward.{name} FROM STDIN WITH (FORMAT csv)") as copy:
                copy.write(frame.write_csv(include_header=False))
    address = f"{postgresql}{'&' if '?' in postgresql else '?'}options=-csearch_path%3Dward"
    assert is_linked(address)
    tied = {table.name: table for table in read_linked(address).schema.tables}
    assert tied == {table.name: table for table in read_linked(mimic).schema.tables}
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA declared")
        connection.execute("SET search_path TO declared")
        for statement in DECLARED[:-1]:
            connection.execute(statement)
    _whole_as_declared(address.replace("ward", "declared"))


DECLARED = [
    """CREATE TABLE "the people" (nr varchar(9) PRIMARY KEY, sex text)""",
    """CREATE TABLE spells (n integer PRIMARY KEY, p varchar(9) REFERENCES "the people" (nr), begun date)""",
    """CREATE TABLE found (spell integer REFERENCES spells (n), thing varchar(9), many integer)""",
    *(f"""INSERT INTO "the people" VALUES ('0{i}', '{"mf"[i % 2]}')""" for i in range(9)),
    *(f"INSERT INTO spells VALUES ({i + 90}, '0{i % 9}', '2026-01-{i % 9 + 1:02d}')" for i in range(18)),
    *(f"INSERT INTO found VALUES ({i % 18 + 90}, '{'abc'[i % 3]}', {i % 5})" for i in range(36)),
    """CREATE VIEW few AS SELECT * FROM spells""",
]
"""A hospital of which no name says how it is tied, and the database does."""


def _whole_as_declared(place):
    tables = read_linked(place)
    assert {(t.name, t.key, t.parent) for t in tables.schema.tables} == {
        ("the people", "nr", None), ("spells", "n", "the people"), ("found", None, "spells"),
    }  # fmt: skip
    assert (
        "declared by the database" in tables.schema["found"].refers[0].why and tables.frames["the people"]["nr"][1] == "01"
    )
    return tables


def test_keys_that_a_file_declares_are_taken_and_its_views_are_told(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    with sqlite3.connect(tmp_path / "ward.db") as connection:
        for statement in DECLARED:
            connection.execute(statement)
    connection.close()
    assert (
        "few is a view, and was left out: make a table of it to have it." in _whole_as_declared(tmp_path / "ward.db").notes
    )
    with duckdb.connect(tmp_path / "ward.duckdb") as connection:
        connection.execute("CREATE SCHEMA ward")
        connection.execute("USE ward")
        for statement in DECLARED:
            connection.execute(statement)
        connection.execute("CREATE TABLE main.spells AS SELECT 1 AS n, TIMESTAMPTZ '2026-01-02 03:00:00+02' AS made")
    with pytest.raises(AssertionError):
        _whole_as_declared(tmp_path / "ward.duckdb")
    twice = read_linked(tmp_path / "ward.duckdb")
    assert twice.schema["ward.spells"].parent == "the people" and twice.schema["main.spells"].kind == "lookup"
    assert twice.frames["main.spells"]["made"].to_list() == [datetime(2026, 1, 2, 1)]
    with duckdb.connect(tmp_path / "ward.duckdb") as connection:
        connection.execute("DROP TABLE main.spells")
    (tmp_path / "ward.duckdb").rename(tmp_path / "called.db")
    _whole_as_declared(tmp_path / "called.db")
    for place, said in ((tmp_path / "nowhere", "is not there"), (Path(__file__), "is one file")):
        with pytest.raises(UsageError, match=said):
            read_linked(place)


def test_one_table_in_parts_is_not_linked(tmp_path):
    for name in ("a", "b"):
        pl.DataFrame({"id": [1, 1], "time": [0, 1], "x": [0.5, 1.5]}).write_csv(tmp_path / f"{name}.csv")
    assert not is_linked(tmp_path) and not is_linked("pbc2")


def test_a_table_of_patients_that_is_not_there_is_implied(mimic):
    found = read_linked({name: frame for name, frame in mimic.items() if name != "patients"})
    assert found.schema["patients"].implied and found.frames["patients"]["subject_id"].to_list() == list(range(1, 17))
    assert parents(found)["admissions"] == "patients"
    assert found.notes == ("There is no table of patients: those whom subject_id names are taken for them.",)


def test_a_number_says_when_rows_were_where_no_date_does():
    stays = pl.DataFrame(
        {"patient_id": [1, 1, 2, 2], "hour": [0.0, 1.5, 0.0, 2.0], "age": [60, 60, 70, 71], "sbp": [1, 2, 1, 4]}
    )
    clocks = {
        "hour": stays,
        None: stays.drop("hour"),  # an age is no time of a row
        "charted": stays.with_columns(charted=pl.Series([date(2020, 1, day) for day in (1, 2, 3, 4)])),
    }
    for start, frame in clocks.items():
        clock = read_linked({"visits": frame}).schema["visits"].clock
        assert (clock and clock.start) == start


def test_omop_is_tied_by_its_own_names():
    person = pl.DataFrame({"person_id": [1, 2, 3], "gender_concept_id": [8507, 8532, 8507], "birth_datetime": [at(0)] * 3})
    visit = pl.DataFrame(
        {
            "visit_occurrence_id": [11, 12, 13, 14],
            "person_id": [1, 2, 3, 3],
            "visit_start_date": [date(2026, 1, d) for d in (1, 2, 3, 9)],
            "visit_end_date": [date(2026, 1, d) for d in (2, 2, 5, 9)],
            "preceding_visit_occurrence_id": [None, None, None, 13],
        }
    )
    measurement = pl.DataFrame(
        {
            "measurement_id": [1, 2, 3, 4, 5],
            "person_id": [1, 1, 2, 3, 3],
            "measurement_concept_id": [3016723, 3016723, 3004501, 3004501, 3016723],
            "measurement_date": [date(2026, 1, d) for d in (1, 2, 2, 4, 9)],
            "value_as_number": [0.9, 1.1, 5.0, 6.5, 1.2],
            "visit_occurrence_id": [11, 11, 12, 13, 14],
        }
    )
    found = read_linked({"person": person, "visit_occurrence": visit, "measurement": measurement})
    assert parents(found) == {"person": None, "visit_occurrence": "person", "measurement": "visit_occurrence"}
    again = found.schema["visit_occurrence"].to("visit_occurrence")
    assert again.column == "preceding_visit_occurrence_id" and again.optional
    assert found.schema["person"].clock is None and found.schema["measurement"].clock.kind == "date"
    assert found.schema["measurement"].kind == "long"


def test_rows_that_are_counted_and_keys_that_are_called_as_tables_are():
    """As MIMIC-III has ROW_ID in every table, and Synthea "Id", to which PATIENT and ENCOUNTER refer."""
    times = ["2101-01-01 10:00:00", "2101-01-03 10:00:00", "2101-02-01 10:00:00"]
    found = read_linked(
        {
            "PATIENTS": pl.DataFrame({"ROW_ID": [1, 2, 3], "SUBJECT_ID": [7, 8, 9]}),
            "ADMISSIONS": pl.DataFrame(
                {"ROW_ID": [1, 2, 3], "SUBJECT_ID": [7, 8, 9], "HADM_ID": [11, 12, 13], "ADMITTIME": times}
            ),
            "ICUSTAYS": pl.DataFrame({"ROW_ID": [4, 5], "SUBJECT_ID": [7, 8], "HADM_ID": [11, 12], "ICUSTAY_ID": [21, 22]}),
        }
    )
    assert [table.key for table in found.schema.tables] == ["SUBJECT_ID", "HADM_ID", "ICUSTAY_ID"]
    assert parents(found) == {"PATIENTS": None, "ADMISSIONS": "PATIENTS", "ICUSTAYS": "ADMISSIONS"}
    found = read_linked(
        {
            "patients": pl.DataFrame({"Id": ["a", "b"], "GENDER": ["M", "F"]}),
            "encounters": pl.DataFrame({"Id": ["p", "q", "r"], "START": times, "PATIENT": ["a", "a", "b"]}),
            "conditions": pl.DataFrame(
                {"START": times, "PATIENT": ["a", "a", "b"], "ENCOUNTER": ["p", "q", "r"], "CODE": [1, 2, 1]}
            ),
        }
    )
    assert parents(found) == {"patients": None, "encounters": "patients", "conditions": "encounters"}


def test_what_does_not_fit_is_counted_and_named(mimic):
    stays = mimic["admissions"].with_columns(
        dischtime=pl.when(pl.col("hadm_id") == 31).then(pl.col("admittime") - DAY).otherwise("dischtime")
    )
    labs = mimic["labevents"].with_columns(
        hadm_id=pl.col("hadm_id").replace({20: 999}),
        charttime=pl.when(pl.col("hadm_id") == 40).then(pl.col("charttime") + 30 * DAY).otherwise("charttime"),
        subject_id=pl.when(pl.col("hadm_id") == 50).then(1).otherwise("subject_id"),
    )
    empty = mimic["labevents"].clear()
    found = read_linked({**mimic, "admissions": stays.vstack(stays[:1]), "labevents": labs, "notes": empty})
    assert [note.partition(" (")[0] for note in found.notes if "lie outside" not in note] == [
        "admissions: 1 row was identical to another and kept once.",
        "notes has no rows: its header is carried over.",
        "admissions: 1 row ends before it begins.",
        "labevents.hadm_id: 3 cells name no row of admissions",
        "labevents: 3 rows have another subject_id than the row of admissions they refer to.",
    ]
    outside = next(note for note in found.notes if "lie outside" in note)
    inside = labs.join(stays, on="hadm_id").filter(pl.col("charttime").is_between("admittime", "dischtime")).height
    matched = labs.join(stays, on="hadm_id").height
    assert outside.startswith(f"labevents: {matched - inside:,} of {matched:,} rows")


def test_times_of_several_zones_and_cells_among_times_are_told(mimic, tmp_path):
    stays = mimic["admissions"].with_columns(
        admittime=pl.format(
            "{}{}",
            pl.col("admittime").dt.strftime("%Y-%m-%dT%H:%M:%S"),
            pl.Series(["Z", "+02:00"] * 100)[: len(mimic["admissions"])],
        ),
        edregtime=pl.Series(["soon", *["2026-01-01 10:00:00"] * (len(mimic["admissions"]) - 1)]),
    )
    notes = read_linked({**mimic, "admissions": stays}).notes
    assert "admissions: edregtime is read as text: 'soon' (data row 1) is none of its" in " ".join(notes)
    zones = next(note for note in notes if note.startswith("times are written in several zones"))
    assert "Z in admissions.admittime" in zones and "+02:00 in admissions.admittime" in zones


def test_what_is_no_hospital_is_refused(mimic):
    with pytest.raises(UsageError, match="has no table of patients: no column is called as their key"):
        read_linked({"d_labitems": mimic["d_labitems"]})
    with pytest.raises(UsageError, match="holds no table with a row"):
        read_linked({"patients": mimic["patients"].clear()})


def test_a_key_that_stands_twice_is_refused(mimic):
    many = pl.DataFrame({"subject_id": range(1, 31), "sex": ["F"] * 30})
    twice = many.vstack(many[:1].with_columns(sex=pl.lit("M")))
    with pytest.raises(
        DataError, match="patients: subject_id is its key, and 1 stands in several rows that differ: keep one"
    ):
        read_linked({**mimic, "patients": twice})


def circled():
    """Stays that name their first round, which names its stay; orders name a sample, that its result, that the order."""
    number = pl.Series(range(60), dtype=pl.Int64)
    return {
        "patients": pl.DataFrame({"patient_id": range(30), "sex": ["f", "m"] * 15}),
        "stays": pl.DataFrame({"stay_id": number, "patient_id": number // 2, "ward_round_id": 2 * number + 500}),
        "ward_rounds": pl.DataFrame({"ward_round_id": range(500, 620), "stay_id": pl.concat([number, number]).sort()}),
        "orders": pl.DataFrame({"order_id": number + 900, "stay_id": number, "sample_id": number + 1900}),
        "samples": pl.DataFrame({"sample_id": number + 1900, "result_id": number + 2900, "tube": ["a", "b"] * 30}),
        "results": pl.DataFrame({"result_id": number + 2900, "order_id": number + 900, "value": number % 7}),
    }


def test_keys_that_go_in_a_circle_are_opened_and_told():
    """It is opened where one row names one, rather than many: many rounds hang on a stay."""
    found = read_linked(circled())
    parents = {table.name: table.parent for table in found.schema.tables}
    assert parents["stays"] == "patients" and parents["ward_rounds"] == parents["orders"] == "stays"
    assert (parents["results"], parents["samples"]) == ("orders", "results")
    said = [note for note in found.notes if "circle" in note]
    assert "stays -> ward_rounds -> stays: stays.ward_round_id is made last" in said[0] and len(said) == 2
    assert "orders -> samples -> results -> orders: orders.sample_id is made last" in said[1]
    assert read_linked(circled(), found.schema).schema == found.schema


def test_what_goes_in_a_circle_is_whole_in_what_is_made(tmp_path):
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    made = reverie.train(circled(), out=tmp_path / "run", steps=1, settings=settings).sample(30, seed=1)
    for table, key in (("ward_rounds", "ward_round_id"), ("samples", "sample_id")):
        at = made["stays" if table == "ward_rounds" else "orders"].drop_nulls(key)
        assert at.height and at[key].is_in(made[table][key].implode()).all()
    rounds = made["stays"].join(made["ward_rounds"], on="ward_round_id", suffix="_there")
    assert (rounds["stay_id"] == rounds["stay_id_there"]).all()


@pytest.mark.parametrize("column", ["parent_id", "previous_stay", "prior_stay_id"])
def test_a_row_that_names_an_earlier_one_of_its_table_names_one_of_the_same_patient_in_what_is_made(column, tmp_path):
    number = pl.Series(range(60), dtype=pl.Int64)
    day = pl.Series([date(2026, 1, 1) + timedelta(days=n) for n in range(60)])
    before = pl.Series(column, [n - 1 if n % 2 else None for n in range(60)], dtype=pl.Int64)
    stays = pl.DataFrame({"stay_id": number, "patient_id": number // 2, "admitted": day, "ward": ["A", "B", "C"] * 20})
    tables = {
        "patients": pl.DataFrame({"patient_id": range(30), "sex": ["f", "m"] * 15}),
        "stays": stays.with_columns(before),
    }
    found = read_linked(tables)
    assert any(f"stays.{column} names another row of stays" in note for note in found.notes)
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    made = reverie.train(tables, out=tmp_path / "run", steps=1, settings=settings).sample(60, seed=1)["stays"]
    both = made.drop_nulls(column).join(made, left_on=column, right_on="stay_id", suffix="_there")
    assert both.height == made[column].count() > 5
    assert (both["patient_id"] == both["patient_id_there"]).all() and (both["admitted"] >= both["admitted_there"]).all()


def test_of_two_keys_the_first_is_taken_and_told():
    frames = {
        "patients": pl.DataFrame({"patient_id": [1, 2]}),
        "scans": pl.DataFrame({"image_id": [7, 8], "file_id": [1, 2], "patient_id": [1, 1], "dose": [0.5, 0.7]}),
    }
    found = read_linked(frames)
    assert found.schema["scans"].key == "image_id"
    assert found.notes == ("scans: image_id and file_id could be its key; image_id is taken, since it comes first.",)


def test_a_table_that_nobody_refers_to_is_carried_over(mimic):
    found = read_linked({**mimic, "wards": pl.DataFrame({"ward": ["A", "B"], "beds": [12, 20]})})
    assert found.schema["wards"].kind == "lookup"
    assert found.notes == ("wards refers to no patient, and no table refers to it: it is carried over as it is.",)


@pytest.mark.parametrize("key", ["P{:03d}", 0])
def test_a_list_that_names_patients_by_another_word_is_left_out(key):
    who = [key.format(i) if key else i for i in range(30)]
    births = {"label": [f"b{i}" for i in range(20)], "mother_id": [*who[:10], *who[20:]], "weight": range(3000, 3020)}
    patients, stays = {"patient_id": who, "age": range(30)}, {"patient_id": who * 2, "nights": range(60)}
    found = read_linked({n: pl.DataFrame(t) for n, t in {"patients": patients, "stays": stays, "births": births}.items()})
    assert {table.name for table in found.schema.tables} == {"patients", "stays"}
    assert any("births" in note and "mother_id names rows of patients" in note for note in found.notes)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"came": [datetime(2026, 1, day) for day in (1, 2)], "ward": ["A", "B"]}, r"it has times \(came\)"),
        ({"reply": ["yes", "no"], "age": [30, 40]}, "age may be of people"),
        ({"a": [1, 2], "b": ["x", "x"]}, "no column of it names its rows"),
        ({"name": [f"n{i}" for i in range(201)]}, "it has more than 200 rows"),
    ],
)
def test_rows_that_nothing_ties_to_patients_are_not_given_out(mimic, table, why):
    frames = {**mimic, "alone": pl.DataFrame(table)}
    found = read_linked(frames)
    assert "alone" not in found.frames and [t.name for t in found.schema.tables] == [*read_linked(mimic).frames]
    assert re.search(f"alone refers to no patient, and no table refers to it: it was left out.*{why}", found.notes[0])
    lookup = LinkedTable(name="alone", kind="lookup")
    stated = found.schema.model_copy(update={"tables": (*found.schema.tables, lookup)})
    assert read_linked(frames, stated).frames["alone"].equals(frames["alone"])


def test_a_time_that_stands_for_none_is_told(mimic):
    some = pl.when(pl.int_range(pl.len()) < 2).then(datetime(9999, 12, 31)).otherwise("dischtime").alias("dischtime")
    notes = read_linked({**mimic, "admissions": mimic["admissions"].with_columns(some)}).notes
    told = "admissions.dischtime: 2 cells are in the year 2999 or after it"
    assert any(note.startswith(told) for note in notes)


def test_a_name_of_a_table_may_hold_dots():
    assert parts_of_name("lab.results.value", ["lab", "lab.results"]) == ("lab.results", ".", "value")
    assert parts_of_name("lab.value", ["lab", "lab.results"]) == ("lab", ".", "value")
    assert parts_of_name("other.value.x", ["lab"]) == ("other", ".", "value.x")


def test_a_key_of_which_a_cell_is_empty_is_named_and_its_rows_are_not_lost(mimic):
    stays = mimic["admissions"]
    empty = stays.with_columns(hadm_id=pl.when(pl.col("hadm_id") != stays["hadm_id"][3]).then("hadm_id"))
    with pytest.raises(DataError, match=r"admissions: hadm_id is its key, and 1 row has none \(data row 4\): give each"):
        read_linked({**mimic, "admissions": empty})


def test_rows_that_name_no_row_above_are_left_out_where_nothing_else_says_whose_they_are(mimic):
    table = next(
        name for name, frame in mimic.items() if {"hadm_id", "subject_id"} <= {*frame.columns} and name != "admissions"
    )
    some = mimic[table].with_row_index("n").with_columns(hadm_id=pl.when(pl.col("n") % 3 > 0).then("hadm_id"))
    tables = read_linked({**mimic, table: some.drop("subject_id", "n")})
    grown = grow(tables)
    assert grown.tree[table].parent == "admissions"
    assert grown.frames[table].height == tables.frames[table]["hadm_id"].count() < tables.frames[table].height
    assert any(note.startswith(f"{table}:") and "left out" in note for note in grown.notes)


def test_a_code_is_the_key_of_a_vocabulary_called_after_it(mimic):
    codes = pl.DataFrame({"icd_code": [f"C{i:04d}" for i in range(5000)], "title": [f"T{i}" for i in range(5000)]})
    diagnoses = pl.DataFrame({"subject_id": [1, 1, 2, 3], "icd_code": ["C0001", "C0500", "C0900", "C4000"]})
    found = read_linked({**mimic, "diagnoses": diagnoses, "icd_codes": codes})
    assert found.schema["icd_codes"].key == "icd_code" and found.frames["icd_codes"].height == 5000


def test_a_schema_goes_out_and_back_and_holds_the_tables_to_it(mimic):
    schema = read_linked(mimic).schema
    assert LinkedSchema.from_yaml(schema.yaml(), "h.yaml") == schema
    assert read_linked(mimic, schema).schema == schema
    with pytest.raises(UsageError, match="unknown column of admissions 'hadm_id'"):
        read_linked({**mimic, "admissions": mimic["admissions"].rename({"hadm_id": "stay"})}, schema)
    with pytest.raises(UsageError, match="admissions: hadm_id is no key, for '20' stands in several rows"):
        changed = mimic["admissions"].with_columns(hadm_id=pl.lit("20"))
        read_linked({**mimic, "admissions": changed}, schema)
    more = read_linked({**mimic, "wards": pl.DataFrame({"ward": ["A"]})}, schema)
    assert "wards" not in more.frames and "wards is not in the schema, and was left out." in more.notes


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("table: d_labitems", "table: d_items"), "labevents.itemid refers to d_items, and there is no such table"),
        (("kind: long", "kind: lookup"), "is of kind lookup and has the parent admissions"),
        (("parent: admissions", "parent: d_labitem"), "has the parent d_labitem and no column that refers to it"),
        (("kind: interval", "kind: instant"), "an interval has a start and an end"),
        (("  key: hadm_id\n", ""), "refers to admissions, which has no key"),
        (("tables:", "tablets:"), "tables: is needed"),
        (("kind: interval", "kind: interval\n    ends: x"), "table admissions: clock: ends: there is no such field"),
        (("kind: entities", "kind: people"), "table patients: kind: must be 'entities'"),
        (
            ("kind: long\n  key: labevent_id\n  parent: admissions\n", "kind: lookup\n  key: labevent_id\n"),
            "whose keys are new in what is made",
        ),
        (("tables:", "all: &all []\ntables: *all\nmore:"), "it has an alias"),
    ],
)
def test_a_schema_that_contradicts_itself_is_refused_in_a_sentence(mimic, change, sentence):
    text = read_linked(mimic).schema.yaml()
    assert change[0] in text
    with pytest.raises(UsageError, match=f"^h.yaml.*{sentence}"):
        LinkedSchema.from_yaml(text.replace(*change), "h.yaml")


def test_tables_are_written_as_those_that_are_made_were_whatever_a_vocabulary_is(tmp_path, mimic):
    lookups = {table.name for table in read_linked(mimic).schema.tables if table.kind == "lookup"}
    assert lookups
    for suffix, stored in ((".csv", lookups), (".parquet", mimic.keys())):
        folder = tmp_path / suffix[1:]
        folder.mkdir()
        for name, frame in mimic.items():
            frame.write_parquet(folder / f"{name}.parquet") if name in stored else frame.write_csv(folder / f"{name}.csv")
        assert read_linked(folder).suffix == suffix
