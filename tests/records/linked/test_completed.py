"""Linked tables with holes, and what comes after: what is given stays, to the byte in files, and what is made fits it."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

import reverie
from reverie.errors import DataError, UsageError
from reverie.export import complete_hospital
from reverie.records.dtypes import in_type
from reverie.records.linked import LinkedCodec, LinkedForms, read_linked
from reverie.records.linked.fitting import fit_tables, to_fill
from reverie.records.linked.given import parted
from reverie.records.linked.growing import grow
from reverie.records.reading.spliced import spliced

from .conftest import made_up

HOLES = (
    ("patients", "sex"), ("patients", "birth_date"), ("stays", "admission_type"), ("stays", "discharged"),
    ("results", "value"), ("results", "test_name"), ("results", "unit"), ("drugs", "dose"), ("drugs", "end_time"),
    ("diagnoses", "icd_code"), ("discharges", "destination"), ("discharges", "score"),
)  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A run of few steps: what must hold holds whatever the network has learned."""
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    return reverie.train(made_up(60), out=tmp_path_factory.mktemp("linked") / "run", steps=2, settings=settings)


@pytest.fixture(scope="module")
def holed():
    tables, draw = made_up(20, seed=9), np.random.default_rng(0)
    for name, column in HOLES:
        kept = pl.Series(draw.random(tables[name].height) > 0.3)
        tables[name] = tables[name].with_columns(pl.when(kept).then(pl.col(column)).alias(column))
    return tables


@pytest.fixture(scope="module")
def filled(model, holed):
    return model.impute(holed, draws=2, seed=1)


def test_what_is_given_stays_and_every_hole_is_filled(holed, filled):
    for tables in filled:
        assert tables.keys() == holed.keys()
        for name, frame in holed.items():
            assert tables[name].schema == frame.schema and tables[name].height == frame.height
            for column in frame.columns:
                here = frame[column].is_not_null()
                assert tables[name][column].filter(here).equals(frame[column].filter(here)), (name, column)
                assert not tables[name][column].null_count(), (name, column)
    assert any(not filled[0][name].equals(filled[1][name]) for name in holed)


def test_what_is_filled_lies_in_its_time_and_goes_with_its_code(filled):
    for tables in filled:
        stays = tables["stays"]
        assert (stays["discharged"] >= stays["admitted"]).all()
        drugs, letters = tables["drugs"].join(stays, on="stay_id"), tables["discharges"].join(stays, on="stay_id")
        assert ((drugs["end_time"] >= drugs["start_time"]) & (drugs["end_time"] <= drugs["discharged"])).all()
        assert (drugs["start_time"] <= drugs["discharged"]).all() and (letters["written"] >= letters["discharged"]).all()
        units = {"potassium": "mmol/L", "sodium": "mmol/L", "glucose": "mg/dL"}
        assert all(units[name] == unit for name, unit in tables["results"].select("test_name", "unit").iter_rows())


def test_of_a_patient_of_whom_little_is_known_the_rest_is_drawn_around_it(model, tmp_path):
    files = {
        "patients": "patient_id,sex,birth_date,diabetic\nNEW,,1950-02-03,\n",
        "stays": "stay_id,patient_id,admission_type,admitted,discharged,ward\n"
        "V1,NEW,,2026-05-01 10:00:00,,B\nV2,NEW,emergency,2026-06-01 10:00:00,2026-06-03 10:00:00,\n",
        "results": "patient_id,charttime,test_name,value,unit\n"
        "NEW,2026-05-02 11:00:00,potassium,5.0,\nNEW,2026-05-02 12:00:00,sodium,,\nNEW,2026-05-04 12:00:00,,,mg/dL\n",
        "drugs": "patient_id,stay_id,drug,start_time,end_time,dose\nNEW,V1,,2026-05-03 10:00:00,,\n",
        "diagnoses": "stay_id,icd_code\nV2,\n",
        "discharges": "stay_id,written,destination,score\nV1,2026-05-09 08:00:00,,7\n",
    }
    (tmp_path / "in").mkdir()
    for name, text in files.items():
        (tmp_path / "in" / f"{name}.csv").write_text(text)
    done = complete_hospital(model, fit_tables(model.codec, tmp_path / "in"), tmp_path / "out", seed=4)
    assert done["given_values"]["unchanged"] == done["given_values"]["of"] > 20
    made = {name: pl.read_csv(tmp_path / "out" / f"{name}.csv", try_parse_dates=True) for name in files}
    assert not sum(sum(frame.null_count().row(0)) for frame in made.values())
    first = made["stays"].row(0, named=True)
    assert first["admission_type"] in ("emergency", "elective") and first["ward"] == "B"
    last = datetime(2026, 5, 4, 12)  # of the results that lie in it; its letter is written after it
    assert last <= first["discharged"] <= made["discharges"]["written"][0] == datetime(2026, 5, 9, 8)
    assert made["results"]["test_name"].to_list() == ["potassium", "sodium", "glucose"]
    assert made["results"]["unit"].to_list() == ["mmol/L", "mmol/L", "mg/dL"] and made["results"]["value"][0] == 5.0
    assert first["admitted"] <= made["drugs"]["end_time"][0] <= first["discharged"]


