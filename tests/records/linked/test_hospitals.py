"""Hospitals as users bring them: tables beside patients, lookups of people, headers alone, rows that are repeated."""

import json
import re
import shutil
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
import yaml

import reverie
from reverie.cli import main
from reverie.errors import DamagedError, DataError, UsageError
from reverie.evaluation.linked.hospital import Hospital
from reverie.evaluation.linked.plan import Plan
from reverie.manifest import seal
from reverie.records.linked import LinkedForms, LinkedSchema, read_linked
from reverie.records.linked.beside import tabled
from reverie.records.linked.clocks import seconds_of
from reverie.records.linked.growing import grow
from reverie.reports import linked

SETTINGS = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
HOUR = timedelta(hours=1)


def command(*arguments):
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return ended.value.code or 0


def ward(patients=45, seed=0):
    """Patients, of whom a few have died; their stays, each of a doctor; nothing of transfusions but the header."""
    draw = np.random.default_rng(seed)
    people, dead, stays, tests = [], [], [], []
    for p in range(patients):
        who, at = f"P{p:03d}", datetime(2024, 1, 1) + HOUR * int(draw.integers(0, 3000))
        people.append((who, str(draw.choice(["F", "M"]))))
        for _ in range(1 + int(draw.poisson(1))):
            until = at + HOUR * int(draw.integers(5, 90))
            stays.append((f"S{len(stays):03d}", who, at, until, f"D{draw.integers(0, 12):02d}"))
            for _ in range(int(draw.integers(1, 4))):
                tests.append((stays[-1][0], at + HOUR * int(draw.integers(0, 3)), str(draw.choice(["Na", "K"]))))
            at = until + HOUR * int(draw.integers(24, 900))
        if p % 2 == 0:
            dead.append((who, at.date(), f"C{draw.integers(0, 3)}"))
    rows = {
        "patients": (people, ["patient_id", "sex"]),
        "deaths": (dead, ["patient_id", "death_date", "cause"]),
        "stays": (stays, ["stay_id", "patient_id", "admitted", "discharged", "doctor_id"]),
        "tests": (tests, ["stay_id", "charttime", "test"]),
    }
    frames = {name: pl.DataFrame(of, schema=columns, orient="row") for name, (of, columns) in rows.items()}
    frames["doctors"] = pl.DataFrame({"doctor_id": [f"D{i:02d}" for i in range(12)], "speciality": ["eye", "ear"] * 6})
    frames["transfusions"] = pl.DataFrame(schema={"stay_id": pl.String, "product": pl.String})
    return frames


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("ward") / "run"
    reverie.train(ward(), out=out, steps=2, settings=SETTINGS)
    return out


@pytest.fixture(scope="module")
def model(run):
    return reverie.load(run)


def test_who_is_named_in_a_table_that_is_carried_over_is_there(model):
    made = model.sample(60, seed=1)
    assert made["stays"]["doctor_id"].is_in(made["doctors"]["doctor_id"].implode()).all()
    assert made["doctors"].equals(ward()["doctors"])


def test_a_row_beside_another_has_the_cells_that_all_had(model):
    deaths = model.sample(60, seed=1)["deaths"]
    assert deaths.height and not deaths.null_count().row(0)[1] and not deaths.null_count().row(0)[2]


def test_a_hole_of_a_row_beside_another_is_filled_where_all_had_cells(model):
    frames = ward()
    frames["deaths"] = frames["deaths"].with_columns(cause=pl.lit(None, pl.String), death_date=pl.lit(None, pl.Date))
    said = []
    (filled,) = model.impute(frames, hear=said.append)
    assert not sum(filled["deaths"].null_count().row(0)) and not [note for note in said if "break the rule" in note]


def test_what_comes_after_adds_no_second_row_to_what_a_patient_has_one_of(model):
    frames, (longer,) = ward(), model.forecast(ward(), "1")
    assert longer["deaths"].equals(frames["deaths"]) and longer["patients"].equals(frames["patients"])
    assert longer["stays"].height > frames["stays"].height
    alive = ~longer["stays"]["patient_id"].tail(-frames["stays"].height).is_in(frames["deaths"]["patient_id"].implode())
    assert alive.all()  # a death that stands in a table of its own is one, too


