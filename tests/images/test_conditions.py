"""Tables of conditions: what their columns are, which row is of which picture, and what is refused by name."""

import numpy as np
import polars as pl
import pytest
import torch

from reverie.errors import DataError, UsageError
from reverie.images import ImageCodec, ImageSet, read_images, save_picture
from reverie.images.conditions import cells_of, read_told, read_wishes

FILES = [f"{folder}/{i:02d}.png" for folder in "ab" for i in range(20)]
EMB = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
AGES = [21, 59, *(20 + 3 * (7 * i % 13) for i in range(2, 39))]
FRAME = pl.DataFrame(
    {
        "file": FILES,
        "colour": ["red", "green", "blue", "red"] * 10,
        "age": [None, *AGES],
        "seen": [f"2026-{1 + 7 * i % 12:02d}-{1 + 5 * i % 28:02d}" for i in range(40)],
        "caption": [f"This is the picture that has the number {i}, and it is nice" for i in range(40)],
        **{f"emb_{k}": EMB[:, k] for k in range(5)},
    }
)
LISTS = FRAME.select("file", "colour", "age", emb=pl.Series(EMB.tolist(), dtype=pl.List(pl.Float64)))


def test_levels_numbers_dates_and_vectors_are_told_from_each_other_and_text_is_left_out_and_said():
    told = read_told(FRAME, FILES, 40)
    assert [(each.name, each.kind) for each in told.attributes] == [
        ("colour", "levels"),
        ("age", "number"),
        ("seen", "number"),
        ("emb", "vector"),
    ]
    assert told.attributes[0].levels == ("blue", "green", "red") and told.attributes[3].length == 5
    assert np.isnan(told.values["age"][0]) and told.values["age"][1:].tolist() == AGES
    assert np.array_equal(told.values["emb"], EMB)
    assert any("Not used of the frame: caption (text" in note for note in told.notes)


def test_the_same_is_read_of_text_of_lists_and_of_arrays(tmp_path):
    FRAME.write_csv(tmp_path / "t.csv")
    LISTS.write_parquet(tmp_path / "t.parquet")
    arrays = {"filename": np.array(FILES), "colour": FRAME["colour"].to_numpy().astype(str), "emb": EMB}
    np.savez(tmp_path / "t.npz", **arrays)
    np.save(tmp_path / "emb.npy", EMB)
    for source in (tmp_path / "t.csv", str(tmp_path / "t.parquet"), LISTS, tmp_path / "t.npz", arrays):
        told = read_told(source, FILES, 40)
        assert told.attributes[0].levels == ("blue", "green", "red")
        np.testing.assert_allclose(told.values["emb"], EMB, rtol=1e-6)
    rows = read_told(tmp_path / "emb.npy", FILES, 40)
    assert rows.attributes[0].name == "emb" and "row i is of picture i" in rows.notes[0]
    assert read_told(EMB, (), 40).values["vector"] is not None


@pytest.mark.parametrize(
    "named",
    [
        lambda path: path,
        lambda path: f"photos/{path}",
        lambda path: f"./{path}".replace("/", "\\"),
        lambda path: path.removesuffix(".png"),
        lambda path: "",
    ],
    ids=["path", "root", "windows", "without suffix", "another column"],
)
def test_a_row_is_of_the_picture_that_it_names_in_whatever_order(named):
    frame = FRAME.with_columns(pl.Series("file", [named(path) for path in FILES]), where=pl.Series(FILES))
    frame = frame.sample(fraction=1, shuffle=True, seed=1)
    told = read_told(frame.drop("where") if frame["file"][0] else frame.drop("file"), FILES, 40, "photos")
    assert np.array_equal(told.values["emb"], EMB)


def test_names_alone_are_enough_where_each_is_one_picture_s():
    flat = [path.replace("/", "/x") if path[0] == "a" else path for path in FILES]
    frame = FRAME.with_columns(pl.Series("file", [path.rpartition("/")[2] for path in flat]))
    assert np.array_equal(read_told(frame, flat, 40).values["emb"], EMB)


def test_paths_of_another_machine_go_by_their_last_part_where_they_are_said_to_be_paths():
    flat = [path.replace("/", "/x") if path[0] == "a" else path for path in FILES]
    elsewhere = pl.Series("file", [f"/data/train/{path.rpartition('/')[2]}" for path in flat])
    assert np.array_equal(read_told(FRAME.with_columns(elsewhere), flat, 40).values["emb"], EMB)
    with pytest.raises(DataError, match="names no picture that is read"):
        read_told(FRAME.with_columns(elsewhere.alias("remark")).drop("file"), flat, 40)