def test_the_same_seed_fills_the_same_cells(model, holed, filled):
    again = model.impute(holed, seed=1)
    assert all(again[0][name].equals(filled[0][name]) for name in holed)


def test_only_the_columns_named_are_filled(model, holed):
    (tables,) = model.impute(holed, columns=["stays.ward", "discharges.score"])
    for name, frame in holed.items():
        for column in frame.columns:
            if f"{name}.{column}" in ("stays.ward", "discharges.score"):
                assert frame[column].null_count() and not tables[name][column].null_count()
            else:
                assert tables[name][column].equals(frame[column])
    for columns, said in ((["ward"], "TABLE.column"), (["stays.wrd"], "'ward'"), (["stays.admitted"], "not learned")):
        with pytest.raises(UsageError, match=said):
            to_fill(model.codec, columns)


def test_files_stay_byte_for_byte_but_for_the_cells_filled(model, holed, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name, frame in holed.items():
        frame = frame.with_columns(note=pl.lit('a, "b"'))
        frame.write_csv(source / f"{name}.csv", line_terminator="\r\n" if name == "stays" else "\n")
    (source / "README.md").write_text("of the ward")
    done = complete_hospital(model, fit_tables(model.codec, source), out, seed=1)
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in source.iterdir())
    assert done["given_values"]["unchanged"] == done["given_values"]["of"] > 1000
    for path in source.iterdir():
        was, now = path.read_bytes().split(b"\n"), (out / path.name).read_bytes().split(b"\n")
        assert len(was) == len(now)
        for before, after in zip(was, now, strict=True):
            for one, other in zip(before.split(b","), after.split(b","), strict=True):
                assert one == other or (one == b"" and other)
    holes = {f"{name}.{column}": frame[column].null_count() for name, frame in holed.items() for column in frame.columns}
    assert done["holes"] == {name: {"empty": n, "filled": n} for name, n in holes.items() if n}
    with pytest.raises(UsageError, match="lies in"):
        complete_hospital(model, fit_tables(model.codec, source), source / "again")


def test_patients_are_completed_in_blocks_which_are_the_same_however_many_make_them(model, holed, monkeypatch):
    first = holed["stays"].filter(pl.col("patient_id") <= "P0008")["stay_id"]
    rare = {
        name: holed[name].filter(pl.col("stay_id").is_in(first.implode())) for name in ("drugs", "diagnoses", "discharges")
    }
    fitted = fit_tables(model.codec, {**holed, **rare})  # of whom comes later there is no row of some tables
    alone = next(model.completed(fitted.part(0, 8), seed=1))
    monkeypatch.setattr("reverie.records.complete.BLOCK", 8)
    done = []
    one, many = (next(model.completed(fitted, 1, 1, workers=n, on_step=lambda *of: done.append(of))) for n in (1, 3))
    assert done == 2 * [(1, 3), (2, 3), (3, 3)]
    for table, frame in fitted.grown.frames.items():
        assert many[table].equals(one[table]) and one[table].head(alone[table].height).equals(alone[table])
        assert many[table].height == frame.height
        for column in frame.columns:
            here = frame[column].is_not_null()
            assert many[table][column].filter(here).equals(frame[column].filter(here)), (table, column)
    assert not many["patients"]["sex"].null_count() and not many["stays"]["ward"].null_count()


