"""Linked tables are a tree of tables of visits: what is read off them is written back, but for keys."""

import json
from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
import torch

import reverie
from reverie.config import resolve
from reverie.process.randomness import generator
from reverie.records.linked import LinkedCodec, LinkedForms, read_linked
from reverie.records.linked.bound import Bound
from reverie.records.linked.fitting import fit_tables
from reverie.records.linked.form import Form
from reverie.records.linked.growing import grow
from reverie.records.linked.lists import Listed
from reverie.records.linked.making import Keyed, frames_of
from reverie.records.linked.questions import Encoded, counting, draw_question
from reverie.records.linked.scored import Scored
from reverie.sources import LinkedSource

from .conftest import made_up


def test_rows_that_name_no_stay_hang_on_the_one_in_whose_time_they_lie(hospital, grown):
    parents = {branch.table: branch.parent for branch in grown.tree.branches}
    assert parents == {
        "patients": None, "stays": "patients", "results": "stays", "drugs": "stays", "diagnoses": "stays",
        "discharges": "stays",
    }  # fmt: skip
    assert grown.tree.beside("stays") == ["discharges"] and "discharges" not in grown.tree.children("stays")
    assert grown.tree["results"].tie is None and grown.tree.carried == ("d_tests",)
    stays, results = grown.frames["stays"], grown.frames["results"]
    begun, ended = (stays[c].gather(grown.parents["results"]) for c in ("admitted", "discharged"))
    assert ((results["charttime"] >= begun) & (results["charttime"] <= ended)).all()
    assert results.height == hospital.frames["results"].height


def test_rows_of_nobody_are_left_out_and_counted():
    tables = made_up(30)
    lost = tables["drugs"].head(3).with_columns(pl.lit("S99999").alias("stay_id"))
    tables["drugs"] = pl.concat([tables["drugs"], lost.with_columns(dose=pl.lit(7, pl.Int64))])
    grown = grow(read_linked(tables))
    assert any("drugs: 3 rows were of no row of stays" in note for note in grown.notes)


def test_patients_are_taken_with_all_that_hangs_on_them(grown):
    some = grown.take(np.arange(0, 60, 7))
    names = set(some.frames["patients"]["patient_id"])
    for table in ("stays", "results", "drugs"):
        whole = grown.frames[table].filter(pl.col("patient_id").is_in(names))
        assert some.frames[table].equals(whole), table
    for table, parents in some.parents.items():
        assert (np.diff(parents) >= 0).all() and len(parents) == some.frames[table].height


def test_a_form_brings_its_rows_back(grown, codec):
    for branch in grown.tree.branches:
        table, frame = branch.table, grown.frames[branch.table]
        form = Form.from_config(json.loads(json.dumps(codec.forms.forms[table].config)))
        above = None if branch.parent is None else grown.frames[branch.parent]
        rows = np.arange(frame.height) if above is None else grown.parents[table]
        back = form.rows(form.visits(frame, rows, above), above)
        assert back.equals(frame.select(back.columns)), table
        assert set(frame.columns) - set(back.columns) == set(form.gone) - set(form.optional)


def test_what_follows_from_a_code_is_looked_up_and_its_values_are_scored_by_it(codec):
    form = codec.forms.forms["results"]
    assert form.follows["unit"][0] == "test_name" and form.scored["value"].code == "test_name"


def test_scores_are_of_the_values_of_their_code():
    frame = pl.DataFrame({"test": ["a", "b"] * 200, "x": [float(i if i % 2 else i / 1000) for i in range(400)]})
    scored = Scored.fit(frame, "x", "test")
    scores = scored.scores(frame["x"], frame["test"])
    for code in ("a", "b"):
        of_code = scores.filter(frame["test"] == code)
        assert abs(float(of_code.mean())) < 0.01 and abs(float(of_code.std()) - 1) < 0.05  # pyright: ignore
    made = scored.cells(pl.Series("x", [0.0, 0.0, None]), pl.Series(["a", "b", "a"]), pl.Float64())
    assert made[0] < 1 < 100 < made[1] and made[2] is None


def test_a_codec_is_its_config(codec):
    again = LinkedCodec.from_config(json.loads(json.dumps(codec.config)))
    assert again.config == codec.config and [k.width for k in again.channels] == [k.width for k in codec.channels]
    assert again.lookups["d_tests"].equals(codec.lookups["d_tests"])


def as_made(encoded):
    """What was encoded as if it had been made: the middles of all intervals."""
    return {table: coded.drawn(None) for table, coded in encoded.coded.items()}


