"""The processes of one training as actors of a Ray cluster, one each with a core or a GPU of its own.

They are placed all or none, form the group of processes.py among themselves, and call one function, as any crew (crew.py).
Ray's own TorchTrainer does this too, but needs pyarrow, and would bring a loop and checkpoints of its own.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from typing import Any

from reverie.errors import UsageError
from reverie.shards.ray import Ray
from reverie.training.crew import GRACE, Hear, Task, outcome, perform
from reverie.training.processes import Place
from reverie.training.stopping import stop_signals

__all__ = ["together"]

PLACED = 120.0
"""Seconds that the cluster gets to find room for all."""
OFTEN = 0.2
"""Seconds between looks at what is told, and between steps that are."""


class Member:
    """One process."""

    def node(self) -> str:
        import ray

        return ray.util.get_node_ip_address()

    def port(self) -> int:
        with socket.socket() as free:
            free.bind(("", 0))
            return free.getsockname()[1]

    def perform(self, text: str, place: str, told: Any, stops: Any) -> str:
        """Does the task; `told` is the queue of what the first process tells, `stops` that of signals for it."""
        last = 0.0

        def tell(message: dict[str, Any]) -> None:
            nonlocal last
            if "step" in message and time.monotonic() - last < OFTEN:
                return
            last = time.monotonic()
            told.put(json.dumps(message))
            if not stops.empty():
                signal.raise_signal(stops.get())

        return json.dumps(perform(text, Place(**json.loads(place)), tell))


def together(task: Task, count: int, hear: Hear, address: str | None = None) -> Any:
    """Does a task by so many actors, and returns what the first process returns.

    Args:
        address: of the cluster, HOST:PORT; without one, a cluster of `count` is begun on this machine.

    Raises UsageError without Ray, a cluster, or room in it; and what ReverieError the processes end with.
    """
    with Ray(address, count).connected() as ray:
        from ray.util.placement_group import placement_group, remove_placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        room = ray.cluster_resources()
        gpus = not task.device.startswith("cpu") and room.get("GPU", 0) > 0
        kind, needs = ("GPU", {"CPU": 1.0, "GPU": 1.0}) if gpus else ("CPU", {"CPU": 1.0})
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


def _performed(ray: Any, task: Task, members: list[Any], hear: Hear, gpus: bool) -> Any:
    from ray.util.queue import Queue

    nodes = ray.get([member.node.remote() for member in members])
    meeting = f"tcp://{nodes[0]}:{ray.get(members[0].port.remote())}"
    told, stops = (Queue(actor_options={"num_cpus": 0}) for _ in range(2))
    ranks: dict[Any, int] = {}
    for rank, member in enumerate(members):
        beside = [other for other, node in enumerate(nodes) if node == nodes[rank]]
        own = (0, 1) if gpus else (beside.index(rank), len(beside))  # Ray shows each the one GPU that is its own
        place = {"rank": rank, "world": len(members), "local_rank": own[0], "local_world": own[1], "address": meeting}
        ranks[member.perform.remote(task.text, json.dumps(place), told, stops)] = rank
    ends: dict[int, dict[str, Any] | None] = {}
    until = float("inf")
    passed = False
    with stop_signals() as stop:
        while len(ends) < len(members) and time.monotonic() < until:
            done, _ = ray.wait([r for r in ranks if ranks[r] not in ends], timeout=OFTEN)
            if stop.number and not passed:
                stops.put(stop.number)
                passed = True
            for text in told.get_nowait_batch(told.qsize()):
                hear(json.loads(text))
            for reference in done:
                try:
                    end = json.loads(ray.get(reference))
                except ray.exceptions.RayError:
                    end = None
                ends[ranks[reference]] = end
                if end is None or "made" not in end:
                    until = min(until, time.monotonic() + GRACE)
    for member in members:
        ray.kill(member)
    for queue in (told, stops):
        queue.shutdown()
    return outcome([ends.get(rank) for rank in range(len(members))])
