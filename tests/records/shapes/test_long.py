"""A row for each test: pivoted, and written back: undo(apply(x)) is x, cell for cell."""

import io
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from reverie.cli.data import app
from reverie.errors import DataError, UsageError
from reverie.records.fitting import fit
from reverie.records.parsing import parse
from reverie.records.places import ROW
from reverie.records.schema import Schema
from reverie.records.shapes import Asked, Long
from reverie.records.table import read_table

UNIT = {"Creatinine": "mg/dL", "Sodium": "mmol/L", "Hemoglobin": "g/dL", "Urine, colour": None}
CODE = {"Creatinine": 50912, "Sodium": 50983, "Hemoglobin": 51222, "Urine, colour": 51508}


def labs(seed=0, patients=20, kinds=("Creatinine", "Sodium", "Hemoglobin"), share=0.8, **names):
    """A laboratory's rows: of each patient three visits, of each visit some of the tests, with a number for each row."""
    rng, rows = np.random.default_rng(seed), []
    for p in range(patients):
        for month in (1, 2, 3):
            measured = [k for k in kinds if rng.random() < share] or [kinds[0]]
            for kind in measured:
                value = round(float(rng.normal(10, 2)), 1)
                text = ["amber", "straw", "red"][rng.integers(3)] if kind.startswith("Urine") else f"{value}"
                flag = "high" if value > 11 else None
                when = f"2150-0{month}-{1 + p % 28:02}T07:00:00"
                rows.append((100 + p, "fm"[p % 2], CODE[kind], kind, when, text, UNIT[kind], flag))
    columns = ["subject_id", "sex", "itemid", "label", "charttime", "value", "valueuom", "flag"]
    frame = pl.DataFrame(rows, columns, orient="row").with_columns(pl.col("subject_id", "itemid").cast(pl.String))
    frame = frame.with_row_index("labevent_id", 1).with_columns(pl.col("labevent_id").cast(pl.String))
    return frame.rename(names)


def typed(frame):
    return parse(frame, "labs").frame.drop(ROW)


def recognised(frame, **said):
    return Long.recognise(typed(frame), "labs.csv", Asked(**said))


def there_and_back(long, frame):
    return long.undo(typed(long.apply(frame, "labs.csv")))


def test_rows_become_visits_with_a_column_for_each_test_and_what_it_carries():
    frame = labs()
    long = recognised(frame)
    assert (long.keys, long.names, long.value) == (("subject_id", "charttime", "sex"), ("itemid",), "value")
    assert long.counters["labevent_id"].within == "table"
    assert [test.columns["value"] for test in long.tests] == ["Creatinine", "Sodium", "Hemoglobin"]
    assert [test.cells["valueuom"] for test in long.tests] == ["mg/dL", "mmol/L", "g/dL"]
    wide = typed(long.apply(frame, "labs.csv"))
    assert wide.height == 60 and not wide.select(pl.struct("subject_id", "charttime").is_duplicated().any()).item()
    assert wide.schema["Sodium"] == pl.Float64 and "Sodium · flag" in wide.columns
    first = frame.row(0, named=True)
    assert wide[first["label"]][0] == float(first["value"])


def test_what_was_pivoted_is_written_back_cell_for_cell_in_order_and_type():
    frame = labs()
    long = recognised(frame)
    back = there_and_back(long, frame)
    assert back.drop("labevent_id").equals(typed(frame).drop("labevent_id"))
    assert back["labevent_id"].to_list() == list(range(frame.height + 1, 2 * frame.height + 1))  # of no row that there was


def test_numbers_and_text_share_a_column_of_values_and_are_apart_where_they_are_learned():
    frame = labs(kinds=tuple(UNIT))
    wide = typed(recognised(frame).apply(frame, "labs.csv"))
    assert wide.schema["Sodium"] == pl.Float64 and wide.schema["Urine, colour"] == pl.String
    back = there_and_back(recognised(frame), frame)
    assert back["value"].equals(frame["value"]) and back["valueuom"].equals(frame["valueuom"])


