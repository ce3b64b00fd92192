"""`reverie study`: results to stdout, messages to stderr, sentences and exit codes for what is wrong."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from reverie.cli.study import app
from reverie.errors import DataError, ReverieError, UsageError


def run(*arguments):
    """What the command wrote to stdout and stderr; a ReverieError is raised as it reaches main()."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="reverie study")
    if isinstance(result.exception, ReverieError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
    return path


def test_analyse_prints_a_table_and_draws(photo, tmp_path):
    result = run("analyse", photo, "--steps", "5", "--out", tmp_path / "strip.png")
    assert result.exit_code == 0
    assert all(word in result.stdout for word in ("alpha_bar", "SNR, dB", "1000"))
    assert "figure:" in result.stderr and "figure:" not in result.stdout
    assert Image.open(tmp_path / "strip.png").size[0] > 500


def test_json_is_the_librarys_reply_with_a_timestamp(photo):
    from reverie.studies import analyse, forward, walk

    for command, study in (("analyse", analyse(str(photo), seed=4)), ("forward", forward(str(photo), seed=4))):
        reply = json.loads(run(command, photo, "--seed", "4", "--json", "--images").stdout)
        assert "T" in reply.pop("timestamp")
        assert reply == json.loads(json.dumps(study.reply(images=True)))
    reply = json.loads(run("walk", "digits:3", "--json").stdout)
    assert reply.pop("timestamp") and reply == walk("digits:3").reply()


def test_a_seed_gives_the_same_figure_to_the_last_byte(tmp_path):
    for name in ("a.png", "b.png"):
        run("walk", "digits:5", "--seed", "9", "--out", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_forward_takes_its_steps():
    assert list(json.loads(run("forward", "--at", "0, 7,1000", "--json").stdout)["results"]) == ["t_0", "t_7", "t_1000"]
    with pytest.raises(UsageError, match="--at takes whole numbers"):
        run("forward", "--at", "1,x")
    with pytest.raises(UsageError, match=r"0\.\.1000, but one is 1001"):
        run("forward", "--at", "1001")


def test_walk_writes_both_figures(tmp_path):
    result = run("walk", "--out", tmp_path / "a.png", "--pair", tmp_path / "b.png", "--start", "20")
    assert "ends exactly at x_0: yes" in result.stdout and "oracle" in result.stdout
    assert (tmp_path / "a.png").stat().st_size > 5000 and (tmp_path / "b.png").stat().st_size > 5000


def test_reverse_writes_its_strip_and_its_final_picture(tmp_path):
    options = ("--width", "16", "--height", "8", "--steps", "10")
    result = run("reverse", *options, "--out", tmp_path / "a.png", "--final", tmp_path / "b.png")
    assert "exact" in result.stdout and Image.open(tmp_path / "b.png").size == (16, 8)
    reply = json.loads(run("reverse", *options, "--json", "--eta", "0.5").stdout)
    assert len(reply["results"]) == 10 and reply["metadata"]["evidence"] == "exact"
    assert reply["results"]["step_0"]["eta"] == 0.5 and reply["final_image"] is None


def test_reverse_uses_a_model_and_its_size(monkeypatch, tmp_path):
    import reverie
    from reverie.config import RunConfig, Source
    from reverie.denoisers import KnownSample
    from reverie.images import ImageCodec
    from reverie.models import PictureModel
    from reverie.process import GaussianProcess, NoiseSchedule

    codec, process = ImageCodec(8, 8, 1, classes=("light", "dark")), GaussianProcess(NoiseSchedule.cosine(50))
    denoiser = KnownSample(process, codec.encode(np.full((1, 8, 8, 1), 77, np.uint8)))
    model = PictureModel(RunConfig(source=Source(name="x")), codec, denoiser)
    monkeypatch.setattr(reverie, "load", lambda path: model, raising=False)
    run("reverse", "--model", "runs/x", "--steps", "10", "--final", tmp_path / "a.png")
    assert (np.asarray(Image.open(tmp_path / "a.png")) == 77).all()
    for extra in (("--schedule", "cosine"), ("--set", "steps=5")):
        with pytest.raises(UsageError, match="a schedule of its own"):
            run("reverse", "--model", "runs/x", *extra)
    with pytest.raises(UsageError, match="8 x 8, not 64 x 8"):
        run("reverse", "--model", "runs/x", "--width", "64")
    guided = run("reverse", "--model", "runs/x", "--where", "class=dark", "--guidance", "2", "--json")
    metadata = json.loads(guided.stdout)["metadata"]
    assert metadata["denoiser"] == "the model in runs/x, of class dark, guidance 2" and metadata["calls"] == 100
    with pytest.raises(UsageError, match="--where is of a model"):
        run("reverse", "--where", "class=dark")


def test_statistics_and_schedules(tmp_path):
    reply = json.loads(run("statistics", "--schedule", "cosine", "--set", "steps=500", "--json").stdout)
    assert reply["config"]["num_timesteps"] == 500
    assert "alpha_bar" in run("statistics").stdout
    result = run("schedules", "linear", "cosine", "--out", tmp_path / "a.png")
    assert "linear" in result.stdout and "cosine" in result.stdout and (tmp_path / "a.png").exists()
    assert {"linear", "sigmoid"} < set(json.loads(run("schedules", "--json").stdout))


def test_a_number_may_be_written_with_an_exponent():
    reply = json.loads(run("statistics", "--set", "beta_min=1e-5", "--json").stdout)
    assert reply["config"]["beta_min"] == 1e-5
    reply = json.loads(run("statistics", "--schedule", "from_betas", "--set", "betas=[1e-2, 0.5, 0.99]", "--json").stdout)
    assert reply["beta_statistics"]["first"] == 0.01


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (("analyse", "nowhere.png"), DataError, r"nowhere\.png does not exist"),
        (("analyse", "digits:5000"), UsageError, r"indices are 0\.\.1796"),
        (("analyse", "--schedule", "linaer"), UsageError, "did you mean 'linear'"),
        (("analyse", "--set", "beta_mx=0.1"), UsageError, "did you mean 'beta_max'"),
        (("analyse", "--set", "beta_max"), UsageError, "key=value"),
        (("analyse", "--set", "beta_max=much"), UsageError, "beta_max of a schedule must be a number"),
        (("analyse", "--set", "beta_max=[1]"), UsageError, "beta_max of a schedule must be a number"),
        (("statistics", "--schedule", "from_betas"), UsageError, "needs the setting betas"),
        (("analyse", "--out", "strip.jpg"), UsageError, r"name the output strip\.png"),
        (("walk", "--out", "a.png", "--pair", "a.png"), UsageError, "two outputs"),
        (("walk", "--start", "201"), UsageError, r"1\.\.200"),
        (("walk", "--set", "steps=300"), UsageError, "name it with --schedule"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(arguments, error, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=sentence) as caught:
        run(*arguments)
    assert caught.value.exit_code == {UsageError: 2, DataError: 3}[error]
    assert "\n" not in str(caught.value) and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyse", "--steps", "4"),
        ("analyse", "--steps", "101"),
        ("reverse", "--width", "7"),
        ("reverse", "--height", "1025"),
        ("reverse", "--steps", "9"),
        ("reverse", "--eta", "1.1"),
        ("walk", "--start", "0"),
        ("analyse", "--unknown"),
    ],
)
def test_options_out_of_range_exit_with_2(arguments):
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("command", ["analyse", "forward", "walk", "schedules", "reverse"])
def test_no_output_is_overwritten_without_force(command, tmp_path):
    path = tmp_path / "mine.png"
    path.write_text("mine")
    small = ("--width", "8", "--height", "8", "--steps", "10") if command == "reverse" else ()
    with pytest.raises(UsageError, match="--force"):
        run(command, *small, "--out", path)
    assert path.read_text() == "mine"
    run(command, *small, "--out", path, "--force")
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", ["analyse", "forward", "reverse", "statistics", "walk", "schedules"])
def test_every_command_teaches_itself(command):
    result = run(command, "--help")
    assert result.exit_code == 0 and "Example" in result.stdout


@pytest.mark.parametrize(("typed", "meant"), [("digit:3", "digits:3"), ("chian", "china"), ("Flower", "flower")])
def test_a_picture_that_is_not_there_is_told_the_bundled_one_it_is_like(typed, meant):
    with pytest.raises(UsageError, match=f"no file {typed}: did you mean {meant},"):
        run("analyse", typed)


def test_a_file_that_is_not_there_is_told_its_neighbour(photo):
    with pytest.raises(DataError, match=r"phto\.png does not exist: did you mean .*photo\.png\?"):
        run("analyse", photo.with_name("phto.png"))
    with pytest.raises(DataError, match="give the path of a picture"):
        run("analyse", photo.with_name("other.png"))


def test_an_output_below_a_file_is_refused_before_anything_is_computed(photo, monkeypatch):
    monkeypatch.setattr("reverie.studies.analyse", None)
    with pytest.raises(UsageError, match=r"photo\.png is a file: name a folder for the output"):
        run("analyse", photo, "--out", photo / "strip.png")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("x,y\n1,2\n1,2,0\n", r"row 3 of .*drawn\.csv has 3 numbers, and a point has two"),
        ("x,y\n1,nan\n", r"row 2 of .*drawn\.csv is 1, nan: a coordinate is a number from -2\.5 to 2\.5"),
        ("1,9\n", r"row 1 of .*drawn\.csv is 1, 9"),
        ("x;y\n", r"drawn\.csv has no row of numbers"),
        ("", r"drawn\.csv has no row of numbers"),
        ("x,y\n1;2\n", r"row 2 of .*drawn\.csv has '1;2' where a number should be"),
    ],
)
def test_what_is_wrong_with_drawn_points_names_the_file_and_its_row(tmp_path, content, fault):
    (tmp_path / "drawn.csv").write_text(content)
    with pytest.raises(DataError, match=fault):
        run("playground", "--points", tmp_path / "drawn.csv")


def test_weights_of_a_density_are_not_negative(photo):
    with pytest.raises(DataError, match="row 2 has -1, and a weight is from 0"):
        run("playground", "--density", "1,0;0,-1")
    with pytest.raises(UsageError, match=r"neither a \.csv file of numbers nor the numbers themselves"):
        run("playground", "--density", photo)
