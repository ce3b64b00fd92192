"""What the service was told, all limits in one place.

Each setting is also an environment variable, REVERIE_ and its name in capitals (REVERIE_PORT=8001). What the command line
says stands above the environment. Nothing else of the service reads the environment; REVERIE_PRECISION, which all of the
package obeys, is read where the processor is asked (training/hardware.py).
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from reverie.errors import UsageError
from reverie.memory import available, processors

__all__ = ["Settings", "read"]

Count = Annotated[int, Field(ge=1)]
ROOT_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
OURS = ("api", "docs", "static", "problems", "healthz", "readyz", "metrics", "openapi.json")
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """Sizes are in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix="REVERIE_", frozen=True, extra="forbid", str_strip_whitespace=True)

    workspace: Path = Path()
    objects: str | None = None
    """s3://BUCKET/PREFIX to keep the workspace's files in object storage. None: they are in the folder."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Names that a browser may call the server by, besides localhost, 127.0.0.1 and [::1]."""
    root_path: str = ""
    """What a proxy has in front of all addresses, such as /reverie: see prefix.py."""
    keys: Path | None = None
    """File of hashed API keys. Needed where `host` is not of this machine alone."""

    quick_workers: Annotated[int, Field(ge=0)] = 1
    slow_workers: Annotated[int, Field(ge=0)] = 1
    """Processes of each lane: what someone waits for, and what takes minutes. 0 leaves a lane to workers elsewhere."""
    queue_slots: Count = 32
    """Jobs that may wait in each lane; beyond it the answer is 503 with Retry-After."""
    queue_url: str | None = None
    """postgresql://... to share the ledger of jobs among machines. None: SQLite in the workspace."""
    quick_seconds: Seconds = 60
    slow_seconds: Seconds = 14_400
    """Deadline of a job in each lane."""
    wait_seconds: Seconds = 30
    """Longest wait for a job inside one call; then the answer is 202 with the job's address."""
    grace_seconds: Seconds = 20
    """Time from SIGTERM to the exit."""

    body_bytes: Count = 24_000_000
    """Of a JSON request. A picture of base64_bytes fits; a larger body would hold the event loop while it is parsed."""
    header_bytes: Count = 16_384
    read_seconds: Seconds = 15
    """Longest silence of a client between two parts of its request."""
    connections: Count = 500
    """Open at one time; beyond it the answer is 503."""

    base64_bytes: Count = 16_000_000
    pixels: Count = 16_000_000
    decode_bytes: Count = 2**30
    """Address space that decoding one picture may add."""
    decode_seconds: Seconds = 5

    worker_threads: Count | None = None
    """Threads of the arithmetic in one worker. None: the processors that the server may use, in equal parts."""
    worker_jobs: Count = 500
    """Jobs after which a worker is replaced by a new process."""
    worker_grown: Count | None = None
    """Memory that a worker may hold after a job; beyond it it is replaced. None: half of what it may have."""
    worker_bytes: Count | None = None
    """Memory of one worker. None: that of the machine, in equal parts for each worker and for all else."""
    table_bytes: Count = 500_000_000
    """Of a file of a table when unpacked, and of the text in its cells; the largest table takes a worker some 3 GB."""
    table_rows: Count = 10_000_000
    table_columns: Count = 1_000
    table_cells: Count = 25_000_000
    table_text: Count = 100_000
    """Bytes of the text in one cell."""

    files: Count = 10_000
    total_bytes: Count = 20_000_000_000
    file_bytes: Count = 2_000_000_000
    cache_bytes: Count = 20_000_000_000
    """Of what a machine keeps of the object storage on its own disk."""
    free_bytes: Annotated[int, Field(ge=0)] = 500_000_000
    """Space on the disk that is left free; beyond it the answer is 507."""

    save_seconds: Seconds = 30
    """Between two uploads of what a training has saved, where files are in object storage."""

    telemetry: str | None = None
    """http://HOST:PORT of a collector of OpenTelemetry, which is sent the spans of calls and jobs. None: there are none."""

    kept_jobs: Count = 1000
    events_kept: Count = 2000

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """A list with commas, as in an environment variable."""
        if isinstance(value, str):
            value = value.split(",")
        return tuple(str(name).strip().lower() for name in value if str(name).strip())

    @field_validator("root_path")
    @classmethod
    def _in_front(cls, value: str) -> str:
        path = value.rstrip("/")
        if path and (not ROOT_PATH.fullmatch(path) or path.split("/")[1] in OURS):
            raise ValueError(
                f"it is a path such as /reverie, of letters, digits and . _ ~ -, and not one of {', '.join(OURS)}"
            )
        return path

    @field_validator("telemetry")
    @classmethod
    def _of_a_collector(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
            raise ValueError("it is the address of a collector, such as http://127.0.0.1:4318")
        return value

    @property
    def memory(self) -> int | None:
        """Bytes that one worker may have; None where neither the setting nor the machine says."""
        if self.worker_bytes is not None:
            return self.worker_bytes
        there = available()
        return None if there is None else there // (self.quick_workers + self.slow_workers + 1)

    @property
    def threads(self) -> int:
        """Threads of one worker."""
        return self.worker_threads or max(1, processors() // max(1, self.quick_workers + self.slow_workers))

    @property
    def grown(self) -> int | None:
        """Bytes that one worker may hold when it has nothing to do."""
        return self.worker_grown or (None if self.memory is None else self.memory // 2)

    @property
    def loopback(self) -> bool:
        """Whether only programs of this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def read(**given: Any) -> Settings:
    """Settings from what was given, then the environment, then the defaults. Raises UsageError that names the setting."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"the setting {name} (REVERIE_{name.upper()}) cannot be used: {first['msg'][:1].lower()}{first['msg'][1:]}."
        ) from error