@pytest.mark.parametrize("sort", [["USUBJID", "PARAMCD", "ADY"], ["USUBJID", "ADY", "PARAMCD"]])
def test_the_order_of_the_rows_is_that_of_the_source(sort):
    frame = labs(share=1.0, subject_id="USUBJID", label="PARAMCD", value="AVAL").drop("labevent_id", "itemid")
    frame = frame.with_columns(pl.col("charttime").str.slice(6, 1).alias("ADY")).drop("charttime")
    frame = frame.sort(*sort[:1], *(pl.col(c).cast(pl.Int64) if c == "ADY" else c for c in sort[1:]))
    long = recognised(frame, time="ADY")
    assert long.by_test == (sort[1] == "PARAMCD")
    assert there_and_back(long, frame).equals(typed(frame))


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_undo_of_apply_is_the_table(data):
    """For tables of any tests, numbers, texts and gaps: as sets of rows."""
    tests = data.draw(st.lists(st.sampled_from(["Na", "K", "1988-5", "a · b", "Größe (cm)", "0"]), min_size=2, unique=True))
    visits = data.draw(st.integers(4, 8))
    numbers = data.draw(st.lists(st.booleans(), min_size=len(tests), max_size=len(tests)))
    number, word = st.integers(-999, 999).map(lambda k: f"{k / 10}"), st.sampled_from(["neg", "pos", "+++", "trace"])
    rows = []
    for p in range(5):
        for v in range(visits):
            measured = data.draw(st.lists(st.sampled_from(tests), min_size=1, unique=True)) if v else tests
            for test in sorted(measured, key=tests.index):
                value = data.draw(number if numbers[tests.index(test)] else word)
                rows.append((f"P{p}", str(v), test, value, data.draw(st.sampled_from(["H", "L", None]))))
    frame = pl.DataFrame(rows, ["subject_id", "day", "test", "value", "flag"], orient="row")
    long = recognised(frame, long=("test", "value"))
    back = there_and_back(long, frame)
    source = typed(frame).filter(~pl.col("test").is_in(long.rare))
    assert back.schema == source.schema
    assert back.sort(source.columns).equals(source.sort(source.columns))


def test_a_shape_is_kept_in_a_schema_file_and_read_again():
    schema = read_table(labs()).schema
    again = Schema.from_yaml(schema.yaml(), "s.yaml")
    assert again.shapes == schema.shapes and isinstance(again.shapes[0], Long)
    assert read_table(labs(seed=1), again).frame.columns == read_table(labs()).frame.columns


def test_the_patient_is_the_person_and_what_was_done_is_said():
    names = {"subject_id": "person_id", "itemid": "measurement_concept_id", "charttime": "measurement_datetime"}
    table = read_table(labs(**names, value="value_as_number", labevent_id="measurement_id").drop("label"))
    assert table.schema.identifier.name == "person_id" and table.schema.time.name == "measurement_datetime"
    assert "as you said" not in table.schema.identifier.why
    assert [c.name for c in table.schema.columns if c.name.isdigit()] == ["50912", "50983", "51222"]
    assert any("a row for each measurement_concept_id: it was pivoted" in note for note in table.notes)


def test_a_table_with_a_column_for_each_test_stays_as_it_is():
    frame = labs(share=1.0).pivot("label", index=["subject_id", "sex", "charttime"], values="value")
    assert not read_table(frame).schema.shapes
    one = labs(kinds=("Sodium", "Hemoglobin")).unique(["subject_id", "charttime"], keep="first", maintain_order=True)
    assert recognised(one) is None  # a test column, but one row a visit


def test_where_it_is_doubtful_the_command_asks_with_real_names():
    frame = labs(label="what", value="found").drop("itemid", "flag", "valueuom")
    with pytest.raises(DataError, match="`long=what found`"):
        read_table(frame)
    table = read_table(frame, long=("what", "found"))
    assert [c.name for c in table.schema.varying] == ["Creatinine", "Sodium", "Hemoglobin"]
    with pytest.raises(UsageError, match="column for `long`"):
        read_table(frame, long=("wat", "found"))


def test_a_test_that_stands_twice_at_one_time_is_a_decision_that_loses_only_it():
    frame = labs()
    twice = pl.concat([frame, frame[4:5].with_columns(labevent_id=pl.lit("999"), value=pl.lit("14.3"))])
    name, was = frame["label"][4], float(frame["value"][4])
    with pytest.raises(DataError, match=rf"column '{name}'.*each but keep leaves out 1 of {twice.height} rows"):
        read_table(twice)
    for rule, value in (("first", was), ("last", 14.3), ("mean", round((was + 14.3) / 2, 1))):
        table = read_table(twice, duplicates=rule)
        row = table.frame.filter(subject_id=int(frame["subject_id"][4])).filter(
            pl.col("charttime").dt.to_string("%Y-%m-%dT%H:%M:%S") == frame["charttime"][4]
        )
        assert row.height == 1 and row[name][0] == pytest.approx(value, abs=0.0501)
        assert table.schema.unshaped(table.frame).height == frame.height
    assert read_table(twice, duplicates="keep").frame.height == 61