def test_a_table_of_a_header_alone_is_made_again(model):
    tables = read_linked(ward())
    assert "transfusions has no rows: its header is carried over." in tables.notes
    assert model.sample(3, seed=1)["transfusions"].equals(ward()["transfusions"])


def test_rows_that_are_repeated_are_as_given_in_what_is_completed(model):
    frames = ward()
    frames["stays"] = pl.concat([frames["stays"], frames["stays"].head(2)])
    (longer,) = model.forecast(frames, "1")
    assert longer["stays"].head(frames["stays"].height).equals(frames["stays"])


def test_patients_of_whom_others_only_speak_are_reported_on(tmp_path, monkeypatch):
    frames = {name: frame for name, frame in ward().items() if name in ("stays", "tests")}
    reverie.train(frames, out=tmp_path / "run", steps=2, settings=SETTINGS)
    monkeypatch.setattr(linked, "report_on_linked", lambda train, held, ours, *_, **__: (train, ours))
    sides = linked.model_report(reverie.load(tmp_path / "run"), None, None, frames, 0, max, max)
    assert all(len(Hospital.read(side, Plan.of(sides[:1]), "")) > 20 for side in sides)


def test_what_lies_beside_tables_is_told(tmp_path):
    for name, frame in ward().items():
        frame.write_csv(tmp_path / f"{name}.csv")
    (tmp_path / "records.csv").write_text("stay_id,coder\n" + "".join(f"S{i:03d},A{i % 3}\n" for i in range(40)))
    (tmp_path / "README.txt").write_text("of the ward")
    (tmp_path / "letters.csv").touch()
    (tmp_path / "old.xlsx").touch()
    tables = read_linked(tmp_path)
    assert tables.schema["records"].parent == "stays"
    assert "In the folder README.txt, letters.csv, old.xlsx were left out." in tables.notes


def test_one_patient_with_one_stay_is_completed(model):
    frames = ward()
    one = frames["stays"].filter(pl.len().over("patient_id") == 1)[:1]
    keys = {"patient_id": one["patient_id"], "stay_id": one["stay_id"]}
    alone = {name: frame for name, frame in frames.items() if name in ("doctors", "transfusions")}
    for name in ("patients", "deaths", "stays", "tests"):
        key = "patient_id" if "patient_id" in frames[name].columns else "stay_id"
        alone[name] = frames[name].filter(pl.col(key).is_in(keys[key].implode()))
    alone["tests"] = alone["tests"].with_columns(test=pl.lit(None, pl.String))
    (filled,) = model.impute(alone)
    assert filled["tests"].height and not filled["tests"]["test"].null_count()