def test_decoding_what_was_encoded_gives_the_tables_but_for_keys(hospital, grown, codec):
    rows = frames_of(Bound(codec, as_made(Encoded.of(codec, grown))), len(grown))
    tables = Keyed(codec).tables(rows)
    for table, frame in tables.items():
        form, real = codec.forms.forms[table], grown.frames[table]
        assert frame.schema == real.schema
        plain = [c for c in frame.columns if c not in form.gone]
        assert frame.select(plain).equals(real.select(plain)), table
    assert tables["stays"]["patient_id"].n_unique() == grown.frames["stays"]["patient_id"].n_unique()


def test_new_keys_go_on_where_those_seen_end_and_every_key_that_is_named_is_there(grown, codec):
    tables = Keyed(codec).tables(frames_of(Bound(codec, as_made(Encoded.of(codec, grown))), len(grown)))
    assert tables["patients"]["patient_id"].to_list()[:2] == ["P0061", "P0062"]
    assert tables["stays"]["stay_id"].is_unique().all() and tables["stays"]["stay_id"][0].startswith("S0")
    assert set(tables["stays"]["stay_id"]).isdisjoint(grown.frames["stays"]["stay_id"])
    ties = (("stays", "patient_id", "patients"), ("drugs", "stay_id", "stays"), ("results", "patient_id", "patients"))
    for table, column, other in ties:
        assert tables[table][column].is_in(tables[other][column].implode()).all()
    whose = tables["drugs"].join(tables["stays"], on="stay_id")
    assert (whose["patient_id"] == whose["patient_id_right"]).all()  # a drug's patient is that of its stay


def test_a_question_asks_for_one_stage_and_gives_all_that_is_made_before(grown, codec):
    encoded, randomness, seen = Encoded.of(codec, grown), generator(0, "test"), set()
    for _ in range(6):
        for unit in encoded.laid_out(torch.randint(0, len(encoded), (64,), generator=randomness), randomness):
            asked = draw_question(unit, randomness)
            assert not (asked.observed_mask & asked.target_mask).any()
            assert not (asked.target_mask & ~unit.known).any() and not (asked.observed_mask & ~unit.known).any()
            stage = torch.where(asked.target_mask, unit.stage.long(), -1).flatten(1).amax(1)
            least = torch.where(asked.target_mask, unit.stage.long(), 9).flatten(1).amin(1)
            some = asked.target_mask.flatten(1).any(1)
            assert (stage[some] == least[some]).all()
            earlier = unit.known & (unit.stage < stage[:, None, None]) & asked.attention_mask[..., None]
            earlier &= unit.classes == 0 if unit.classes is not None else True  # which is not told at times
            assert (asked.observed_mask | ~earlier)[some].all()
            early = some & (stage < 5)
            assert asked.hours[early][~unit.given[early]].isnan().all()  # no time is told before it is made
            counting_ = some & (stage < 4)
            alone = asked.attention_mask[counting_] & unit.rows[counting_]
            assert not alone.any() and not asked.left[counting_].any()  # nor how many rows, where that is asked
            seen |= set(stage.tolist())
    assert seen >= {0, 1, 2, 3, 4, 5} - {0}


def test_what_all_cells_of_a_stage_count_hangs_on_no_number():
    asked = torch.ones(1, 10, 1, dtype=torch.bool)
    stage = torch.tensor([[2] * 1 + [5] * 9], dtype=torch.int8)[..., None]
    weights = counting(stage, asked)
    assert weights.sum() == pytest.approx(10) and weights[0, 0, 0] == pytest.approx(0.3 * weights[0, 1:].sum())


def test_two_tables_of_patients_are_refused():
    from reverie.errors import DataError

    tables = read_linked(made_up(20))
    twice = tables.schema.tables[0].model_copy(update={"name": "people"})
    schema = tables.schema.model_copy(update={"tables": (*tables.schema.tables, twice)})
    other = type(tables)({**tables.frames, "people": tables.frames["patients"]}, schema, "two")
    with pytest.raises(DataError, match="one table of patients"):
        grow(other)


def test_a_table_of_keys_alone_is_made_too():
    tables = made_up(30)
    tables["seen_by"] = tables["stays"].select("stay_id")
    grown = grow(read_linked(tables))
    forms = LinkedForms.of(read_linked(tables).schema, grown)
    codec = LinkedCodec.fit(forms, grown, {})
    made = Keyed(codec).tables(frames_of(Bound(codec, as_made(Encoded.of(codec, grown))), len(grown)))
    assert made["seen_by"].columns == ["stay_id"] and made["seen_by"].height == tables["stays"].height