def test_files_that_were_saved_as_of_another_kind_since_are_found_by_the_rest_of_their_names():
    others = FRAME.with_columns(pl.col("file").str.replace(r"\.png$", ".avif"))
    told = read_told(others, FILES, 40)
    for name, values in read_told(FRAME, FILES, 40).values.items():
        np.testing.assert_array_equal(told.values[name], values)


def test_rows_without_a_picture_and_pictures_without_a_row_are_counted_and_named():
    told = read_told(pl.concat([FRAME[3:], FRAME[:1].with_columns(file=pl.lit("c/99.png"))]), FILES, 40)
    assert "1 row of the frame is of no picture that is read, such as 'c/99.png'." in told.notes
    assert "3 pictures have no row in the frame, such as a/00.png: nothing is told of them." in told.notes
    assert np.isnan(told.values["emb"][:3]).all() and np.isnan(told.values["colour"][:3]).all()


def holed(row, column, value):
    cells = LISTS[column].to_list()
    cells[row] = value
    cells = [float(cell) if isinstance(cell, int) else cell for cell in cells]
    return LISTS.with_columns(pl.Series(column, cells))


@pytest.mark.parametrize(
    ("table", "files", "told", "words"),
    [
        (pl.concat([FRAME, FRAME[:1]]), FILES, {}, "row 41, column 'file': 'a/00.png' is named by data row 1 too"),
        (holed(4, "emb", [1.0, 2.0]), FILES, {}, "data row 5, column 'emb': the vector has 2 numbers, and others 5"),
        (
            holed(4, "emb", [1.0, float("nan"), 0, 0, 0]),
            FILES,
            {},
            "row 5, column 'emb': number 2 of the vector is nan",
        ),
        (holed(4, "emb", [1.0, float("inf"), 0, 0, 0]), FILES, {}, "number 2 of the vector is inf"),
        (FRAME.with_columns(emb_2=None), FILES, {}, "column 'emb_0 to emb_4': number 3 of the vector is nan"),
        (holed(3, "age", float("inf")), FILES, {}, "data row 4, column 'age': the number is infinite"),
        (holed(3, "age", 1e300), FILES, {}, r"data row 4, column 'age': 1e\+300 is beyond 1e\+30, up to which"),
        (FRAME.with_columns(file=pl.lit("nowhere")), FILES, {}, "names no picture that is read, such as a/00.png"),
        (
            FRAME,
            FILES,
            {"file_column": "colour"},
            "in its column 'colour', where 'red' is named: mend the names, or say another",
        ),
        (EMB[:39], FILES, {}, "has 39 rows for 40 pictures: give one for each"),
        (FRAME.select("file", "caption"), FILES, {}, "tells nothing of the pictures"),
        (FRAME[:30], (), {}, "30 rows for 40 pictures"),
        ({"x": EMB, "y": EMB[:3]}, (), {}, "x of 40 rows, y of 3 rows"),
        (EMB[None], (), {}, r"is float32 of shape \(1, 40, 5\)"),
        (
            FRAME.with_columns(file=pl.col("file").str.slice(2)),
            FILES,
            {},
            "'00.png' names several pictures, a/00.png and b",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence_with_its_place(table, files, told, words):
    with pytest.raises(DataError, match=words):
        read_told(table, files, 40, **told)


def test_what_is_not_there_is_a_fault_of_use():
    with pytest.raises(UsageError, match=r"did you mean 'file'"):
        read_told(FRAME, FILES, 40, file_column="fil")
    with pytest.raises(UsageError, match="`file_column` is for pictures in files"):
        read_told(FRAME, (), 40, file_column="file")
    with pytest.raises(UsageError, match=r"there is no file no\.npy"):
        read_told("no.npy", FILES, 40)
    with pytest.raises(UsageError, match="is a column of the table `conditions`"):
        read_images(np.zeros((3, 4, 4, 1), np.uint8), file_column="file")


def test_numbers_have_mean_0_and_deviation_1_over_the_pictures_trained_on_and_come_back_as_cells():
    told = read_told(LISTS, FILES, 40)
    rows = np.arange(0, 40, 2)
    fitted = told.fitted(rows)
    condition = told.condition(fitted)
    assert condition.lengths == (1, 5) and condition.levels[:, 0].tolist()[:3] == [2, 1, 0]
    ages, vectors = condition.numbers[rows][1:, 0].double(), condition.numbers[rows][:, 1:].double()
    assert abs(float(ages.mean())) < 1e-6 and abs(float(ages.std(correction=0)) - 1) < 1e-6
    torch.testing.assert_close(vectors.mean(0), torch.zeros(5).double(), atol=1e-6, rtol=0)
    assert abs(float(vectors.square().mean()) - 1) < 1e-6
    cells = cells_of(fitted, condition)
    assert cells.select("colour", "age").equals(LISTS.select("colour", "age"))
    np.testing.assert_allclose(cells["emb"].to_numpy(), EMB, atol=1e-6)


def test_a_level_of_pictures_that_are_not_trained_on_is_untold_and_cannot_be_asked_for():
    told = read_told(FRAME, FILES, 40)
    colour = told.fitted(np.flatnonzero(FRAME["colour"].to_numpy() != "blue"))[0]
    assert colour.untrained == ("blue",) and colour.wishes("*") == [1.0, 2.0]
    with pytest.raises(UsageError, match="colour=blue is in the table, but no picture of it was trained on"):
        colour.wishes("blue")
    fitted = [colour, *told.attributes[1:]]
    assert told.like(fitted, "the run").condition(fitted).levels[2, 0] == -1


def test_a_codec_keeps_attributes():
    told = read_told(LISTS, FILES, 40)
    codec = ImageCodec(4, 4, 1, attributes=told.fitted(np.arange(40)))
    assert ImageCodec.from_config(codec.config) == codec and codec.attribute_sizes == ((3,), (1, 5))
    assert "attributes" not in ImageCodec(4, 4, 1).config
    with pytest.raises(UsageError, match="different names"):
        ImageCodec(4, 4, 1, attributes=(*codec.attributes, codec.attributes[0]))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"colour": np.array(["pink"])}, "data row 1, column 'colour': 'pink' is not one of the levels"),
        ({"color": np.array(["red"])}, "did you mean 'colour'"),
        ({"age": np.array([99.0])}, "age was trained in 20 to 59, so 99 cannot be asked for"),
        ({"emb": EMB[:2, :3]}, "emb has 3 numbers here, and 5 in training"),
        ({"emb": np.array([1.0])}, "emb is a vector of 5 numbers, and here it is not"),
        (FRAME.select("file"), "has no attribute: give some of colour"),
    ],
)
def test_a_wish_for_what_was_not_told_is_refused_by_name(table, words):
    with pytest.raises(DataError, match=words):
        read_wishes(table, read_told(LISTS, FILES, 40).fitted(np.arange(40)))


