"""A network as an ONNX graph, and a denoiser that ONNX Runtime answers for.

    graph: (x_t [B, ...], t [B], the condition as tensors) -> what the module answers,     B free, and the visits of records

The graph is the module itself, weights and all, traced once; nothing of it is changed, merged or made smaller. Both need the
extra [onnx], imported when they are asked for.
"""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import warnings
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.denoisers.conditions import Condition, unanswerable
from reverie.denoisers.declaration import NetworkConfig
from reverie.denoisers.network import Network
from reverie.errors import UsageError

__all__ = ["answered_by", "graph_of"]

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
STATE, TIME, ANSWER = "x_t", "t", "answer"
OPSET = 20
LEAST = 2
"""Rows, and tokens of a record, that a graph is asked for at least: of one, tracing makes a number that stays one."""


def packages() -> None:
    """Raises UsageError unless all of [onnx] is installed."""
    for name in PACKAGES:
        try:
            import_module(name)
        except ImportError as error:
            raise UsageError(f"ONNX needs {name}, which is not installed: pip install 'reverie[onnx]'.") from error


def graph_of(network: Network, about: NetworkConfig, shape: tuple[int, ...]) -> bytes:
    """The module of a network as an ONNX model.

    Args:
        about: what the network says of itself.
        shape: of one state: (C, H, W) of pictures, which stays so; (tokens, channels) of records, with any number of tokens.

    Its inputs are x_t and t, from 1 to T in float32, and those of NetworkConfig.tensors; its answer is what the network
    predicts, as the metadata "reverie" say, with the schedule. In continuous time they are what a scaled module receives,
    see Network: c_in x_t and 2000/pi arctan(sigma / (alpha data_std)). In fp32, whatever the network was trained in.

    Raises UsageError where the extra is not installed, or the network has no graph.
    """
    packages()
    records = about.of == "records"
    module = copy.deepcopy(network.module).cpu().float().eval()
    if hasattr(module, "as_graph"):
        module.as_graph()  # pyright: ignore[reportCallIssue]
    rows = LEAST + 1
    example, condition = about.example(rows, shape[-1], LEAST) if records else ((rows, *shape), None)
    tensors = about.tensors(condition, rows)
    inputs = {STATE: torch.zeros(example), TIME: torch.ones(rows), **tensors}
    batch = torch.export.Dim("batch", min=LEAST)
    free = (batch, torch.export.Dim("visits", min=1) + 1) if records else (batch,)
    axes = [{axis: free[axis] for axis in range(min(x.ndim, len(free)))} for x in inputs.values()]
    with _quietly(), torch.no_grad():
        program = torch.onnx.export(
            Graph(module, about, tuple(tensors)).eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=[ANSWER],
            dynamic_shapes={"x_t": axes[0], "t": axes[1]} | ({"tensors": tuple(axes[2:])} if tensors else {}),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    model.producer_name = "reverie"
    entry = model.metadata_props.add()
    entry.key, entry.value = "reverie", json.dumps(_described(network), allow_nan=False)
    return model.SerializeToString()


def answered_by(graph: bytes, network: Network, about: NetworkConfig) -> Network:
    """The same network with ONNX Runtime, by its graph, in the place of torch, on the processor, in fp32. It cannot be
    trained."""
    return replace(network, module=Runtime(network.module, about, graph), autocast=None)


class Graph(nn.Module):
    """A module whose condition comes as tensors."""

    def __init__(self, module: nn.Module, about: NetworkConfig, names: tuple[str, ...]) -> None:
        super().__init__()
        self.module, self.about, self.names = module, about, names

    def forward(self, x_t: Tensor, t: Tensor, *tensors: Tensor) -> Tensor:
        condition = self.about.condition(dict(zip(self.names, tensors, strict=True))) if tensors else None
        return self.module(x_t, t, *(() if condition is None else (condition,)))


class Runtime(nn.Module):
    """Answers as `module` does, by its graph; the module says what it has an answer to."""

    def __init__(self, module: nn.Module, about: NetworkConfig, graph: bytes) -> None:
        super().__init__()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        self.module, self.about = module, about
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.names = {wanted.name for wanted in self.session.get_inputs()}
        of_state = next(wanted.shape for wanted in self.session.get_inputs() if wanted.name == STATE)
        self.state_shape = tuple(size if isinstance(size, int) else None for size in of_state[1:])

    def check(self, condition: Condition | None, count: int) -> None:
        """See Network."""
        if check := getattr(self.module, "check", None):
            check(condition, count)
        elif condition is not None:
            raise unanswerable()

    def forward(self, x_t: Tensor, t: Tensor, condition: Condition | None = None) -> Tensor:
        inputs = {STATE: x_t.float(), TIME: t.float(), **self.about.tensors(condition, len(x_t))}
        rows, tokens = len(x_t), x_t.shape[1]
        if rows < LEAST:
            inputs = {name: x.expand(LEAST, *x.shape[1:]) for name, x in inputs.items()}
        if self.about.of == "records":  # visits that do not exist change nothing
            inputs = {name: _longer(x, LEAST - tokens) for name, x in inputs.items()}
        (answer,) = self.session.run([ANSWER], _arrays(inputs, self.names))
        answer = torch.from_numpy(answer)[:rows].to(x_t)
        return answer[:, :tokens] if self.about.of == "records" else answer


def _longer(x: Tensor, more: int) -> Tensor:
    """[B, N, ...] -> [B, N + more, ...], with zeros; what has no tokens as it is."""
    return x if x.ndim < 2 or more <= 0 else F.pad(x, (0, 0) * (x.ndim - 2) + (0, more))


def _arrays(inputs: Mapping[str, Tensor], names: set[str]) -> dict[str, Any]:
    """What the graph looks at, as arrays: an input that no answer depends on is not one of it."""
    return {name: x.detach().cpu().contiguous().numpy() for name, x in inputs.items() if name in names}


def _described(network: Network) -> dict[str, Any]:
    """What whoever samples by the graph alone must know."""
    return {
        "predicts": network.kind,
        "learned_variance": network.learned_variance,
        "schedule": dict(network.process.schedule.config),
    } | ({"scaled": network.scaled} if not network.process.schedule.whole else {})


@contextlib.contextmanager
def _quietly() -> Any:
    """Without what the exporter says of its own workings."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
