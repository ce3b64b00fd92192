"""Which features pictures are seen by, and that they see what they say."""

import numpy as np
import pytest

from reverie.evaluation.image_distances import frechet, nearest
from reverie.evaluation.image_features import CLOTHES, DIGITS, features_for, of_components, of_digits
from reverie.images import read_images


@pytest.mark.parametrize("weights", [DIGITS, CLOTHES])
def test_a_shipped_classifier_weighs_less_than_400_kilobytes(weights):
    assert weights.stat().st_size < 400_000


def test_the_digit_classifier_reads_digits():
    digits = read_images("digits")
    assert digits.labels is not None
    features = of_digits().of(digits.pixels)
    assert features.shape == (len(digits), 64)
    centres = np.stack([features[digits.labels == d].mean(0) for d in range(10)])
    read = nearest(features, centres)[1]
    assert (read == digits.labels).mean() > 0.95


def garments(kind: str, count: int, seed: int) -> np.ndarray:
    """Drawings of 28 x 28: "trousers" are two legs, "bags" a wide box with a handle; each of its own size and tone."""
    g = np.random.default_rng(seed)
    pixels = np.zeros((count, 28, 28, 1), np.uint8)
    for picture in pixels:
        tone, inset = g.integers(120, 256), g.integers(0, 3)
        if kind == "trousers":
            picture[1:6, 9 + inset : 19 - inset] = tone
            picture[6:27, 9 + inset : 13] = picture[6:27, 15 : 19 - inset] = tone
        else:
            picture[10 + inset : 24 - inset, 2 + inset : 26 - inset] = tone
            picture[4:10, 9] = picture[4:10, 18] = picture[4, 9:19] = tone
    return pixels


def test_the_classifier_of_clothes_tells_drawings_of_garments_apart_and_both_from_noise():
    trousers, others, bags = (garments(k, 400, s) for s, k in enumerate(("trousers", "trousers", "bags")))
    noise = np.random.default_rng(3).integers(0, 256, trousers.shape, dtype=np.uint8)
    of = features_for(trousers).of
    same = frechet(of(trousers), of(others))
    assert of(trousers).shape == (400, 64)
    assert same < 0.02 * frechet(of(trousers), of(bags))
    assert same < 0.02 * frechet(of(trousers), of(noise))


@pytest.mark.parametrize(
    ("shape", "words"),
    [((8, 8, 1), "digit"), ((28, 28, 1), "clothes"), ((28, 28, 3), "components"), ((27, 28, 1), "components")],
)
def test_a_classifier_sees_only_pictures_of_the_kind_it_was_trained_on_and_none_is_called_fid(shape, words):
    found = features_for(np.random.default_rng(4).integers(0, 256, (30, *shape), dtype=np.uint8))
    assert words in found.name and "FID" not in found.name + found.about


def test_other_pictures_are_seen_by_their_own_components():
    g = np.random.default_rng(5)
    pixels = g.integers(0, 256, (200, 6, 5, 3), dtype=np.uint8)
    found = features_for(pixels)
    assert "components" in found.name and found.of(pixels).shape == (200, 20)
    assert np.allclose(of_components(pixels).of(pixels).mean(0), 0, atol=1e-9)