def test_tests_with_too_few_rows_are_left_out_and_said():
    frame = labs(patients=40)
    rare = frame.unique("charttime", keep="first", maintain_order=True)[:3].with_columns(
        label=pl.lit("Rare"), itemid=pl.lit("7"), labevent_id=pl.lit("999") + pl.col("labevent_id")
    )
    table = read_table(pl.concat([frame, rare]))
    assert "Rare" not in table.frame.columns
    assert any("1 more (7) have too few rows to be learned: their 3 are left out" in note for note in table.notes)


def test_hundreds_of_tests_stay_columns_while_enough_rows_have_them():
    rng = np.random.default_rng(0)
    rows = [
        (p, d, f"{t}-{t % 7}", round(float(rng.normal()), 2))
        for p in range(40)
        for d in (0, 30)
        for t in range(300)
        if rng.random() < 0.2
    ]
    frame = pl.DataFrame(rows, ["subject_id", "day", "loinc", "result"], orient="row")
    long = Long.recognise(frame, "labs.csv", Asked())
    assert len(long.tests) + len(long.rare) == 300 and len(long.tests) > 250
    assert long.undo(long.apply(frame, "labs.csv")).height == frame.height - long.rare_rows


def test_a_value_in_another_unit_is_refused_by_row():
    schema = read_table(labs()).schema
    other = labs(seed=3)
    row = other["label"].to_list().index("Creatinine", 5)
    other = other.with_columns(
        pl.when(pl.int_range(pl.len()) == row).then(pl.lit("µmol/L")).otherwise("valueuom").alias("valueuom")
    )
    with pytest.raises(
        DataError, match=rf"data row {row + 1}, column 'valueuom'.*'µmol/L' is not the unit of Creatinine.*'mg/dL'"
    ):
        read_table(other, schema)


def test_a_text_and_its_number_are_one_value():
    frame = (
        labs()
        .with_columns(valuenum="value")
        .with_columns(value=pl.when(pl.int_range(pl.len()) % 29 == 3).then(pl.lit("neg")).otherwise("value"))
    )
    frame = frame.with_columns(valuenum=pl.when(pl.col("value") == "neg").then(None).otherwise("valuenum"))
    long = recognised(frame)
    assert (long.value, long.twins) == ("value", ("valuenum",))
    wide = parse(long.apply(frame, "labs.csv"), "labs")  # tests are numbers among words, which are spelled again
    spelled = wide.frame.drop(ROW).with_columns(form.write(wide.frame[c]) for c, form in wide.forms.items() if form.dressed)
    assert long.undo(spelled).drop("labevent_id").equals(typed(frame).drop("labevent_id"))


def test_a_number_within_the_patient_begins_again_for_each():
    frame = labs().with_columns((pl.int_range(pl.len()).over("subject_id") + 1).cast(pl.String).alias("LBSEQ"))
    long = recognised(frame)
    assert long.counters["LBSEQ"].within == "patient"
    assert there_and_back(long, frame)["LBSEQ"].cast(pl.String).equals(frame["LBSEQ"])


def test_codes_of_a_visit_are_a_set():
    rng, rows = np.random.default_rng(0), []
    codes = ["E11.9", "I10", "N18.3", "J45.0", "F32.1"]
    for p in range(30):
        for day in (0, 40, 90):
            for k, code in enumerate(sorted(rng.choice(codes, rng.integers(1, 5), replace=False)), 1):
                rows.append((p, "fm"[p % 2], day, k, code))
    frame = pl.DataFrame(rows, ["subject_id", "sex", "day", "seq_num", "icd10"], orient="row")
    long = Long.recognise(frame, "diagnoses.csv", Asked())
    assert (long.names, long.value) == (("icd10",), None) and long.counters["seq_num"].within == "visit"
    wide = long.apply(frame, "diagnoses.csv")
    assert wide.height == 90 and wide.schema["I10"] == pl.Boolean and not wide["I10"].null_count()
    back, visit = long.undo(wide), ["subject_id", "sex", "day", "icd10"]
    assert back.schema == frame.schema and back.select(visit).sort(visit).equals(frame.select(visit).sort(visit))
    numbers = [sorted(rows["seq_num"]) for _, rows in back.group_by("subject_id", "day")]
    assert all(row == list(range(1, len(row) + 1)) for row in numbers)


