"""reverie train, sample and impute on tables of visits, as a user runs them."""

import gzip
import json
import shutil

import polars as pl
import pytest

from reverie.config import Source, resolve
from reverie.records import read_table


def reply(capsys):
    """What was printed as JSON."""
    return json.loads(capsys.readouterr().out)


def test_training_keeps_a_run_and_tells_what_it_was_trained_on(reverie, visits, patients, tmp_path, capsys, shown):
    copy = shutil.copytree(patients, tmp_path / "run")
    small = ("--set", "width=16", "--set", "layers=1", "--set", "batch=32", "--steps", 5)
    with shown():
        assert reverie("train", visits, "--out", copy, *small, "--resume", "--json") == 0
    told = reply(capsys)
    assert (copy / "figures").is_dir()
    table = read_table(visits)
    assert told["patients"] + told["set_aside"] + told["held_out"] == len(table) == 60
    assert (told["held_out"], told["set_aside"]) == (12, 5)
    assert told["visits"] < table.frame.height and told["columns"] == {"learned": 18, "of": 21}
    assert told["steps"] == {"done": 5, "of": 5} and told["best_step"] == 5
    assert (copy / "model.safetensors").read_bytes() == (patients / "model.safetensors").read_bytes()


def test_an_estimate_of_memory_and_time_is_said_before_training_and_by_data(reverie, visits, tmp_path, capsys):
    assert reverie("train", visits, "--out", tmp_path / "run", "--steps", 1, "--set", "width=16") == 0
    said = capsys.readouterr().err
    assert said.startswith("estimate for training:") and "tokens a step" in said
    assert "measured here" in said and "memory about" in said and "of the machine's" in said
    assert reverie("data", visits) == 0
    said = capsys.readouterr().err
    steps = resolve(Source(name="visits"), 0, "records", {}).training.steps
    assert f"at most {steps:,} steps" in said and "measured here" in said and "memory about" in said