def test_what_is_drawn_stands_there_in_the_type_of_its_column():
    drawn = pl.Series("smokes", ["True", None, "false"])
    assert in_type(drawn, pl.Boolean()).to_list() == [True, None, False]
    assert in_type(drawn, pl.Null()).equals(drawn)
    with pytest.raises(DataError, match=r"smokes: 'maybe' is drawn, which is no Boolean .* make the column text"):
        in_type(pl.Series("smokes", ["maybe"]), pl.Boolean())


def test_what_the_model_cannot_read_stays_and_is_said(model, holed):
    odd = dict(holed)
    odd["stays"] = holed["stays"].with_columns(
        pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("by air")).otherwise("admission_type").alias("admission_type"),
        bed=pl.lit("7"),
    )
    heard = []
    fitted = fit_tables(model.codec, odd)
    made = next(iter(model.completed(fitted, hear=heard.append)))
    tables = fitted.whole(fitted.filled(model.codec, made))
    assert tables["stays"]["admission_type"][0] == "by air" and (tables["stays"]["bed"] == "7").all()
    assert any("by air" in note for note in heard) and any("bed is a column of stays" in note for note in fitted.notes)
    assert not tables["stays"]["ward"].null_count()
    del odd["drugs"]
    with pytest.raises(UsageError, match="no table drugs"):
        fit_tables(model.codec, odd)
    twice = holed["discharges"].head(1).with_columns(score=pl.lit(77, pl.Int64))
    with pytest.raises(UsageError, match="stay_id is no key"):
        fit_tables(model.codec, holed | {"discharges": pl.concat([holed["discharges"], twice])})
    with pytest.raises(UsageError, match="stays has no column stay_id, by which the model ties"):
        fit_tables(model.codec, holed | {"stays": holed["stays"].drop("stay_id")})
    with pytest.raises(UsageError, match="no folder and no file"):
        fit_tables(model.codec, "/nowhere")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ('sep=;\r\nwho;"what";n\r\n"a;1";;1\r\n\r\n b ; "x";\r\n', "utf-8"),
        ("﻿who,what,n\na,,1\nb,x,", "utf-8"),
        ("who\twhat\tn\nä\t\t1\nb\tx\t\n", "cp1252"),
        ("﻿who,what,n\nä,,1\nb,x,\n", "utf-16-le"),
    ],
)
def test_a_cell_is_written_where_it_stands_and_rows_after_the_last(text, encoding, tmp_path):
    from reverie.records.reading import read_source

    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    frame = read_source(path).frame
    assert spliced(path, "table", frame, {}) == path.read_bytes()
    out = spliced(path, "table", frame, {"what": {0: 'y "z"'}}, pl.DataFrame({"n": ["9"]}))
    lost = text.replace('"a;1";;', '"a;1";"y ""z""";').replace("a,,", 'a,"y ""z""",').replace("ä,,", 'ä,"y ""z""",')
    lost = lost.replace("ä\t\t", 'ä\t"y ""z"""\t')
    (tmp_path / "table.csv").write_bytes(out)
    separator = next(c for c in ";\t," if c in text.splitlines()[0].removeprefix("sep="))
    end = "\r\n" if "\r\n" in text else "\n"
    assert out.decode(encoding) == lost.removesuffix(end) + end + separator * 2 + "9" + (end if text.endswith(end) else "")
    assert read_source(path).frame["n"].to_list() == ["1", None, "9"]


def test_a_file_whose_rows_are_not_found_again_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="not found again"):
        spliced(tmp_path / "t.csv", "t", pl.DataFrame({"a": ["3"], "b": ["2"]}), {})