def test_a_code_column_of_another_name_is_said_twice():
    rows = [(p, d, what) for p in range(9) for d in (0, 5) for what in ("a", "b", "c")[: 1 + (p + d) % 3]]
    frame = pl.DataFrame(rows, ["subject_id", "day", "what"], orient="row")
    with pytest.raises(DataError, match="`long=what what`"):
        read_table(frame)
    table = read_table(frame, long=("what", "what"))
    assert table.frame.height == 18 and table.schema.unshaped(table.frame).equals(frame)


def test_given_rows_stand_as_given_in_a_completed_table():
    """The number of a row, a flag that is empty, a test that was not learned, a row given twice, and where each stands."""
    schema = read_table(labs(patients=30)).schema
    source = labs(seed=5, patients=6)
    strange = source[2:3].with_columns(label=pl.lit("Lactate"), itemid=pl.lit("1"), labevent_id=pl.lit("700"))
    hole = source[7:8]["labevent_id"][0]
    source = pl.concat([source[:3], strange, source[3:]])
    source = source.with_columns(pl.when(pl.col("labevent_id") == hole).then(None).otherwise("value").alias("value"))
    table = read_table(source, schema)
    assert any("1 row is of itemid that was not learned (1)" in note for note in table.notes)
    tests = [test.columns["value"] for test in schema.shapes[0].tests]
    fitted = fit(source, schema)
    back = fitted.whole(fitted.table.frame.with_columns(pl.col(tests).fill_null(99.9)), tests, typed=True)
    given_rows = typed(source).filter(pl.col("labevent_id").cast(pl.String) != hole)
    same = back.join(given_rows.select("labevent_id"), on="labevent_id", how="semi", maintain_order="left")
    assert same.sort("labevent_id").equals(given_rows.sort("labevent_id").select(same.columns))
    assert back.filter(pl.col("labevent_id") == int(hole))["value"].to_list() == [99.9]
    assert back.height == 18 * 3 + 1 and back["labevent_id"].is_unique().all()
    new = back.filter(~pl.col("labevent_id").cast(pl.String).is_in(source["labevent_id"].implode()))
    assert new["labevent_id"].min() == 701 and set(new["value"]) == {99.9} and new["valueuom"].null_count() == 0


def test_of_a_number_and_a_code_each_test_is_learned_by_the_one_that_it_has():
    """OMOP: creatinine has a number and no concept, a dipstick a concept and no number; the source's text repeats."""
    rng, rows = np.random.default_rng(0), []
    for p in range(40):
        for day in (1, 2, 3):
            number = [f"{rng.normal(1, 0.1):.2f}", f"{rng.integers(110, 150)}.0"]
            found = ((3016723, number[0], 0), (3004249, number[1], 0), (3005225, None, (4126681, 45878583)[rng.integers(2)]))
            for concept, value, code in found:
                text = None if value is None else f"{float(value):g}"
                rows.append((len(rows) + 7, 100 + p, concept, f"2020-01-0{day}", value, code, text))
    columns = ["measurement_id", "person_id", "measurement_concept_id", "measurement_date"]
    columns += ["value_as_number", "value_as_concept_id", "value_source_value"]
    source = pl.DataFrame(rows, columns, orient="row").with_columns(pl.all().cast(pl.String))
    table = read_table(source)
    assert [c.name for c in table.schema.varying] == ["3016723", "3004249", "3005225"]
    assert [c.kind for c in table.schema.varying] == ["real", "integer", "binary"]
    back = table.schema.unshaped(table.frame)
    for column in columns[-3:]:
        assert back[column].cast(pl.Float64).to_list() == source[column].cast(pl.Float64).to_list()