def test_numbers_that_are_called_codes_are_names_and_phrases_that_recur_too():
    tables = made_up(60)
    rows = tables["diagnoses"].height
    tables["diagnoses"] = tables["diagnoses"].with_columns(
        snomed_code=pl.Series([1000 + 37 * (i % 50) for i in range(rows)]),
        comment=pl.Series([f"seen on the ward, number {'abc'[i % 3]} of three" for i in range(rows)]),
    )
    read = read_linked(tables)
    columns = LinkedForms.of(read.schema, grow(read)).columns["diagnoses"]
    assert columns["snomed_code"].kind == columns["comment"].kind == "categorical"


def test_what_is_called_a_key_and_is_the_same_in_all_rows_is_written_as_it_is():
    tables = made_up(30)
    tables["stays"] = tables["stays"].with_columns(admission=pl.lit("ADMISSION//ER"), mrn=pl.lit("M1"))
    read = read_linked(tables)
    columns = LinkedForms.of(read.schema, grow(read)).columns["stays"]
    assert columns["admission"].kind == "constant" and columns["mrn"].kind == "number"  # the second tells of a person


def test_patients_who_refer_to_their_stays_name_the_first_of_them():
    tables = made_up(30)
    first = tables["stays"].group_by("patient_id", maintain_order=True).first().select("patient_id", "stay_id")
    tables["patients"] = tables["patients"].join(first, on="patient_id", how="left", maintain_order="left")
    read = read_linked(tables)
    assert any(note.startswith("patients.stay_id refers to stays, which refers to patients") for note in read.notes)
    grown = grow(read)
    codec = LinkedCodec.fit(LinkedForms.of(read.schema, grown), grown, {})
    made = Keyed(codec).tables(frames_of(Bound(codec, as_made(Encoded.of(codec, grown))), len(grown)))
    named = made["patients"].join(made["stays"], on="stay_id", how="left")
    assert (named["patient_id"] == named["patient_id_right"]).all()
    assert named["stay_id"].equals(made["stays"].group_by("patient_id", maintain_order=True).first()["stay_id"])


