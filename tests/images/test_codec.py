"""Decoding inverts encoding exactly, for every byte."""

import numpy as np
import pytest
import torch

from reverie.errors import DataError, UsageError
from reverie.images import ImageCodec

ALL = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)


def test_decode_inverts_encode_for_every_byte():
    codec = ImageCodec(16, 16, 1)
    x = codec.encode(ALL)
    assert x.dtype == torch.float32 and x.shape == (1, *codec.shape)
    assert float(x.min()) == -1 and float(x.max()) == 1
    for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16):
        worst = np.abs(codec.decode(x.to(dtype)).astype(int) - ALL).max()
        assert worst == 0 or (dtype == torch.bfloat16 and worst <= 1)


def test_channels_keep_their_places():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    codec = ImageCodec(4, 5, 3)
    x = codec.encode(pixels)
    assert torch.equal(x[1, 2], torch.from_numpy(pixels[1, :, :, 2].astype(np.float32)) / 127.5 - 1)
    assert np.array_equal(codec.decode(x), pixels)
    assert ImageCodec.from_config(codec.config) == codec


def test_values_out_of_range_are_clipped_and_nan_is_refused():
    codec = ImageCodec(1, 2, 1)
    assert codec.decode(torch.tensor([[[[-3.0, 7.0]]]])).ravel().tolist() == [0, 255]
    with pytest.raises(DataError, match=r"picture 0 .*NaN"):
        codec.decode(torch.full((1, 1, 1, 2), torch.nan))


def test_encoding_leaves_the_pixels_alone():
    pixels = ALL.copy()
    ImageCodec(16, 16, 1).encode(pixels).zero_()
    assert np.array_equal(pixels, ALL)


@pytest.mark.parametrize("bad", [ALL[..., 0], ALL.astype(np.float32), ALL[:, :8]])
def test_other_pictures_are_refused(bad):
    with pytest.raises(DataError, match="this codec encodes"):
        ImageCodec(16, 16, 1).encode(bad)


@pytest.mark.parametrize("bad", [torch.zeros(1, 16, 16, 1), torch.zeros(1, 16, 16), torch.zeros(1, 1, 16, 16).int()])
def test_other_tensors_are_refused(bad):
    with pytest.raises(DataError, match="this codec decodes"):
        ImageCodec(16, 16, 1).decode(bad)


@pytest.mark.parametrize("settings", [(0, 1, 1), (1, 1, 65), (1, 1.0, 1), (True, 1, 1), (1, 1, 1, (), 12)])
def test_impossible_codecs_are_refused(settings):
    with pytest.raises(UsageError):
        ImageCodec(*settings)
    with pytest.raises(UsageError, match="depth"):
        ImageCodec.from_config({"height": 1, "width": 1, "channels": 1, "depth": 8})