def test_wishes_are_read_as_the_table_was():
    values, count = read_wishes(
        FRAME.select("file", "colour", "age", "^emb_.$")[2:5], read_told(LISTS, FILES, 40).attributes
    )
    assert count == 3 and values["colour"].tolist() == [0, 2, 2] and values["age"].tolist() == AGES[1:4]
    np.testing.assert_allclose(values["emb"], EMB[2:5])


def test_classes_become_an_attribute_and_a_column_of_that_name_stays(tmp_path):
    for path in FILES:
        (tmp_path / "photos" / path).parent.mkdir(parents=True, exist_ok=True)
        save_picture(np.zeros((4, 4, 1), np.uint8), tmp_path / "photos" / path)
    read = read_images(tmp_path / "photos", conditions=FRAME)
    assert read.files == tuple(FILES) and read.told.attributes[0].name == "class"
    assert read.told.attributes[0].levels == ("a", "b") and read.told.values["class"].tolist() == [0] * 20 + [1] * 20
    named = read_images(tmp_path / "photos", conditions=FRAME.rename({"colour": "class"}))
    assert named.told.attributes[0].levels == ("blue", "green", "red") and "are not used" in named.told.notes[-1]
    assert read.fingerprint == read_images(tmp_path / "photos").fingerprint
    assert read.told.fingerprint != named.told.fingerprint


def test_a_set_has_as_many_pictures_as_are_told_of():
    with pytest.raises(DataError, match="has 3 pictures, and the frame tells of 40"):
        ImageSet(np.zeros((3, 4, 4, 1), np.uint8), told=read_told(FRAME, FILES, 40))