def test_a_row_that_may_name_a_stay_names_the_one_that_had_begun_by_then():
    tables = made_up(40)
    in_stay = pl.int_range(pl.len()) % 2 == 0
    long_before = pl.col("start_time") - pl.duration(days=400)
    tables["drugs"] = tables["drugs"].with_columns(
        stay_id=pl.when(in_stay).then("stay_id"), start_time=pl.when(in_stay).then("start_time").otherwise(long_before)
    )
    read = read_linked(tables)
    grown = grow(read)
    assert grown.tree["drugs"].parent == "patients"
    codec = LinkedCodec.fit(LinkedForms.of(read.schema, grown), grown, {})
    made = Keyed(codec).tables(frames_of(Bound(codec, as_made(Encoded.of(codec, grown))), len(grown)))
    now, then = (f["drugs"].join(f["stays"], on="stay_id", how="left", maintain_order="left") for f in (made, grown.frames))
    assert now["admitted"].equals(then["admitted"]) and now["admitted"].null_count() == (tables["drugs"].height // 2)


def test_cells_that_are_lists_are_learned_thing_by_thing_and_written_back():
    tables, draw = made_up(60), np.random.default_rng(0)
    conditions = ["I10", "E11.9", "J45", "F32"]
    lists = [[c for c in conditions if draw.random() < 0.5] for _ in range(60)]
    tables["patients"] = tables["patients"].with_columns(conditions=pl.Series(["|".join(one) or None for one in lists]))
    grown = grow(read_linked(tables))
    codec = LinkedCodec.fit(LinkedForms.of(read_linked(tables).schema, grown), grown, {})
    assert {f"conditions: {c}" for c in conditions} <= set(codec.codecs["patients"].schema.names)
    codec = LinkedCodec.from_config(json.loads(json.dumps(codec.config)))
    made = Keyed(codec).tables(frames_of(Bound(codec, as_made(Encoded.of(codec, grown))), len(grown)))
    assert made["patients"]["conditions"].equals(tables["patients"]["conditions"])


def test_patients_whose_rows_have_no_time_of_their_own_are_coded_as_those_whose_rows_have():
    frames = made_up(30)
    late = pl.col("stay_id") == frames["discharges"]["stay_id"][-1]
    at = frames["discharges"].join(frames["stays"].select("stay_id", "discharged"), on="stay_id", maintain_order="left")
    written = pl.when(late).then("written").otherwise("discharged").alias("written")
    tables = read_linked({**frames, "discharges": at.with_columns(written).drop("discharged")})
    grown = grow(tables)
    forms = LinkedForms.of(tables.schema, grown)
    assert "discharges.since" in forms.columns["stays"].names  # one letter was written later than its stay ended
    part = grown.take(np.arange(25))
    codec = LinkedCodec.fit(forms, part, {})
    assert codec.encode(part)["stays"].rows.shape[1] == part.frames["stays"].height


@pytest.mark.parametrize("separator", ["|", " | ", ";", "; ", ",", ", "])
def test_lists_are_written_with_what_parts_their_things(separator):
    draw, things = np.random.default_rng(0), ["I10", "E11.9", "J45", "F32"]
    cells = pl.Series("c", [separator.join(t for t in things if draw.random() < 0.5) or None for _ in range(60)])
    listed = Listed.of(cells)
    assert listed is not None and listed.separator == separator
    assert listed.cells(pl.DataFrame(list(listed.visits(cells)))).to_list() == cells.to_list()
    assert Listed.of(pl.Series("c", ["pain, left", "pain, right", "cough"] * 20)) is None  # names that hold a comma


def test_dates_and_truth_values_of_lookups_come_back_from_a_model(hospital_tables):
    tables = hospital_tables(20)
    tables["d_tests"] = tables["d_tests"].with_columns(since=pl.lit(date(1970, 1, 1)), used=pl.lit(True))
    source = LinkedSource.read(tables)
    config = resolve(source.about, 0, "linked", {})
    codec = source.fit_codec(config, source.split(config), print)
    again = LinkedCodec.from_config(codec.config).lookups["d_tests"]
    assert again.equals(codec.lookups["d_tests"]) and again["since"][0] == "1970-01-01"


def results(cells=("neg", "neg", "<0.5", "<0.5", "<0.5", "12.3*")):
    """Tests of patients, numbers of which a few are not, in a long table."""
    draw, rows = np.random.default_rng(0), []
    for p in range(60):
        for n in range(20):
            test = ("sodium", "crp", "potassium")[n % 3]
            value = {"sodium": draw.normal(140, 3), "crp": draw.gamma(2, 8) + 1, "potassium": draw.normal(4, 0.4)}[test]
            cell = cells[p % len(cells)] if n == 1 else f"{value:.1f}"
            rows.append((f"P{p}", datetime(2026, 1, 1 + n), test, cell))
    patients = pl.DataFrame({"patient_id": [f"P{p}" for p in range(60)], "sex": ["f", "m"] * 30})
    return {
        "patients": patients,
        "results": pl.DataFrame(rows, schema=["patient_id", "taken", "test", "value"], orient="row"),
    }


def test_numbers_with_words_limits_and_flags_among_them_stay_numbers(tmp_path):
    read = read_linked(results())
    assert read.frames["results"].schema["value"] == pl.Float64
    assert any("'neg' among numbers is kept" in note and "flags" in note for note in read.notes)
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    model = reverie.train(results(), out=tmp_path / "run", steps=1, settings=settings)
    made = model.codec.spelled("results", model.sample(60, seed=1)["results"])
    crp, sodium = (made.filter(pl.col("test") == test)["value"] for test in ("crp", "sodium"))
    words = {"neg", "<0.5"}
    assert words & set(crp) and not words & set(sodium)
    numbers = crp.filter(~crp.is_in(list(words))).cast(pl.Float64)
    assert numbers.min() >= 1.0 and sodium.cast(pl.Float64).min() > 120
    given = results()
    given["results"] = given["results"].with_columns(
        value=pl.when(pl.int_range(pl.len()) % 10 == 3).then(None).otherwise("value")
    )
    fitted = fit_tables(model.codec, given)
    seen = fitted.grown.frames["results"]["value"]
    assert seen.null_count() == 120 and seen.min() == read.frames["results"]["value"].min()


def test_one_cell_of_text_among_numbers_is_told_with_what_helps():
    tables = results(("1.5",))
    odd = (
        tables["results"]
        .with_row_index()
        .with_columns(value=pl.when(pl.col("index") == 4).then(pl.lit("3W-03")).otherwise("value"))
    )
    (note,) = (note for note in read_linked({**tables, "results": odd.drop("index")}).notes if "3W-03" in note)
    assert "results: value is read as text: '3W-03' (data row 5) is none of its 1,199 numbers; correct it" in note
