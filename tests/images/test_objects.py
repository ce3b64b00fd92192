"""Lists and data sets hold the pictures and classes of their items, or the item at fault is named."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from reverie.errors import DataError, UsageError
from reverie.images import read_images
from reverie.sources import ImageSource

PIXELS = np.random.default_rng(4).integers(0, 256, (6, 5, 7, 3), dtype=np.uint8)
LABELS = [2, 0, 2, 3, 0, 2]
TENSOR = torch.from_numpy(PIXELS).permute(0, 3, 1, 2)


class Items(Dataset):
    """As torchvision's: items by number, names of classes."""

    def __init__(self, items, **more):
        self.items = items
        vars(self).update(more)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class Streamed(IterableDataset):
    def __iter__(self):
        yield from zip(TENSOR, LABELS, strict=True)


class Counted:
    """Items by number, to the first that is not there."""

    def __getitem__(self, i):
        return PIXELS[i], LABELS[i]


def test_a_list_of_pictures_of_any_kind_is_a_set(tmp_path):
    Image.fromarray(PIXELS[3]).save(tmp_path / "3.png")
    content = (tmp_path / "3.png").read_bytes()
    sources = [PIXELS[0], TENSOR[1], Image.fromarray(PIXELS[2]), tmp_path / "3.png", str(tmp_path / "3.png"), content]
    for source in (sources, tuple(sources), (each for each in sources)):
        found = read_images(source)
        assert np.array_equal(found.pixels, PIXELS[[0, 1, 2, 3, 3, 3]]) and found.labels is None
    assert ImageSource.read(sources).about.path is None


@pytest.mark.parametrize(
    "source",
    [
        TensorDataset(TENSOR, torch.tensor(LABELS)),
        Streamed(),
        Items([(picture, label) for picture, label in zip(TENSOR, LABELS, strict=True)]),
        Items([{"image": Image.fromarray(p), "label": k, "id": 7} for p, k in zip(PIXELS, LABELS, strict=True)]),
        [(picture, label) for picture, label in zip(PIXELS, LABELS, strict=True)],
        Counted(),
        (list(PIXELS), LABELS),
        (PIXELS, np.array(LABELS)),
        ((PIXELS, np.array(LABELS)), (PIXELS[:2], np.array(LABELS[:2]))),
        (TENSOR, torch.tensor(LABELS)[:, None]),
        (PIXELS, torch.eye(4)[LABELS]),
        {"images": PIXELS, "labels": LABELS},
        {"train": TensorDataset(TENSOR, torch.tensor(LABELS).double()), "test": TensorDataset(TENSOR[:2])},
    ],
    ids=[
        "tensors",
        "stream",
        "torchvision",
        "dicts",
        "pairs",
        "counted",
        "columns",
        "arrays",
        "keras",
        "N1",
        "NK",
        "dict",
        "cut",
    ],
)
def test_data_sets_give_pictures_with_their_classes(source):
    found = read_images(source)
    assert np.array_equal(found.pixels, PIXELS)
    assert found.labels.tolist() == [1, 0, 1, 2, 0, 1] and found.classes == ("0", "2", "3")


def test_the_names_of_classes_are_those_that_the_set_knows():
    names = ["cat", "dog", "cow", "hen"]
    pairs = list(zip(TENSOR, LABELS, strict=True))
    assert read_images(Items(pairs, classes=names)).classes == ("cat", "cow", "hen")
    dicts = [{"img": p, "label": k} for p, k in pairs]
    features = {"img": None, "label": SimpleNamespace(names=names)}
    found = read_images(Items(dicts, features=features))
    assert found.classes == ("cat", "cow", "hen") and found.notes == ()