def test_what_comes_after_comes_after_all_that_is_given_and_is_whole(model):
    tables, heard = made_up(20, seed=9), []
    given = [tables["stays"].select("patient_id", at="discharged")]
    given.append(tables["discharges"].join(tables["stays"], on="stay_id").select("patient_id", at="written"))
    last = pl.concat(given).group_by("patient_id").agg(pl.col("at").max())
    for horizon, most in (("200d", timedelta(days=200)), (1, None)):
        (made,) = model.forecast(tables, horizon, seed=2, hear=heard.append)
        new = {name: made[name].slice(frame.height) for name, frame in tables.items()}
        assert all(made[name].head(frame.height).equals(frame) for name, frame in tables.items())
        assert new["stays"].height and new["results"].height and not new["patients"].height and not new["d_tests"].height
        apart = new["stays"].join(last, on="patient_id").select(pl.col("admitted") - pl.col("at")).to_series()
        assert apart.len() == new["stays"].height and apart.min() > timedelta(0) and (most is None or apart.max() <= most)
        assert made["stays"]["stay_id"].is_unique().all()
        drugs = new["drugs"].join(new["stays"], on="stay_id")
        assert drugs.height == new["drugs"].height and (drugs["patient_id"] == drugs["patient_id_right"]).all()
        assert ((drugs["start_time"] >= drugs["admitted"]) & (drugs["start_time"] <= drugs["discharged"])).all()
        if most is None:
            assert new["stays"]["patient_id"].is_unique().all()
            assert bool(heard) == (new["stays"].height < 20)
    again = model.forecast(tables, 1, seed=2)[0]
    assert all(again[name].equals(made[name]) for name in tables)
    for horizon in ("soon", 0, "0d", "3m"):
        with pytest.raises(UsageError, match="no time to go on for"):
            model.forecast(tables, horizon)


def test_rows_that_come_after_stand_below_in_files_of_which_every_byte_stays(model, holed, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name, frame in holed.items():
        frame.write_csv(source / f"{name}.csv")
    done = complete_hospital(model, fit_tables(model.codec, source), out, forecast="200d", draws=2)
    for draw in ("1", "2"):
        rows = 0
        for path in source.iterdir():
            after = (out / draw / path.name).read_bytes()
            assert after.startswith(path.read_bytes()), path.name
            rows += after.count(b"\n") - path.read_bytes().count(b"\n")
        assert rows
    assert done["rows_added"] > 0 and not done["holes"]
    with pytest.raises(UsageError, match="columns"):
        complete_hospital(model, fit_tables(model.codec, source), tmp_path / "no", forecast=1, columns=["stays.ward"])


def test_what_is_told_of_given_values_is_told_in_words_of_their_columns(model, holed):
    """Columns that are made up to learn by (whether a row has a letter, how long after its end) have no names for people."""
    letters = holed["discharges"].with_columns(written=pl.col("written") - timedelta(days=30), score=None)
    heard = []
    fitted = fit_tables(model.codec, holed | {"discharges": letters})
    for _ in model.completed(fitted, columns=["patients.sex"], hear=heard.append):
        pass
    assert any("filled(discharges.score) if there is a row of discharges" in note for note in heard)
    assert any(note.startswith("stays: In discharges.written - discharged, in hours, ") for note in heard)
    told = " ".join((*heard, *fitted.notes))
    assert not any(name in told for name in ("\0", "has discharges", "discharges.since"))


@pytest.mark.parametrize("condition", ["sexx=F", "letters.since>3", "since>3"])
def test_a_condition_on_what_there_is_not_names_only_columns_that_people_have(condition):
    draw = np.random.default_rng(0)
    who = [f"P{n:02d}" for n in range(40)]
    day = [datetime(2026, 1, 1) + timedelta(days=int(n)) for n in draw.integers(0, 900, 40)]
    tables = {
        "patients": pl.DataFrame({"patient_id": who, "sex": ["F", "M"] * 20}),
        "letters": pl.DataFrame({"patient_id": who, "written": day, "about": draw.choice(["a", "b"], 40)})[:30],
        "stays": pl.DataFrame({"patient_id": who * 2, "admitted": day * 2, "ward": draw.choice(["A", "B"], 80)}),
    }
    read = read_linked(tables)
    grown = grow(read)
    codec = LinkedCodec.fit(LinkedForms.of(read.schema, grown), grown, {})
    assert "letters" in codec.tree.beside("patients")
    with pytest.raises(UsageError) as refused:
        parted(codec, [condition])
    assert "\0" not in str(refused.value) and ".since" not in str(refused.value).replace(condition.split(">")[0], "")