@pytest.mark.parametrize(
    ("columns", "clock"),
    [
        ({"AESTDY": int, "AEENDY": int}, ("interval", "AESTDY", "AEENDY")),
        ({"Aufnahmedatum": date, "Entlassungsdatum": date}, ("interval", "Aufnahmedatum", "Entlassungsdatum")),
        ({"VSDY": int, "age": int}, ("instant", "VSDY", None)),
        ({"age_at_visit": float, "weight": float}, ("instant", "age_at_visit", None)),
        ({"Geburtsdatum": date, "birthdate": date, "los_days": int}, None),
    ],
)
def test_a_clock_is_told_by_the_names_that_trials_and_other_languages_give(columns, clock):
    cells = {int: [1, 2] * 20, float: [1.5, 2.5] * 20, date: [date(2024, 1, 1), date(2024, 1, 2)] * 20}
    rows = {name: cells[of] for name, of in columns.items()}
    frames = {"patients": pl.DataFrame({"patient_id": range(20), "age": [50, 60] * 10})}
    frames["visits"] = pl.DataFrame({"patient_id": [i // 2 for i in range(40)], "arm": ["a", "b"] * 20, **rows})
    found = read_linked(frames).schema
    told = found["visits"].clock
    assert found["patients"].clock is None
    assert (told and (told.kind, told.start, told.end)) == clock


@pytest.mark.parametrize(("unit", "pattern"), [("s", "%s"), ("ms", "%s%3f"), ("us", "%s%6f")])
def test_times_in_whole_numbers_since_1970_are_times_and_are_written_so(unit, pattern, tmp_path):
    frames = {name: frame for name, frame in ward().items() if name in ("patients", "stays")}
    at = pl.col("admitted", "discharged").dt.epoch(unit)
    frames["stays"] = frames["stays"].with_columns(at).rename({"admitted": "admit_ts", "discharged": "discharge_ts"})
    frames["patients"] = frames["patients"].with_columns(birth_date=pl.int_range(pl.len()) * 10**7 - 5 * 10**8)
    for name, frame in frames.items():
        frame.write_csv(tmp_path / f"{name}.csv")
    tables = read_linked(tmp_path)
    assert tables.frames["stays"]["admit_ts"].equals(ward()["stays"]["admitted"].alias("admit_ts"))
    assert tables.schema["stays"].clock.end == "discharge_ts"
    form = tables.forms["stays"]["admit_ts"]
    assert form.pattern == pattern and form.write(tables.frames["stays"]["admit_ts"]).equals(frames["stays"]["admit_ts"])
    assert tables.frames["patients"]["birth_date"][0] == datetime(1954, 2, 26, 23, 6, 40)
    assert read_linked(frames).frames["stays"].equals(tables.frames["stays"])


def test_numbers_that_are_times_count_what_they_are_called_after():
    assert [seconds_of(name) for name in ("age", "hour", "study_week", "time")] == [
        365.25 * 86_400,
        3600,
        7 * 86_400,
        86_400,
    ]


def test_keys_that_are_called_guid_and_codes_that_a_table_explains_are_keys():
    frames = {name: ward()[name] for name in ("patients", "stays", "tests")}
    frames["patients"] = frames["patients"].rename({"patient_id": "pat_guid"})
    frames["stays"] = frames["stays"].rename({"patient_id": "pat_guid", "stay_id": "enc_guid"})
    frames["tests"] = frames["tests"].rename({"stay_id": "enc_guid", "test": "code"})
    frames["names"] = pl.DataFrame({"code": ["K", "Na"], "title": ["potassium", "sodium"]})
    frames["rare"] = pl.DataFrame({"pat_guid": ["P000", "P001"], "code": ["K", "Na"]})  # that none stands twice is chance
    schema = read_linked(frames).schema
    assert {table.name: table.key for table in schema.tables} == {
        "patients": "pat_guid", "stays": "enc_guid", "tests": None, "names": "code", "rare": "pat_guid",
    }  # fmt: skip
    assert schema["tests"].to("names") and schema["tests"].parent == "stays" and schema["stays"].parent == "patients"


@pytest.mark.parametrize(
    ("table", "changed", "said"),
    [
        ("tests", {"clock": {"kind": "instant", "start": "test"}}, "tests.test is said to be a time, and '"),
        (
            "stays",
            {"clock": {"kind": "interval", "start": "admitted", "end": "admitted"}},
            "admitted is the start and the end: name another",
        ),
        (
            "stays",
            {"clock": {"kind": "interval", "start": "discharged", "end": "admitted"}},
            "rows end (admitted) before they begin (discharged): swap",
        ),
        ("patients", {"implied": True}, "the tables has such a table: strike `implied`"),
    ],
)
def test_a_clock_that_is_none_and_a_table_that_is_there_are_refused_in_a_sentence(table, changed, said):
    tables = yaml.safe_load(read_linked(ward()).schema.yaml())["tables"]
    next(one for one in tables if one["name"] == table).update(changed)
    with pytest.raises(UsageError, match=re.escape(said)):
        read_linked(ward(), LinkedSchema.from_yaml(yaml.safe_dump({"tables": tables}), "ward.yaml"))


def test_a_schema_that_contradicts_the_tables_is_refused_and_why_tables_cannot_be_trained_on_is_shown(tmp_path, capsys):
    for name, frame in ward().items():
        frame.write_csv(tmp_path / f"{name}.csv")
    text = read_linked(tmp_path).schema.yaml()
    levels = "  columns: [{name: test, role: varying, kind: categorical, levels: [K, Mg]}]\n"
    (tmp_path / "a.yaml").write_text(text.replace("- name: tests\n", f"- name: tests\n{levels}"))
    assert command("data", "tables", tmp_path, "--using", tmp_path / "a.yaml") == 3
    assert "'Na'" in capsys.readouterr().err
    pl.DataFrame({"person_id": [1, 2], "sex": ["F", "M"]}).write_csv(tmp_path / "persons.csv")
    assert command("data", tmp_path) == 0
    assert "not to be trained on as they are: " in " ".join(capsys.readouterr().out.split())


def test_no_row_of_a_table_without_a_key_is_made_twice(model):
    made = model.sample(60, seed=1)
    assert made["tests"].height == made["tests"].n_unique() > 60


def test_rows_that_a_number_names_with_their_patient_hang_on_them_and_are_named_so_again(tmp_path):
    frames = {name: ward()[name] for name in ("patients", "stays", "tests")}
    number = pl.int_range(1, pl.len() + 1).over("patient_id").alias("stay_no")
    stays = frames["stays"].with_columns(number)
    keys = stays.select("stay_id", "patient_id", "stay_no")
    frames["tests"] = (
        frames["tests"].join(keys, on="stay_id").drop("stay_id").with_columns(pl.col("charttime") - 9000 * HOUR)
    )
    frames["stays"] = stays.drop("stay_id", "doctor_id")
    reverie.train(frames, out=tmp_path / "run", steps=2, settings=SETTINGS)
    made = reverie.load(tmp_path / "run").sample(60, seed=1)
    pairs = ["patient_id", "stay_no"]
    assert not made["stays"].select(pairs).is_duplicated().any() and made["stays"]["stay_no"].min() == 1
    assert made["tests"].height and not made["tests"].join(made["stays"], on=pairs, how="anti").height


def test_a_condition_may_name_one_row_of_a_table(model):
    made = model.sample(5, seed=1, where=["test.test=K"])
    assert set(made["tests"]["test"]) == {"K"}


def test_a_column_that_never_changes_is_written_in_a_schema_that_is_read_again(tmp_path):
    for name, frame in ward().items():
        frame.with_columns(site=pl.lit("north")).write_csv(tmp_path / f"{name}.csv")
    assert command("data", "tables", tmp_path, "--schema", tmp_path / "a.yaml") == 0
    assert command("data", "tables", tmp_path, "--using", tmp_path / "a.yaml") == 0


def test_what_is_written_empty_is_told():
    frames = ward()
    said = pl.Series([f"seen by {i}, then sent home with {i * 7} pills" for i in range(frames["stays"].height)])
    frames["stays"] = frames["stays"].with_columns(letter=said)
    tables = read_linked(frames)
    notes = LinkedForms.of(tables.schema, grow(tables)).notes
    assert [note for note in notes if "letter" in note] == ["stays: letter is free text, and is written empty."]


@pytest.mark.parametrize(
    ("table", "key", "said"),
    [
        ("stays", pl.col("patient_id").str.to_lowercase(), "112 cells name no row there ('p000', where 'P000' stands)"),
        ("tests", pl.col("stay_id") + "X", "is called as keys of stays are"),
        ("stays", pl.col("patient_id").alias("mrn"), "mrn names rows of patients by their patient_id"),
    ],
)
def test_rows_of_patients_are_never_carried_over(table, key, said):
    frames = ward()
    frames[table] = frames[table].with_columns(key).drop({"patient_id"} if "mrn" in said else ())
    said = said.replace("112", str(frames["stays"].height))
    tables = read_linked(frames)
    with pytest.raises(DataError, match=re.escape(said)):
        grow(tables)
    assert grow(read_linked(frames, tables.schema)).frames["deaths"].height  # who says so has it carried over


def test_what_contradicts_itself_in_time_or_in_keys_is_told():
    frames = ward()
    who, rows = frames["patients"]["patient_id"], pl.int_range(pl.len())
    frames["patients"] = frames["patients"].with_columns(
        birth_date=pl.when(rows == 0).then(date(2024, 12, 1)).otherwise(date(1950, 1, 1)), mother_patient_id=who.shift(1)
    )
    twisted = pl.col("admitted") - pl.duration(days=1)
    frames["stays"] = frames["stays"].with_columns(discharged=pl.when(rows % 9 == 0).then(twisted).otherwise("discharged"))
    pairs = pl.DataFrame({"from_patient_id": who, "to_patient_id": who.reverse(), "kind": ["a", "b", "c"] * 15})
    notes = read_linked(frames | {"contacts": pairs.filter(pl.col("kind") != "c")}).notes
    late, early = len(frames["stays"][::9]), (frames["stays"]["patient_id"] == "P000").sum()
    assert any(f"stays: {late} rows end (discharged) before they begin (admitted)" in note for note in notes)
    assert any(f"stays: {early} row" in note and "before the patients.birth_date of" in note for note in notes)
    assert any("mother_patient_id names another row of patients: it is empty in what is made" in note for note in notes)
    assert any("contacts.to_patient_id names a row of patients as from_patient_id does" in note for note in notes)


def test_rows_of_no_stay_that_come_after_the_death_of_their_patient_are_told():
    frames = ward()
    tests = frames["tests"].join(frames["stays"].select("stay_id", "patient_id"), on="stay_id", maintain_order="left")
    late = tests.head(1).with_columns(stay_id=pl.lit(None, pl.String), charttime=datetime(2030, 1, 1))
    tables = read_linked(frames | {"tests": pl.concat([tests, late])})
    assert tables.schema["tests"].parent == "stays"
    assert "tests: 1 row begins after the deaths.death_date of its patient." in tables.notes


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_keys_that_programs_write_as_decimals_are_the_whole_numbers_that_they_are(suffix, tmp_path):
    frames = ward()
    for table in ("stays", "tests"):
        number = pl.col("stay_id").str.slice(1).cast(pl.Int64)
        frames[table] = frames[table].with_columns(stay_id=number, room_no=number % 7 + 0.0)
    lacking = pl.when(pl.int_range(pl.len()) > 0).then("stay_id").cast(pl.Float64)  # none of the first row, as pandas has it
    frames["tests"] = frames["tests"].with_columns(stay_id=lacking)
    for name, frame in frames.items():
        frame.write_csv(tmp_path / f"{name}.csv") if suffix == ".csv" else frame.write_parquet(tmp_path / f"{name}.parquet")
    tables = read_linked(tmp_path)
    assert tables.schema["tests"].parent == "stays" and tables.schema["tests"].to("stays").dangling == 0
    assert tables.frames["tests"].schema["stay_id"] == pl.Int64 and tables.frames["tests"].schema["room_no"] == pl.Float64
    assert "tests.stay_id: its keys are whole numbers, written as decimals." in tables.notes
    assert read_linked(tmp_path, tables.schema).frames["tests"].equals(tables.frames["tests"])


def test_what_is_made_anew_is_told():
    frames = ward()
    rows = pl.int_range(pl.len())
    frames["stays"] = frames["stays"].with_columns(receipt_no=rows * 7 + 100, slip_no=rows * 3 + 900)
    codec = LinkedForms.of(read_linked(frames).schema, grow(read_linked(frames)))
    (told,) = [note for note in tabled("stays", codec.forms, grow(read_linked(frames))).notes if "made anew" in note]
    assert told.startswith("receipt_no, slip_no tell rows apart")


NONE = {"shape": [1, 2, 1], "at": [], "counts": [], "weights": [[0.2] * 5] * 2}
"""How classes follow on each other, of a table that has none."""


@pytest.mark.parametrize("change", [{"version": 0}, {"classes": {"following": {"stays": NONE}}}])
def test_a_run_of_another_form_says_so_and_what_to_do(run, tmp_path, change):
    other = tmp_path / "other"
    shutil.copytree(run, other)
    about = json.loads((other / "codec.json").read_text())
    about.pop("arrays", None)
    (other / "codec.json").write_text(json.dumps(about | change))
    names = ("config.yaml", "codec.json", "calibration.json", "model.safetensors")
    seal(other, [name for name in names if (other / name).exists()])
    with pytest.raises(DamagedError, match="cannot be read here: train it again"):
        reverie.load(other)
