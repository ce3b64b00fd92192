"""What is said of the columns and rules of linked tables counts: in training, and in all that is made."""

import polars as pl
import pytest

import reverie
from reverie.cli import main
from reverie.errors import DataError, UsageError
from reverie.records.kinds import Column
from reverie.records.linked import LinkedForms, LinkedSchema, read_linked
from reverie.records.linked.growing import grow
from reverie.records.linked.wording import told

from .conftest import made_up


def schema_of(source=None, **tables):
    """The schema of the hospital as decided, with some fields of some tables changed."""
    read = read_linked(source or made_up(60))
    forms = LinkedForms.of(read.schema, grow(read))
    schema = told(read.schema, forms.forms, forms.columns)
    changed = [table.model_copy(update=tables.get(table.name, {})) for table in schema.tables]
    return LinkedSchema.from_yaml(schema.model_copy(update={"tables": tuple(changed)}).yaml(), "hospital.yaml")


def forms_of(schema, source=None):
    read = read_linked(source or made_up(60), schema)
    return LinkedForms.of(read.schema, grow(read))


def run(*words):
    with pytest.raises(SystemExit) as done:
        main([*map(str, words)])
    return done.value.code


def column(schema, table, name, **changed):
    return tuple(c.model_copy(update=changed) if c.name == name else c for c in schema[table].columns)


def test_what_is_written_is_decided_alike_when_it_is_read():
    first = LinkedForms.of((read := read_linked(made_up(60))).schema, grow(read))
    again = forms_of(schema_of())
    for table, of in first.columns.items():
        assert set(of.rules) == set(again.columns[table].rules) and of.columns == again.columns[table].columns, table


def test_kinds_levels_and_words_for_missing_are_those_that_are_stated():
    schema = schema_of()
    tables = {
        "stays": {"columns": column(schema, "stays", "ward", kind="ordinal", levels=("B", "A"))},
        "drugs": {"columns": column(schema, "drugs", "dose", kind="ordinal", levels=("10", "20"), null_values=("5",))},
    }
    source = made_up(60)
    forms = forms_of(schema_of(**tables), source)
    ward, dose = forms.columns["stays"]["ward"], forms.columns["drugs"]["dose"]
    assert (ward.kind, ward.levels) == ("ordinal", ("B", "A")) and (dose.kind, dose.levels) == ("ordinal", ("10", "20"))
    missing = (source["drugs"]["dose"] == 5).mean()
    assert dose.missing == pytest.approx(missing, abs=1e-6) and missing > 0


def test_a_column_that_is_listed_is_learned_as_it_stands():
    schema = schema_of()
    assert {"value"} == set(forms_of(schema).forms["results"].scored) and "unit" in forms_of(schema).forms["results"].follows
    value = Column(name="value", role="varying", kind="real", unit=0.1)
    unit = Column(name="unit", role="varying", kind="categorical", levels=("mg/dL", "mmol/L"))
    form = forms_of(schema_of(results={"columns": (*schema["results"].columns, value, unit)})).forms["results"]
    assert not form.scored and not form.follows


def test_rules_that_are_stated_are_kept_in_what_is_made(tmp_path):
    rules = {
        "drugs": {"rules": ("end_time - start_time <= 1", "dose = 5 if drug = insulin")},
        "discharges": {"rules": ("score <= 4 if destination = home",)},
        "stays": {"rules": ("discharged - admitted >= 2", "filled(ward) if `discharges.destination` = died")},
    }
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    path = tmp_path / "hospital.yaml"
    path.write_text(schema_of(**rules).yaml())
    made = reverie.train(made_up(60), out=tmp_path / "run", steps=3, schema=path, settings=settings).sample(80, seed=1)
    drugs, stays = made["drugs"], made["stays"].join(made["discharges"], on="stay_id", how="left")
    lasting = drugs.drop_nulls("end_time").select((pl.col("end_time") - pl.col("start_time")).dt.total_minutes()).to_series()
    assert lasting.max() <= 1440 and (drugs.filter(pl.col("drug") == "insulin")["dose"] == 5).all()
    home = made["discharges"].filter(pl.col("destination") == "home")
    assert home["score"].cast(pl.Int64).max() <= 4 and home.height
    assert (made["stays"]["discharged"] - made["stays"]["admitted"]).dt.total_hours().min() >= 48
    assert not stays.filter(pl.col("destination") == "died")["ward"].null_count()


@pytest.mark.parametrize(
    ("table", "changed", "said"),
    [
        ("stays", {"rules": ("filled(ward)", "empty(ward)")}, "^stays: .*contradict each other: ward cannot be both"),
        (
            "stays",
            {"rules": ("discharged < admitted", "discharged >= admitted")},
            "^stays: the rule 'discharged < admitted' cannot be",
        ),
        ("stays", {"rules": ("ward = C",)}, "^stays: .*ward"),
        ("stays", {"rules": ("admitted > 2026-01-01",)}, "^stays: the rule .*times of one row"),
        ("drugs", {"rules": ("stay_id = S1",)}, "^drugs: .*stay_id is a key"),
        ("results", {"rules": ("value > 3",)}, "^results: .*value is learned by test_name: list it in its columns"),
        ("results", {"rules": ("unti = a",)}, "^results: .*unit"),
    ],
)
def test_rules_that_cannot_be_kept_are_refused_by_table_and_column(table, changed, said):
    with pytest.raises(UsageError, match=said) as refused:
        forms_of(schema_of(**{table: changed}))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("table", "name", "said"),
    [
        ("stays", "stay_id", "stays.stay_id is a key or the time"),
        ("stays", "wrad", "column of stays.*ward"),
        ("d_tests", "label", "d_tests is a lookup"),
        ("stays", "ward", "^stays, data row 1, column 'ward': 'B' is "),
    ],
)
def test_columns_that_cannot_be_stated_are_refused(table, name, said):
    kind = "integer" if name == "ward" else "text"
    with pytest.raises((UsageError, DataError), match=said):
        forms_of(schema_of(**{table: {"columns": (Column(name=name, role="varying", kind=kind),)}}))


def test_the_command_writes_and_checks_columns_and_rules(tmp_path, capsys):
    folder, path = tmp_path / "hospital", tmp_path / "hospital.yaml"
    folder.mkdir()
    for name, frame in made_up(40).items():
        frame.write_csv(folder / f"{name}.csv")
    assert run("data", "tables", folder, "--schema", path) == 0
    text = path.read_text()
    assert "- name: admission_type" in text and "rules:" in text
    path.write_text(text.replace("  rules: []", "  rules: [filled(ward), empty(ward)]", 2))
    assert run("data", "tables", folder, "--using", path) == 2
    assert "ward" in capsys.readouterr().err
