"""Models of tables of each shape, with every weight drawn: what is asked of them holds whatever was learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from reverie.config import resolve
from reverie.models import PatientModel
from reverie.models.model import untrained
from reverie.records import RecordCodec, read_table
from reverie.sources import TableSource

SETTINGS = {"network.width": 16, "network.layers": 1, "network.heads": 2, "training.precision": "fp32"}


@pytest.fixture
def model() -> Callable[..., PatientModel]:
    def of(source: Any, **reading: Any) -> PatientModel:
        table = read_table(source, **reading)
        config = resolve(TableSource(table).about, 0, "records", SETTINGS)
        codec = RecordCodec.from_config(RecordCodec.fit(table, config.codec).config)  # as it is saved and loaded
        network = untrained(config, codec.channels)
        draw = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weight in network.module.parameters():
                weight.add_(0.15 * torch.randn(weight.shape, generator=draw))
        network.module.eval()
        return PatientModel(config, codec, network)

    return of
