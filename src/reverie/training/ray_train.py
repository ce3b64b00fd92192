"""The processes of one training as actors of a Ray cluster, one each with a core or a GPU of its own.

They are placed all or none, form the group of processes.py among themselves, and call the same function as any crew (crew.py).
Ray's own TorchTrainer does this too, but needs pyarrow, and would bring a loop and checkpoints of its own.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from typing import Any

from reverie.errors import UsageError
from reverie.training.crew import GRACE, Hear, Task, outcome, perform
from reverie.training.processes import Place
from reverie.training.stopping import stop_signals

__all__ = ["together"]

PLACED = 120.0
"""Seconds that the cluster gets to find room for all."""
OFTEN = 0.2
"""Seconds between looks at what is told, and between steps that are."""


class Mailbox:
    """Holds what the first process tells until it is fetched, and what signal it is to pass on."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.number = 0

    def put(self, text: str) -> int:
        self.texts.append(text)
        return self.number

    def take(self, number: int) -> list[str]:
        self.number = number
        texts, self.texts = self.texts, []
        return texts


class Member:
    """One process."""

    def node(self) -> str:
        import ray

        return ray.util.get_node_ip_address()

    def port(self) -> int:
        with socket.socket() as free:
            free.bind(("", 0))
            return free.getsockname()[1]

    def perform(self, text: str, place: str, mailbox: Any) -> str:
        import ray

        told = 0.0

        def tell(message: dict[str, Any]) -> None:
            nonlocal told
            if "step" in message and time.monotonic() - told < OFTEN:
                return
            told = time.monotonic()
            if number := ray.get(mailbox.put.remote(json.dumps(message))):
                signal.raise_signal(number)

        return json.dumps(perform(text, Place(**json.loads(place)), tell))


def together(task: Task, count: int, hear: Hear, address: str | None = None) -> Any:
    """Does a task by so many actors, and returns what the first process returns.

    Args:
        address: of the cluster, "host:port" or "ray://host:port"; without one, one is begun on this machine, or the one that
            RAY_ADDRESS names is taken.

    Raises UsageError without Ray, a cluster, or room in it; and what ReverieError the processes end with.
    """
    try:
        import ray
        from ray.util.placement_group import placement_group, remove_placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
    except ImportError as error:
        raise UsageError("Ray is not installed: pip install 'reverie[distributed]'.") from error
    begun = not ray.is_initialized()
    if begun:
        try:
            ray.init(address=address, log_to_driver=False, include_dashboard=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            where = f" at {address}" if address else ""
            said = str(error).strip().splitlines()[0]
            raise UsageError(f"there is no cluster of Ray to use{where} ({said:.200}): begin one with ray start.") from error
    try:
        room = ray.cluster_resources()
        gpus = not task.device.startswith("cpu") and room.get("GPU", 0) > 0
        kind, needs = ("GPU", {"CPU": 1, "GPU": 1}) if gpus else ("CPU", {"CPU": 1})
        short = f"the cluster has {room.get(kind, 0):g} {kind}s for {count} processes: start fewer."
        if room.get(kind, 0) < count:
            raise UsageError(short)
        group = placement_group([needs] * count, strategy="PACK")
        try:
            if not group.wait(PLACED):
                raise UsageError(f"{short[:-1]}, or wait until others are done.")
            on = PlacementGroupSchedulingStrategy(group, placement_group_capture_child_tasks=False)
            member = ray.remote(Member).options(num_cpus=1, num_gpus=int(gpus), scheduling_strategy=on)
            return _performed(ray, task, [member.remote() for _ in range(count)], hear, gpus)
        finally:
            remove_placement_group(group)
    finally:
        if begun:
            ray.shutdown()


def _performed(ray: Any, task: Task, members: list[Any], hear: Hear, gpus: bool) -> Any:
    nodes = ray.get([member.node.remote() for member in members])
    meeting = f"tcp://{nodes[0]}:{ray.get(members[0].port.remote())}"
    mailbox = ray.remote(Mailbox).options(num_cpus=0).remote()
    ranks: dict[Any, int] = {}
    for rank, member in enumerate(members):
        beside = [other for other, node in enumerate(nodes) if node == nodes[rank]]
        own = (0, 1) if gpus else (beside.index(rank), len(beside))  # Ray shows each the one GPU that is its own
        place = {"rank": rank, "world": len(members), "local_rank": own[0], "local_world": own[1], "address": meeting}
        ranks[member.perform.remote(task.text, json.dumps(place), mailbox)] = rank
    ends: dict[int, dict[str, Any] | None] = {}
    until = float("inf")
    with stop_signals() as stop:
        while len(ends) < len(members) and time.monotonic() < until:
            done, _ = ray.wait([r for r in ranks if ranks[r] not in ends], timeout=OFTEN)
            for text in ray.get(mailbox.take.remote(stop.number)):
                hear(json.loads(text))
            for reference in done:
                try:
                    end = json.loads(ray.get(reference))
                except ray.exceptions.RayError:
                    end = None
                ends[ranks[reference]] = end
                if end is None or "made" not in end:
                    until = min(until, time.monotonic() + GRACE)
    for member in (*members, mailbox):
        ray.kill(member)
    return outcome([ends.get(rank) for rank in range(len(members))])
