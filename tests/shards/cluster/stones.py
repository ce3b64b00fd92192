"""Work for tests of engines: shards that wait, end their worker, or find the disk full."""

import errno
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Stones:
    """Shard k holds k times the seed. Each says in places["log"] which process is at it."""

    many: int = 5
    seed: int = 7
    slow: float = 0.0
    killed: dict = field(default_factory=dict)  # number of a shard -> how often it ends its worker
    full: int = -1  # the shard that finds the disk full
    places: dict = field(default_factory=dict)
    kind = "stones"

    @property
    def config(self):
        killed = {str(number): times for number, times in self.killed.items()}
        return {"many": self.many, "seed": self.seed, "slow": self.slow, "killed": killed, "full": self.full}

    @property
    def count(self):
        return self.many

    def name(self, number):
        return f"part-{number:05d}.txt"

    def make(self, number, path):
        log = Path(self.places["log"])
        path.write_text("half")
        tries = len(list(log.glob(f"{number}.*")))
        (log / f"{number}.{tries}").write_text(str(os.getpid()))
        time.sleep(self.slow)
        if tries < self.killed.get(str(number), 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if number == self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_text(f"{number * self.seed}\n" * 1000)
        return {"rows": number}

    @classmethod
    def of(cls, config, places):
        return cls(**config, places=places)