def test_what_does_not_fit_in_memory_is_refused_with_the_setting_that_does(reverie, visits, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("reverie.sources.estimate.available", lambda: 10**9)
    out = tmp_path / "run"
    assert reverie("train", visits, "--out", out, "--set", "batch=16384") == 2
    captured = capsys.readouterr()
    setting = captured.err.split("--set ")[1].split(" makes it fit")[0]
    assert captured.out == "" and not out.exists() and setting.startswith("accumulate=")
    assert reverie("train", visits, "--out", out, "--set", "batch=16384", "--set", setting, "--set", "batsh=1") == 2
    assert "did you mean" in capsys.readouterr().err
    monkeypatch.setattr("reverie.sources.estimate.available", lambda: 10**8)
    assert reverie("train", visits, "--out", out) == 2
    assert "fewer patients" in capsys.readouterr().err and not out.exists()
    assert reverie("data", visits) == 0
    assert "more memory than this machine has" in capsys.readouterr().err


def test_a_schema_that_was_edited_is_what_is_learned(reverie, visits, tmp_path, capsys):
    schema, out = tmp_path / "schema.yaml", tmp_path / "run"
    assert reverie("data", visits, "--schema", schema) == 0
    text = schema.read_text()
    before, after = text.split("- name: serChol\n")
    schema.write_text(before + "- name: serChol\n" + after.replace("kind: integer", "kind: text", 1))
    assert schema.read_text() != text
    capsys.readouterr()
    assert reverie("train", visits, "--schema", schema, "--out", out, "--steps", 1, "--set", "width=16", "--json") == 0
    assert reply(capsys)["columns"] == {"learned": 17, "of": 21}
    assert reverie("sample", out, "--count", 5, "--out", tmp_path / "new.csv") == 0
    assert pl.read_csv(tmp_path / "new.csv")["serChol"].null_count() > 0


def test_options_say_what_could_not_be_seen(reverie, tmp_path, capsys):
    path = tmp_path / "odd.csv"
    rows = [f"{k // 5},{k % 5},{k + 0.5 if k != 11 else 'lost'},{k % 7}" for k in range(100)]
    path.write_text("\n".join(["who,at,lab,code", *rows, "0,0,7.5,1"]))
    told = ("--id", "who", "--time", "at", "--null", "lost", "--duplicates", "first", "--set", "width=16", "--json")
    assert reverie("train", path, "--out", tmp_path / "run", "--steps", 1, *told) == 0
    assert reply(capsys)["patients"] == 14


@pytest.mark.parametrize("name", ["new.csv", "new.csv.gz", "new.parquet"])
def test_the_same_seed_gives_the_same_bytes_for_any_number_of_workers(reverie, patients, name, tmp_path, capsys):
    contents = []
    for workers in (1, 3):
        folder = tmp_path / str(workers)
        told = ("--seed", 7, "--steps", 2, "--workers", workers, "--json")
        assert reverie("sample", patients, "--count", 600, "--out", folder / name, *told) == 0
        contents.append((folder / name).read_bytes())
        summary = reply(capsys)
        assert summary["patients"] == 600 and summary["steps"] == 2 and summary["drawn"] is None
        assert [p.name for p in folder.iterdir()] == [name]
    assert contents[0] == contents[1]
    frame = pl.read_parquet(tmp_path / "1" / name) if name.endswith("t") else pl.read_csv(tmp_path / "1" / name)
    assert frame.columns == read_table("pbc2").frame.columns
    assert frame["id"].n_unique() == 600 and frame.height == summary["rows"]


def test_conditions_hold_and_what_they_cost_is_told(reverie, patients, tmp_path, capsys):
    out = tmp_path / "new.csv"
    told = ("--where", "sex=female", "--where", "age>45", "--steps", 2, "--json")
    assert reverie("sample", patients, "--count", 40, "--out", out, *told) == 0
    summary, frame = reply(capsys), pl.read_csv(out)
    assert frame["sex"].unique().to_list() == ["female"] and frame["age"].min() > 45
    assert summary["drawn"] > 256 and 0 < summary["accepted_share"] < 1
    given = tmp_path / "statics.csv"
    given.write_text("sex,drug\nmale,placebo\nfemale,placebo\nfemale,D-penicil\n")
    assert reverie("sample", patients, "--given", given, "--out", out, "--steps", 2, "--force") == 0
    frame = pl.read_csv(out).unique("id", keep="first", maintain_order=True)
    assert frame["sex"].to_list() == ["male", "female", "female"]
    assert frame["drug"].to_list() == ["placebo", "placebo", "D-penicil"]


def test_options_that_were_not_given_leave_the_models_own(reverie, patients, tmp_path, capsys):
    import reverie as library

    assert reverie("sample", patients, "--count", 3, "--out", tmp_path / "new.csv", "--json") == 0
    told = reply(capsys)
    assert {name: told[name] for name in ("sampler", "steps")} == library.load(patients).usual


def test_holes_are_filled_and_what_is_given_stays(reverie, patients, visits, tmp_path, capsys):
    out = tmp_path / "whole.csv"
    assert reverie("impute", patients, visits, "--out", out, "--steps", 2, "--json") == 0
    summary, whole, source = reply(capsys), pl.read_csv(out), pl.read_csv(visits)
    holes = source.null_count().row(0, named=True)
    assert summary["holes"] == {n: {"empty": k, "filled": k} for n, k in holes.items() if k}
    assert whole["serChol"].null_count() == 0 and source["serChol"].null_count() > 0
    assert (
        summary["given_values"]["unchanged"]
        == summary["given_values"]["of"]
        == source.height * source.width - sum(holes.values())
    )
    for name in source.columns:
        given = source[name].is_not_null()
        assert whole.filter(given)[name].equals(source.filter(given)[name])


def test_a_hole_that_is_a_word_is_filled_counted_and_said(reverie, patients, visits, tmp_path, capsys):
    source, holes = pl.read_csv(visits), tmp_path / "NA.csv"
    source.write_csv(holes, null_value="NA")
    assert reverie("impute", patients, holes, "--out", tmp_path / "whole.csv", "--steps", 2, "--json") == 0
    said = capsys.readouterr()
    summary, empty = json.loads(said.out), source["serChol"].null_count()
    assert summary["holes"]["serChol"] == {"empty": empty, "filled": empty} and f"serChol ({empty} cells)" in said.err
    given = source.height * source.width - sum(source.null_count().row(0))
    assert summary["given_values"] == {"unchanged": given, "of": given}


def test_several_draws_stand_below_each_other_numbered(reverie, patients, visits, tmp_path, capsys):
    out = tmp_path / "draws.parquet"
    assert reverie("impute", patients, visits, "--out", out, "--draws", 3, "--steps", 2) == 0
    shown = capsys.readouterr().out
    assert "serChol" in shown and "filled in each draw" in shown
    frame = pl.read_parquet(out)
    assert frame.columns[0] == "draw" and frame["draw"].unique(maintain_order=True).to_list() == [1, 2, 3]
    first, second = (frame.filter(pl.col("draw") == k).drop("draw") for k in (1, 2))
    assert not first["serChol"].equals(second["serChol"])
    assert first.drop("serChol").columns == read_table(visits).frame.drop("serChol").columns


def test_a_forecast_adds_visits_after_the_last(reverie, patients, visits, tmp_path, capsys):
    out = tmp_path / "future.csv"
    assert reverie("impute", patients, visits, "--out", out, "--forecast", 2, "--steps", 2, "--json") == 0
    summary, future, source = reply(capsys), pl.read_csv(out), pl.read_csv(visits)
    assert summary["visits_added"] == 120 and future.height == source.height + 120
    assert summary["given_values"]["unchanged"] == summary["given_values"]["of"]
    assert (future.group_by("id").agg(pl.col("year").diff().min())["year"].drop_nulls() > 0).all()
    assert (
        future.group_by("id", maintain_order=True)
        .head(1)
        .drop("sno.")
        .equals(source.group_by("id", maintain_order=True).head(1).drop("sno."), null_equal=True)
    )


REFUSED = {
    "a table with an option of pictures": (["train", "VISITS", "--out", "NEW", "--size", "8"], "--size is for pictures"),
    "pictures with an option of tables": (["train", "digits", "--out", "NEW", "--id", "who"], "--id is for a table"),
    "pictures with a text for missing": (["train", "digits", "--out", "NEW", "--null", "x"], "--null is for a table"),
    "a rule that is none": (
        ["train", "VISITS", "--out", "NEW", "--duplicates", "drop"],
        "refuse, keep, first, last or mean",
    ),
    "a recipe for pictures": (["train", "VISITS", "--out", "NEW", "--recipe", "ddpm"], "for pictures"),
    "a column that is not there": (["train", "VISITS", "--out", "NEW", "--id", "idd"], "did you mean 'id'"),
    "a schema that is not there": (["train", "VISITS", "--out", "NEW", "--schema", "no.yaml"], "no.yaml"),
    "a table that is not there": (["train", "no.csv", "--out", "NEW"], "no file no.csv"),
    "a run that is there": (["train", "VISITS", "--out", "PATIENTS"], "exists already"),
    "no number": (["sample", "PATIENTS", "--out", "x.csv"], "--count"),
    "a picture of patients": (["sample", "PATIENTS", "--count", "2", "--out", "x.png"], ".csv"),
    "a folder": (["sample", "PATIENTS", "--count", "2", "--out", ".", "--force"], "folder"),
    "clipped patients": (["sample", "PATIENTS", "--count", "2", "--out", "x.csv", "--clip"], "--clip is for pictures"),
    "a condition on pictures": (
        ["sample", "PICTURES", "--count", "2", "--out", "x.png", "--where", "a=1"],
        "class=NAME",
    ),
    "workers for pictures": (["sample", "PICTURES", "--count", "2", "--out", "x.png", "--workers", "2"], "--workers is for"),
    "a table of pictures": (["sample", "PICTURES", "--count", "2", "--out", "x.csv"], "x.csv"),
    "an unknown static": (
        ["sample", "PATIENTS", "--count", "2", "--out", "x.csv", "--where", "sx=male"],
        "did you mean 'sex'",
    ),
    "an unknown level": (["sample", "PATIENTS", "--count", "2", "--out", "x.csv", "--where", "sex=m"], "male"),
    "a wrong number given": (["sample", "PATIENTS", "--count", "2", "--given", "VISITS", "--out", "x.csv"], ""),
    "nothing given": (["sample", "PATIENTS", "--given", "no.csv", "--out", "x.csv"], "no file no.csv"),
    "holes in pictures": (["impute", "PICTURES", "VISITS", "--out", "x.csv"], "no holes to fill"),
    "no table to fill": (["impute", "PATIENTS", "no.csv", "--out", "x.csv"], "no file no.csv"),
    "a wrong name for the filled": (["impute", "PATIENTS", "VISITS", "--out", "x.xlsx"], ".csv"),
    "draws that are none": (["impute", "PATIENTS", "VISITS", "--out", "x.csv", "--draws", "0"], "--draws"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_one_sentence_and_nothing_is_written(
    case, reverie, visits, patients, pictures, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    arguments, words = REFUSED[case]
    places = {"VISITS": visits, "PATIENTS": patients, "PICTURES": pictures}
    capsys.readouterr()
    assert reverie(*(places.get(word, word) for word in arguments)) in (2, 3)
    captured = capsys.readouterr()
    assert words in captured.err and "Traceback" not in captured.err and captured.out == ""
    assert list(tmp_path.iterdir()) == []


BROKEN = {
    "empty": ("a.csv", b"", "a.csv is empty"),
    "cut gzip": ("a.csv.gz", gzip.compress(b"id,year,lab\n1,2,3\n" * 50)[:-9], "not a whole gzip file"),
    "text called Parquet": ("a.parquet", b"id,year,lab\n", "not what its suffix says"),
    "infinite": ("a.csv", b"id,year,lab\n" + b"".join(b"%d,%d,1.5\n" % (k // 4, k % 4) for k in range(40)) + b"9,9,inf\n",
        "row 41"),
    "one patient": ("a.csv", b"id,year,lab\n" + b"".join(b"1,%d,%d.5\n" % (k, k * k % 7) for k in range(40)), "1 patient"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_table_is_exit_3_and_no_run_is_begun(fault, reverie, tmp_path, capsys):
    name, content, words = BROKEN[fault]
    (tmp_path / name).write_bytes(content)
    assert reverie("train", tmp_path / name, "--out", tmp_path / "run", "--id", "id", "--time", "year") == 3
    captured = capsys.readouterr()
    assert words in captured.err and captured.err.count("\n") == 1 and captured.out == ""
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_one_cell_that_the_model_does_not_know_refuses_no_table(reverie, patients, visits, tmp_path, capsys):
    path, out = tmp_path / "other.csv", tmp_path / "whole.csv"
    source = pl.read_csv(visits, infer_schema=False).with_columns(site=pl.lit("A"))
    source = source.with_columns(drug=pl.when(pl.int_range(pl.len()) == 2).then(pl.lit("aspirin")).otherwise("drug"))
    source.write_csv(path)
    assert reverie("impute", patients, path, "--out", out, "--steps", 2, "--columns", "serChol", "--json") == 0
    said = capsys.readouterr()
    assert "'aspirin'" in said.err and "site was a column the model does not know" in said.err
    given = json.loads(said.out)["given_values"]
    assert given["unchanged"] == given["of"] == source.height * source.width - sum(source.null_count().row(0))
    whole = pl.read_csv(out, infer_schema=False)
    assert whole.drop("serChol").equals(source.drop("serChol")) and whole["serChol"].null_count() == 0
