"""Where a training begins that does not begin from nothing: a trained run.

    theta_0 = the averaged weights of the run,     EMA_0 = theta_0

Its codec and its settings are taken too; the optimiser, the course of the learning rate and the order of the examples begin
anew. A run that goes on (`resume`) has weights of its own as soon as it has a checkpoint, and its codec beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverie.config import Parent, RunConfig
from reverie.denoisers import lora
from reverie.denoisers.diffusers_unet import DiffusersUNetConfig
from reverie.denoisers.network import Network
from reverie.errors import UsageError
from reverie.images import ImageCodec
from reverie.modality import IMAGES, LINKED, RECORDS, Modality
from reverie.models import LinkedModel, PatientModel, PictureModel, few_calls, load
from reverie.models.codec_files import codec_of
from reverie.models.model import AUTOENCODER, write_weights
from reverie.planning.options import Options
from reverie.records import RecordCodec
from reverie.records.linked import LinkedCodec
from reverie.sources import DataSource, is_table
from reverie.training import checkpoint

__all__ = ["Origin", "inherited"]


def inherited(codec: ImageCodec | RecordCodec | LinkedCodec) -> dict[str, Any]:
    """How a source is read where the run of this codec is the origin: a table by its schema, or linked ones."""
    if isinstance(codec, LinkedCodec):
        return {"schema": codec.forms.schema}
    return {"schema": codec.schema} if isinstance(codec, RecordCodec) else {}


@dataclass(frozen=True, eq=False)
class Origin:
    """The run that another begins from.

    Attributes:
        parent: as config.yaml has it.
        config: whose settings stand where nothing else is said.
        codec: what data of other tables or pictures must fit.
        model: the run itself; none where the new one has a checkpoint.
    """

    parent: Parent
    config: RunConfig
    codec: ImageCodec | RecordCodec | LinkedCodec
    model: PictureModel | PatientModel | LinkedModel | None

    @classmethod
    def of(cls, options: Options, out: Path, written: RunConfig | None) -> Origin | None:
        """The run that the options name, or the one that a run that goes on began from; none where there is none.

        Raises UsageError for a run that cannot be trained on, and where one that is still needed is not there any more.
        """
        noted = None if written is None else written.parent
        if options.parent is None and (noted is None or written is None):
            return None
        if options.parent is None and noted and written and checkpoint.steps(out / "checkpoints"):
            return cls(noted, written, codec_of(out), None)
        model = options.parent
        if not isinstance(model, PictureModel | PatientModel | LinkedModel):
            model = _loaded(options.parent, out, noted)
        parent = _described(model, options.parent if noted is None else noted.name)
        _check(model, parent.name)
        if options.lora is not None and not isinstance(model.config.network, DiffusersUNetConfig):
            raise UsageError(
                f"{parent.name} has a network of the kind {model.config.network.kind}, and `lora` adapts U-Nets of "
                "diffusers alone: leave it out, and all weights are trained on."
            )
        return cls(parent, model.config if written is None else written, model.codec, model)

    @property
    def modality(self) -> Modality:
        return {ImageCodec: IMAGES, RecordCodec: RECORDS, LinkedCodec: LINKED}[type(self.codec)]

    def reading(self, source: Any, reading: Mapping[str, Any]) -> dict[str, Any]:
        """How a source is read: a table by the schema of the run."""
        if isinstance(self.codec, LinkedCodec):
            return {**reading, **inherited(self.codec)}
        table = not isinstance(source, DataSource) and (reading.get("query") is not None or is_table(source))
        return {**reading, **(inherited(self.codec) if table else {})}

    def check(self, source: DataSource, config: RunConfig) -> None:
        """Raises UsageError for data of the other kind, and where patients or pictures that the run has learned would be
        held out, or set aside, as if nobody had seen them."""
        self.modality.check_model(self.parent.name, source.modality)
        before, now = (
            {"seed": c.seed, "holdout": c.training.holdout, "aside": c.training.aside} for c in (self.config, config)
        )
        same_data = self.model is not None and source.about.fingerprint == self.config.source.fingerprint
        if not same_data or before == now or not (now["holdout"] or now["aside"]):
            return
        was = ", ".join(f"{name}={value:g}" for name, value in before.items())
        raise UsageError(
            f"{self.parent.name} has learned of these data already, and another part of them would be held out or set "
            f"aside: train with {was}, as it was."
        )

    def begin(self, network: Network) -> None:
        """Gives the network the weights of the run."""
        if self.model is not None:
            weights = self.model.denoiser.module.state_dict()
            network.module.load_state_dict(lora.beneath(network.module, weights) if lora.held(network.module) else weights)

    def hand_on(self, out: Path) -> None:
        """Writes what the new run has of the old one besides: its autoencoder."""
        if self.model is not None and AUTOENCODER in self.model.modules and not (out / AUTOENCODER).is_file():
            write_weights(out / AUTOENCODER, self.model.modules[AUTOENCODER])


def _loaded(path: Any, out: Path, noted: Parent | None) -> PictureModel | PatientModel | LinkedModel:
    """The model at `path`, or the one that is noted."""
    if path is not None:
        return load(path, "cpu")
    assert noted is not None
    gone = f"{out} has no checkpoint yet, and began with the weights of {noted.name}, which"
    if noted.path is None or not Path(noted.path).is_dir():
        raise UsageError(f"{gone} is not at {noted.path or 'any place that is noted'} any more: restore it, or begin again.")
    model = load(noted.path, "cpu")
    if model.digest != noted.digest:
        raise UsageError(f"{gone} has changed since: restore it, or begin again.")
    return model


def _described(model: PictureModel | PatientModel | LinkedModel, named: Any) -> Parent:
    path = None if model.path is None else model.path.resolve()
    name = Path(named).name if isinstance(named, str | Path) else "the model" if path is None else path.name
    return Parent(
        name=name, path=None if path is None else str(path), digest=model.digest, steps=model.config.training.steps
    )


def _check(model: PictureModel | PatientModel | LinkedModel, name: str) -> None:
    if model.config.training.epsilon is not None:
        raise UsageError(
            f"{name} was trained with differential privacy, and its epsilon is for its own steps: begin from another run."
        )
    few_calls.refuse(model.config, "be trained on or distilled again")
    if isinstance(model, PictureModel) and not model.denoiser.answers_alone:
        raise UsageError(f"{name} answers what an encoder of text says, which no training gives it: begin from another run.")