def test_parts_of_items_and_of_sets_that_are_not_used_are_named():
    masks = [(picture, torch.zeros(5, 7), "x") for picture in TENSOR]
    found = read_images(masks)
    assert found.labels is None and found.notes[0].startswith("Not used of each item: part 2 and part 3")
    found = read_images({"images": PIXELS, "labels": LABELS, "masks": PIXELS[..., 0] > 9})
    assert found.notes == ("Not used of the dictionary: masks (the labels are read from labels).",)
    found = read_images({"train": Items(list(PIXELS)), "val": Items(list(PIXELS))})
    assert found.notes[0].startswith("val is left out")


def test_a_class_may_lie_in_a_list_of_its_own_and_names_and_sizes_be_of_any_kind_that_says_them():
    found = read_images([(picture, [label]) for picture, label in zip(PIXELS, LABELS, strict=True)], size=np.int64(3))
    assert found.labels is not None and found.notes == () and found.pixels.shape[1:3] == (3, 3)
    assert read_images((PIXELS, np.arange(6)), classes=range(1, 7)).classes == ("1", "2", "3", "4", "5", "6")
    with pytest.raises(UsageError, match="give each a name of its own"):
        read_images((PIXELS, np.arange(6) % 2), classes=["cat", " "])


def test_floats_of_a_set_are_on_one_scale():
    x = TENSOR.float() / 127.5 - 1
    x[0] = x[0].abs()  # alone it would be read as [0, 1]
    found = read_images(list(x)).pixels
    assert np.array_equal(found[1:], PIXELS[1:])
    assert np.array_equal(found[0], np.rint((x[0].permute(1, 2, 0).double() + 1).numpy() * 127.5))


@pytest.mark.parametrize(
    ("source", "fault", "sentence"),
    [
        ([], DataError, "the list is empty"),
        ([PIXELS[0], PIXELS[1][:4]], DataError, "item 1 of the list is 7 x 5 but item 2 of the list is 7 x 4: .*size="),
        ([PIXELS[0], 7], DataError, "item 2 of the list is of type int, but a picture is"),
        ([PIXELS[0], np.full((5, 7), np.nan)], DataError, "item 2 of the list holds 35 values that are not finite"),
        ([(PIXELS[0], 1), (PIXELS[1], 0.5)], DataError, "classes of the list is 0.5 in row 2, which is no class"),
        ([(PIXELS[0], 1), (PIXELS[1], None)], DataError, "item 2 of the list has no class"),
        ((PIXELS, np.array(LABELS[:5])), DataError, "the pair: labels must be 6 whole numbers or words, one a picture"),
        (
            [{"scan": PIXELS[0], "age": 3}],
            DataError,
            "item 1 of the list holds scan and age, and no picture under a name such",
        ),
        ([(PIXELS[0], 1), PIXELS[1]], DataError, "item 2 of the list has no class"),
        (DataLoader(TensorDataset(TENSOR)), UsageError, "give its data set, loader.dataset"),
        ({"a": PIXELS, "b": PIXELS}, DataError, "the dictionary holds several arrays of pictures, a and b"),
        ({"val": Items([]), "test": Items([])}, DataError, "none is called train"),
        (7, UsageError, "a list, a data set or 'digits', not int"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_number(source, fault, sentence):
    with pytest.raises(fault, match=sentence):
        read_images(source)


def test_what_a_data_set_raises_is_said_with_its_item():
    class Broken(Items):
        def __getitem__(self, i):
            if i == 2:
                raise KeyError("no such file")
            return self.items[i]

    with pytest.raises(DataError, match=r"item 3 of the Broken cannot be read .KeyError: 'no such file'.: mend it"):
        read_images(Broken(list(PIXELS)))


def test_more_than_memory_may_hold_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr("reverie.images.objects.MAX_BYTES", 300)
    with pytest.raises(DataError, match=r"more than 300 bytes of pictures, .*picture files"):
        read_images(picture for picture in PIXELS)


def test_a_word_that_is_no_path_names_the_item():
    with pytest.raises(DataError, match=r"item 2 of the list is 'hello', and there is no such file"):
        read_images([PIXELS[0], "hello"])
