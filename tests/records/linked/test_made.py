"""What is made of linked tables is whole: keys, ends after starts, rows in their parents' time; a function of the seed."""

import copy
import json
import shutil
import sqlite3
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
import torch

import reverie
from reverie.denoisers.event_mask import EventMask
from reverie.denoisers.events import EventNetworkConfig
from reverie.denoisers.naming import Cells, Leveled
from reverie.denoisers.network import Network
from reverie.errors import DamagedError, UsageError
from reverie.export import check_completing, hospital
from reverie.giveaway import run_page
from reverie.manifest import seal, verify
from reverie.models import LinkedModel
from reverie.process import GaussianProcess, path_from_config
from reverie.process.randomness import generator
from reverie.records.linked import LinkedCodec, read_linked
from reverie.records.linked.calibrating import Fitting
from reverie.records.linked.calibration import LinkedCalibration
from reverie.records.linked.questions import Encoded, draw_question
from reverie.records.linked.standards import parts_of
from reverie.records.linked.standards.plain import write_tables

from .conftest import made_up


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of few steps: what must hold holds whatever the network has learned."""
    out = tmp_path_factory.mktemp("linked") / "run"
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    reverie.train(made_up(60), out=out, steps=4, settings=settings)
    return out


@pytest.fixture(scope="module")
def model(run):
    return reverie.load(run)


@pytest.fixture(scope="module")
def made(model):
    return model.sample(140, seed=3)


def test_tables_have_the_columns_and_types_of_those_trained_on(made):
    for name, frame in made_up(60).items():
        assert made[name].schema == frame.schema, name
    assert made["patients"].height == 140 and made["d_tests"].equals(made_up(60)["d_tests"])


def test_every_key_is_new_and_every_key_that_is_named_is_there(made):
    real = made_up(60)
    for table, key in (("patients", "patient_id"), ("stays", "stay_id")):
        assert made[table][key].is_unique().all() and not made[table][key].null_count()
        assert set(made[table][key]).isdisjoint(real[table][key])
    for table, column, other in (
        ("stays", "patient_id", "patients"),
        ("results", "patient_id", "patients"),
        ("drugs", "stay_id", "stays"),
        ("drugs", "patient_id", "patients"),
        ("diagnoses", "stay_id", "stays"),
        ("discharges", "stay_id", "stays"),
    ):
        assert made[table][column].is_in(made[other][column].implode()).all(), table


def test_no_row_above_has_two_where_none_had(made):
    assert made["discharges"]["stay_id"].is_unique().all() and 0 < made["discharges"].height < made["stays"].height


def test_ends_come_after_starts_and_rows_lie_in_their_stay(made):
    stays, drugs = made["stays"], made["drugs"].join(made["stays"], on="stay_id")
    assert (stays["discharged"] >= stays["admitted"]).all()
    assert (drugs.drop_nulls("end_time")["end_time"] >= drugs.drop_nulls("end_time")["start_time"]).all()
    assert ((drugs["start_time"] >= drugs["admitted"]) & (drugs["start_time"] <= drugs["discharged"])).all()
    assert (drugs.drop_nulls("end_time")["end_time"] <= drugs.drop_nulls("end_time")["discharged"]).all()
    letters = made["discharges"].join(stays, on="stay_id")
    assert (letters["written"] >= letters["discharged"]).all()
    whose = made["results"].join(stays, on="patient_id")
    inside = (whose["charttime"] >= whose["admitted"]) & (whose["charttime"] <= whose["discharged"])
    assert whose.with_columns(inside=inside).group_by("patient_id", "charttime").agg(pl.col("inside").any())["inside"].all()


def test_only_units_of_the_tests_trained_on_go_with_them(made):
    units = dict(made_up(60)["results"].select("test_name", "unit").unique().iter_rows())
    assert all(units[name] == unit for name, unit in made["results"].select("test_name", "unit").unique().iter_rows())


def test_the_same_seed_gives_the_same_tables_whatever_the_workers(model, made):
    again = model.sample(140, seed=3, workers=1)
    assert all(again[name].equals(made[name]) for name in made)
    other = model.sample(140, seed=4)
    assert not other["stays"].equals(made["stays"])


def test_the_first_patients_are_the_same_however_many_are_made(model, made):
    few = model.sample(50, seed=3)
    for name in ("patients", "stays", "drugs"):
        of = made[name].filter(pl.col("patient_id").is_in(few["patients"]["patient_id"].implode()))
        plain = [c for c in of.columns if not c.endswith("_id")]
        assert few[name].select(plain).equals(of.select(plain)), name


def test_patients_are_as_they_must_be(model):
    assert (model.sample(40, where=["sex=female"])["patients"]["sex"] == "female").all()
    old = model.sample(40, where=["birth_date<1950-01-01", "sex=female"])["patients"]
    assert old["birth_date"].max() < date(1950, 1, 1) and set(old["sex"]) == {"female"}
    with pytest.raises(UsageError, match="too few to go on"):
        model.sample(5, where=["birth_date<1700-01-01"])
    given = pl.DataFrame({"sex": ["male", "female", "male"]})
    assert model.sample(given=given)["patients"]["sex"].to_list() == ["male", "female", "male"]
    with pytest.raises(UsageError, match="sex"):
        model.sample(5, where=["sx=female"])


def test_a_model_comes_back_from_its_folder(run, model, made):
    assert isinstance(model, LinkedModel) and model.calibration is not None
    assert reverie.load(run).sample(140, seed=3)["results"].equals(made["results"])
    assert json.loads((run / "codec.json").read_text())["kind"] == "linked"


def test_numbers_of_classes_lie_beside_the_codec_and_have_to_be_what_was_written(run, model, tmp_path):
    about = json.loads((run / "codec.json").read_text())
    assert "weights" not in about["classes"]["following"]["stays"]
    assert "codec.safetensors" in json.loads((run / "manifest.json").read_text())["files"]
    again = reverie.load(run)
    assert again.codec.config == model.codec.config and again.digest == model.digest
    other = tmp_path / "other"
    shutil.copytree(run, other)
    sealed = verify(run) - {"codec.safetensors"}
    seal(other, sealed)  # even if someone sealed it without
    whole = (other / "codec.safetensors").read_bytes()
    for left, sentence in ((None, "is missing: copy the folder again"), (whole[:-1] + b"?", "is damaged: it is not what")):
        (other / "codec.safetensors").unlink()
        if left is not None:
            (other / "codec.safetensors").write_bytes(left)
        with pytest.raises(DamagedError, match=f"codec.safetensors {sentence}"):
            reverie.load(other)
        (other / "codec.safetensors").write_bytes(whole)
    reverie.load(other)
    (other / "codec.safetensors").write_bytes(whole[:-1] + b"?")
    seal(other, {*sealed, "codec.safetensors"})
    with pytest.raises(DamagedError, match="is damaged: it is not what was written"):
        reverie.load(other)


def test_files_are_written_as_those_read_and_are_the_same_again(tmp_path):
    for name, frame in made_up(40).items():
        times = [c for c, dtype in frame.schema.items() if dtype == pl.Datetime]
        frame = frame.with_columns(pl.col(times).dt.strftime("%d.%m.%Y %H:%M")) if times else frame
        (tmp_path / "in").mkdir(exist_ok=True)
        frame.write_csv(tmp_path / "in" / f"{name}.csv")
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    model = reverie.train(tmp_path / "in", out=tmp_path / "run", steps=2, settings=settings)
    for out in ("one", "two"):
        hospital(model, 150, tmp_path / out, seed=1)
    files = sorted(path.name for path in (tmp_path / "in").iterdir())
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == files
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)
    stays = pl.read_csv(tmp_path / "one" / "stays.csv", infer_schema=False)
    assert stays["admitted"].str.contains(r"^\d\d\.\d\d\.\d{4} \d\d:\d\d$").all()
    assert (tmp_path / "one" / "d_tests.csv").read_bytes() == (tmp_path / "in" / "d_tests.csv").read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_table_that_others_only_speak_of_is_not_written(tmp_path):
    tables = made_up(40)
    del tables["patients"]
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    model = reverie.train(tables, out=tmp_path / "run", steps=2, settings=settings)
    for where in ([], ["count(stays)>=2"]):
        made = model.sample(30, where=where)
        assert made.keys() == tables.keys() and made["stays"]["patient_id"].n_unique() == 30
    assert made["stays"].group_by("patient_id").len()["len"].min() >= 2


def test_no_table_leads_out_of_the_folder(tmp_path, model):
    forms = replace(model.codec.forms, forms={**model.codec.forms.forms, "../stays": model.codec.forms.forms["stays"]})
    codec = LinkedCodec(forms, model.codec.codecs, model.codec.shares, model.codec.blocks, model.codec.keys, {})
    with pytest.raises(UsageError, match="no file can be called"):
        hospital(replace(model, codec=codec), 5, tmp_path / "made")
    assert not list(tmp_path.iterdir())
    database = tmp_path / "in.db"
    sqlite3.connect(database).executescript(
        "CREATE TABLE patients (patient_id, sex); INSERT INTO patients VALUES ('P1', 'F'), ('P2', 'M');"
        "CREATE TABLE \"../stays\" (stay_id, patient_id); INSERT INTO \"../stays\" VALUES (1, 'P1'), (2, 'P2');"
    )
    for suffix in (".csv", ".parquet"):
        with pytest.raises(UsageError, match="no file can be called"):
            write_tables(parts_of(read_linked(database), 10), tmp_path / "out", suffix)
    assert list(tmp_path.iterdir()) == [database]


def test_training_is_a_function_of_the_seed(tmp_path):
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    whole = reverie.train(made_up(30), out=tmp_path / "whole", steps=4, settings=settings)
    torch.manual_seed(5)
    again = reverie.train(made_up(30), out=tmp_path / "again", steps=4, settings=settings)
    for a, b in zip(whole.denoiser.module.parameters(), again.denoiser.module.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_run_begins_from_another_of_the_same_tables(run, tmp_path):
    settings = {"batch": 16, "holdout": 0.3}
    with pytest.raises(UsageError, match="holdout"):
        reverie.train(made_up(60), out=tmp_path / "again", steps=2, parent=run, settings=settings)
    more = reverie.train(made_up(30, seed=7), out=tmp_path / "more", steps=2, parent=run, settings={"batch": 16})
    assert more.config.parent is not None and more.codec.config == reverie.load(run).codec.config
    fewer = {name: frame for name, frame in made_up(30, seed=7).items() if name != "drugs"}
    with pytest.raises(UsageError, match="drugs"):
        reverie.train(fewer, out=tmp_path / "fewer", steps=2, parent=run)


def test_an_answer_hangs_on_the_own_unit_alone(grown, codec):
    encoded, randomness = Encoded.of(codec, grown), generator(1, "network")
    config = EventNetworkConfig(width=16, layers=2, heads=2)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        network = config.build(codec.channels, codec.channels).eval()
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    unit = encoded.unit("patients", np.arange(12)[:, None], randomness)
    asked, x_t = draw_question(unit, randomness), torch.randn(unit.values.shape, generator=randomness)
    t = torch.linspace(10, 900, len(unit))
    denoiser = Network(GaussianProcess(path_from_config({"name": "cosine", "steps": 1000})), network)
    with torch.no_grad():
        together = denoiser(x_t, t.long(), asked).clean
        longest = int(asked.attention_mask.sum(1).max())
        for i in range(len(unit)):
            alone = denoiser(x_t[i : i + 1, :longest], t[i : i + 1].long(), _cut(asked[slice(i, i + 1)], longest)).clean
            here = asked.target_mask[i, :longest]
            assert torch.allclose(together[i, :longest][here], alone[0][here], atol=1e-4)


def _cut(asked, longest):
    return EventMask(*(getattr(asked, name)[:, :longest] for name in asked.__dataclass_fields__))


def test_scores_are_put_right_by_ranks_and_the_rest_stays():
    drawn = torch.randn(2000, 2, generator=generator(0, "drawn")) * 0.5 + 1
    real = torch.randn(2000, 2, generator=generator(0, "real"))
    fitting = Fitting({("a", "rows"): real}, {}, lambda *_: np.zeros(len(real), dtype=np.int64))
    asked = torch.tensor([True, False]).expand(2000, 2)
    none = np.zeros(2000, dtype=np.int64)
    right = fitting("a", 4, drawn, asked, none)
    assert abs(float(right[:, 0].mean())) < 0.02 and abs(float(right[:, 0].std()) - 1) < 0.03
    assert torch.equal(right[:, 1], drawn[:, 1])
    assert (torch.argsort(right[:, 0]) == torch.argsort(drawn[:, 0])).float().mean() > 0.99
    again = LinkedCalibration.from_config(json.loads(json.dumps(fitting.done.config)))
    assert torch.allclose(again("a", 4, drawn, asked, none), right, atol=1e-3)


def test_levels_that_come_too_seldom_come_as_often_as_they_did():
    """Of a network that draws levels by shares of its own, and what it is told to add to their logarithms."""
    ends = np.array([-np.inf, -1.0, 1.0, np.inf])[:, None]
    cells = Cells(2, (Leveled((0,), ends[:-1], ends[1:]),))
    real = torch.randn(4000, 2, generator=generator(0, "real"))
    fitting = Fitting({("a", "rows"): real}, {("a", "rows"): cells}, lambda *_: np.zeros(4000, dtype=np.int64))
    asked, own = torch.tensor([True, False]).expand(4000, 2), torch.tensor([0.6, 0.39, 0.01]).log()
    for turn in range(4):
        shares = (own + fitting.tilts["a", "rows"]).softmax(0)
        level = torch.multinomial(shares, 4000, replacement=True, generator=generator(turn, "drawn"))
        drawn = torch.stack([torch.tensor([-2.0, 0.0, 2.0])[level], torch.zeros(4000)], 1)
        assert torch.equal(fitting("a", 4, drawn, asked, np.zeros(4000, dtype=np.int64)), drawn)  # levels have no map
        fitting.weigh(("a", "rows"), drawn, asked)
    assert torch.allclose((own + fitting.tilts["a", "rows"]).softmax(0), torch.tensor([0.159, 0.683, 0.159]), atol=0.05)
    again = LinkedCalibration.from_config(json.loads(json.dumps(fitting.done.config)))
    assert torch.allclose(again.tilts["a", "rows"], fitting.done.tilts["a", "rows"], atol=1e-5)
    assert again.sharper == fitting.done.sharper


def test_a_calibration_of_before_levels_were_put_right_is_read():
    one = LinkedCalibration.from_config({"a\nrows": [None, [[-1.0, 1.0], [-2.0, 2.0]]]})
    scores = torch.tensor([[0.5, 0.5]])
    right = one("a", 4, scores, torch.ones(1, 2, dtype=torch.bool), np.zeros(1, dtype=np.int64))
    assert torch.allclose(right, torch.tensor([[0.5, 1.0]]))
    assert not one.tilts and one.sharper == 1.0


def test_a_tilted_network_says_what_it_says_and_so_much_more_of_levels(model):
    network, cells = copy.deepcopy(model.denoiser.module), model.codec.cells
    number = list(model.codec.codecs).index("stays")
    name, tilt = f"row_{number}", torch.linspace(-1, 1, cells["stays", "rows"].levels)
    with torch.no_grad():
        for last in network.write[name].levels:
            last.weight.normal_(generator=generator(0, "weights"))
    other, z = network.tilted(1.5, {name: tilt}), torch.randn(3, network.write[name].cells.in_features)
    said, more = (torch.cat([last(z) for last in of.write[name].levels], 1) for of in (network, other))
    assert torch.allclose(more, 1.5 * said + tilt, atol=1e-5)
    assert all(torch.equal(a, b) for a, b in zip(network.read.parameters(), other.read.parameters(), strict=True))


def test_blocks_in_bf16_answer_nearly_the_same_and_leave_the_network_as_it_was(grown, codec):
    module = EventNetworkConfig(width=32, layers=2, heads=2).build(codec.channels, codec.channels).eval()
    with torch.no_grad():
        for number, weight in enumerate(module.parameters()):
            weight.copy_(0.1 * torch.randn(weight.shape, generator=generator(0, "weights", number)))
    unit = Encoded.of(codec, grown).unit("patients", np.arange(12)[:, None], None)
    asked, x_t = draw_question(unit, generator(0, "question")), torch.randn(unit.values.shape, generator=generator(0, "x"))
    process = GaussianProcess(path_from_config({"name": "cosine", "steps": 1000}))

    def answer(of):
        with torch.no_grad():
            return Network(process, of)(x_t, torch.full((len(unit),), 500), asked).clean[asked.target_mask]

    before, fewer = answer(module), answer(module.blocks_in(torch.bfloat16))
    assert torch.allclose(fewer, before, atol=0.03) and not torch.equal(fewer, before)
    assert torch.equal(answer(module), before)


def test_a_question_that_is_asked_again_of_other_weights_is_answered_by_those(grown, codec):
    module = EventNetworkConfig(width=16, layers=1, heads=2).build(codec.channels, codec.channels).eval()
    network = Network(GaussianProcess(path_from_config({"name": "cosine", "steps": 1000})), module)
    stays = [np.array([row]) for row in range(len(grown.frames["stays"]))]
    unit = Encoded.of(codec, grown).unit("stays", stays, None)
    asked, x_t = draw_question(unit, generator(0, "question")), torch.randn(unit.values.shape, generator=generator(0, "x"))

    def answer(condition, seed=None):
        for number, weight in enumerate(module.parameters() if seed is not None else ()):
            weight.copy_(0.1 * torch.randn(weight.shape, generator=generator(seed, "weights", number)))
        return network(x_t, torch.full((len(unit),), 500), condition).clean[asked.target_mask]

    with torch.no_grad():
        one, other, fresh = answer(asked, 1), answer(asked, 2), answer(replace(asked))
    with torch.inference_mode():
        first, again = answer(asked), answer(asked)
    assert not torch.allclose(one, other) and torch.equal(other, fresh)
    assert torch.equal(other, first) and torch.equal(first, again)


def test_keys_of_rows_that_hold_their_patients_key_do_so_again():
    tables = made_up(40)
    tables["stays"] = tables["stays"].with_columns(
        pl.format("{}-{}", "patient_id", pl.col("stay_id").str.slice(1)).alias("stay_id")
    )
    from reverie.records.linked import LinkedForms, read_linked
    from reverie.records.linked.growing import grow
    from reverie.records.linked.names import Keys

    read = read_linked({name: tables[name] for name in ("patients", "stays", "results")})
    grown = grow(read)
    keys = Keys.fit(LinkedForms.of(read.schema, grown), grown)
    made = keys.new("stays", 1, 2, pl.Series(["P0099", "P0100"]))
    assert made.to_list()[0].startswith("P0099-0") and made.to_list()[1].startswith("P0100-0")
    assert made.is_unique().all() and Keys.from_config(json.loads(json.dumps(keys.config))).config == keys.config


def test_what_linked_tables_do_not_take_is_refused_in_a_sentence(tmp_path, run, model):
    with pytest.raises(UsageError, match="`id` is for"):
        reverie.train(made_up(20), out=tmp_path / "run", steps=1, identifier="patient_id")
    with pytest.raises(UsageError, match="epsilon"):
        reverie.train(made_up(20), out=tmp_path / "run", steps=1, epsilon=3.0)
    with pytest.raises(UsageError, match="recipe"):
        reverie.train(made_up(20), out=tmp_path / "run", steps=1, recipe="records")
    for call in (
        lambda: model.sample_to(tmp_path / "made", 5),
        lambda: model.on("onnx"),
        lambda: reverie.distill(run, tmp_path / "few", calls=1),
        lambda: run_page(model, "run"),
        lambda: check_completing(model, 1, "run"),
    ):
        with pytest.raises(UsageError, match=r"linked tables|no graph"):
            call()