def test_given_rows_keep_their_very_text():
    """Times of day, microseconds that nobody wrote, and whole numbers beside decimals."""
    rows = "".join(
        f"{p},{p}{d},2020-03-0{d} 08:15:00,08:15:00,{t},{v},{v}\n"
        for p in range(100, 120)
        for d in (1, 2, 3)
        for t, v in (("Na", 130 + p % 7 + d), ("K", f"4.{p % 9 + 1}"))
    )
    text = "person_id,visit,at,clock,test,value,source\n" + rows
    source = pl.read_csv(io.StringIO(text), infer_schema=False)
    fitted = fit(source, read_table(source).schema)
    tests = [c for c in fitted.table.schema.names if c.startswith(("Na", "K"))]
    assert fitted.whole(fitted.table.frame, tests).equals(source)


def test_rows_of_a_test_without_a_value_are_holes():
    text = "subject_id,day,test,value\n" + "".join(
        f"{p},{d},{t},{p + d}.5\n" for p in range(9) for d in (0, 1) for t in ("Na", "K")
    )
    table = read_table(pl.read_csv(io.StringIO(text.replace("3,1,K,4.5", "3,1,K,")), infer_schema=False))
    assert table.frame.filter(subject_id=3, day=1)["K"].to_list() == [None]


def table_of(columns, rows_of, patients=20, visits=3):
    """Rows of visits, with the column of values at the end drawn anew."""
    rng = np.random.default_rng(0)
    rows = [
        (*row, round(float(rng.normal(9, 1)), 1)) for p in range(patients) for v in range(visits) for row in rows_of(p, v)
    ]
    return pl.DataFrame(rows, columns, orient="row")


KINDS = {
    "eICU": (
        table_of(
            ["patientunitstayid", "labresultoffset", "labname", "labresult"],
            lambda p, v: [(p, 60 * v - 20, name) for name in ("K", "Na")],
        ),
        ["long"],
        ["K", "Na"],
    ),
    "a questionnaire, once for each": (
        table_of(["subject", "item", "answer"], lambda p, v: [(p, f"Q{k}") for k in range(3)], visits=1),
        ["long", "timeless"],
        ["Q0", "Q1", "Q2"],
    ),
    "visits by name": (
        table_of(
            ["patient_id", "visit", "parameter", "result"],
            lambda p, v: [(p, ("Baseline", "Week 4", "Week 8")[v], name) for name in ("K", "Na")],
        ),
        ["long", "visits"],
        ["K", "Na"],
    ),
    "two columns of names": (
        table_of(
            ["USUBJID", "VISITNUM", "VSTESTCD", "VSPOS", "VSSTRESN"],
            lambda p, v: [(f"X-{p}", v, test, place) for test in ("SYS", "DIA") for place in ("UP", "LYING")],
        ),
        ["long"],
        ["SYS UP", "SYS LYING", "DIA UP", "DIA LYING"],
    ),
    "a warehouse": (
        table_of(
            ["encounter_num", "patient_num", "concept_cd", "start_date", "units_cd", "nval_num"],
            lambda p, v: [(3 * p + v, p, f"LOINC:{name}", f"2020-0{v + 1}-05", name.lower()) for name in ("K", "Na")],
        ),
        ["long"],
        ["LOINC:K", "LOINC:Na"],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_long_tables_of_many_systems_are_read_and_written_as_they_came(kind):
    frame, shapes, tests = KINDS[kind]
    table = read_table(frame)
    assert [shape.shape for shape in table.schema.shapes] == shapes
    assert [c.name for c in table.schema.columns if c.modelled and c.name in tests] == tests
    assert table.schema.unshaped(table.frame).equals(typed(frame))


def test_identifiers_of_two_columns_go_with_rows_of_tests():
    frame = table_of(
        ["site", "subject", "day", "test", "value"],
        lambda p, v: [("AB"[p % 2], p // 2, v * 7, name) for name in ("K", "Na")],
    )
    table = read_table(frame, identifier=("site", "subject"))
    assert len(table) == 20 and table.frame.height == 60
    assert table.schema.unshaped(table.frame).equals(frame)


def test_the_command_line_takes_the_two_columns(tmp_path):
    frame = labs(label="what", value="found").drop("itemid", "flag", "valueuom")
    frame.write_csv(tmp_path / "labs.csv")
    said = CliRunner().invoke(app, [str(tmp_path / "labs.csv"), "--long", "what", "found", "--json"])
    assert said.exit_code == 0, said.output
    reply = json.loads(said.stdout)
    assert reply["rows"] == 60 and [c["name"] for c in reply["columns"]][-3:] == ["Creatinine", "Sodium", "Hemoglobin"]
    assert reply["shapes"][0]["shape"] == "long"
