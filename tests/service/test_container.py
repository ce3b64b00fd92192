"""The container's files keep the rules: no root, nothing writable, no capability, versions named, secrets mounted; what they
and the unit of systemd start serves, with the environment that they give and no other."""

import fnmatch
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from reverie.service import keys
from reverie.service.settings import Settings

ROOT = Path(__file__).parents[2]
INSTRUCTIONS = {"FROM", "ARG", "WORKDIR", "RUN", "COPY", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "CMD"}


def steps() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, with continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in joined]


@pytest.fixture
def service() -> dict:
    (only,) = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"].values()
    return only


def test_the_dockerfile_holds_known_instructions_only():
    assert {name for name, _ in steps()} <= INSTRUCTIONS


def test_the_one_base_names_its_version_and_may_be_named_by_its_digest(service):
    """A digest that nobody looked up would be a made-up number: the one who builds gives it."""
    assert {text.split(" ")[0] for name, text in steps() if name == "FROM"} == {"${BASE}"}
    (base,) = [text.removeprefix("BASE=") for name, text in steps() if name == "ARG" and text.startswith("BASE=")]
    assert re.fullmatch(r"[a-z./-]+:\d+\.\d+[\w.-]*", base)
    assert service["build"]["args"]["BASE"] == f"${{REVERIE_BASE:-{base}}}"
    assert "sha256:" not in (ROOT / "Dockerfile").read_text() + (ROOT / "compose.yaml").read_text()


def test_the_last_stage_runs_as_nobody_special():
    last = max(i for i, (name, _) in enumerate(steps()) if name == "FROM")
    users = [text for name, text in steps()[last:] if name == "USER"]
    assert users
    assert int(users[-1].split(":")[0]) >= 1000
    after = [name for name, _ in steps()[last:]]
    assert after.index("USER") > max(i for i, name in enumerate(after) if name in ("RUN", "COPY"))


def test_versions_are_those_of_the_constraints():
    installs = [text for name, text in steps() if name == "RUN" and "pip install" in text]
    assert installs
    assert all("-c constraints.txt" in text for text in installs)


def test_no_secret_is_in_the_image():
    for name, text in steps():
        assert name in ("CMD", "HEALTHCHECK", "FROM") or not re.search(r"(?i)secret|password|token|key", text)


def test_it_serves_with_keys_from_a_secret_and_is_watched():
    (command,) = [text for name, text in steps() if name == "CMD"]
    words = yaml.safe_load(command)
    assert words[:2] == ["reverie", "serve"]
    options = dict(zip(words[2::2], words[3::2], strict=True))
    assert options["--keys"].startswith("/run/secrets/")
    assert not Settings(host=options["--host"]).loopback
    (check,) = [text for name, text in steps() if name == "HEALTHCHECK"]
    assert "/healthz" in check
    (volume,) = [text for name, text in steps() if name == "VOLUME"]
    assert volume == options["--workspace"]


def test_compose_gives_the_container_nothing_it_does_not_need(service):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(service)
    assert not re.match(r"(0|root)\b", service["user"])
    assert service["pids_limit"] and service["cpus"]
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])
    assert service["mem_limit"]
    assert any(place.startswith("/tmp") for place in service["tmpfs"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert not service["image"].endswith("latest")
    assert ":" in service["image"]


def test_compose_keeps_the_workspace_in_a_volume_and_the_keys_in_a_secret(service):
    whole = yaml.safe_load((ROOT / "compose.yaml").read_text())
    (volume,) = service["volumes"]
    name, place = volume.split(":")
    assert name in whole["volumes"]
    assert ("VOLUME", place) in steps()
    (secret,) = service["secrets"]
    (command,) = [text for name, text in steps() if name == "CMD"]
    assert f"/run/secrets/{secret}" in command
    assert "file" in whole["secrets"][secret]


def test_compose_waits_longer_than_the_server_takes_to_stop(service):
    told = {name.removeprefix("REVERIE_").lower() for name in service["environment"]}
    assert told <= set(Settings.model_fields)
    assert int(service["stop_grace_period"].removesuffix("s")) > float(service["environment"]["REVERIE_GRACE_SECONDS"])


@pytest.fixture
def unit() -> dict[str, str]:
    """The service of systemd; of what is said twice the last."""
    lines = [line.strip() for line in (ROOT / "reverie.service").read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_systemd_gives_the_service_nothing_it_does_not_need(unit):
    assert unit["User"] not in ("", "root") and unit["CapabilityBoundingSet"] == "" and unit["ProtectSystem"] == "strict"
    for name in (
        "NoNewPrivileges",
        "ProtectHome",
        "PrivateTmp",
        "RestrictSUIDSGID",
        "LockPersonality",
        "RestrictNamespaces",
    ):
        assert unit[name] == "yes"
    assert "ProcSubset" not in unit  # what memory there is, and the file behind a descriptor, is read below /proc
    command = unit["ExecStart"].split()
    assert command[1:3] == ["serve", "--workspace"] and command[3] == f"/var/lib/{unit['StateDirectory']}"


def test_systemd_lets_the_server_end_its_workers_and_waits_for_it(unit):
    told = dict(word.split("=", 1) for word in unit["Environment"].split())
    ours = {name.removeprefix("REVERIE_").lower(): value for name, value in told.items() if name.startswith("REVERIE_")}
    assert set(ours) <= set(Settings.model_fields) and unit["KillMode"] == "mixed"
    assert float(unit["TimeoutStopSec"]) > float(ours["grace_seconds"])


@pytest.mark.parametrize(
    ("path", "sent"),
    [("src", True), ("pyproject.toml", True), ("keys.json", False), (".git", False), ("demo", False), ("visits.csv", False)],
)
def test_only_what_is_installed_is_sent_to_the_build(path, sent):
    kept = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#") and fnmatch.fnmatch(path, line.removeprefix("!")):
            kept = line.startswith("!")
    assert kept == sent


def test_what_the_build_copies_is_there():
    for name, text in steps():
        if name == "COPY" and not text.startswith("--from"):
            for source in text.split()[:-1]:
                assert (ROOT / source).exists()


PLACES = ("/workspace", "/run/secrets", "/tmp", "/var/lib/reverie", "/etc/reverie")
"""Of the container and of the unit; here they stand below the folder of the test."""
WITHOUT_WORKERS = "REVERIE_PORT=0\nREVERIE_QUICK_WORKERS=0\nREVERIE_SLOW_WORKERS=0\n"
"""As it may stand in /etc/reverie/environment."""


def of_the_unit(unit, service) -> tuple[list[str], dict[str, str], list[str]]:
    return unit["ExecStart"].split(), dict(word.split("=", 1) for word in unit["Environment"].split()), []


def of_the_container(unit, service) -> tuple[list[str], dict[str, str], list[str]]:
    told = {name: text for name, text in steps() if name in ("ENV", "CMD", "HEALTHCHECK")}  # the last of each
    given = dict(word.split("=", 1) for word in shlex.split(told["ENV"]))
    compose = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", text) for name, text in service["environment"].items()}
    return yaml.safe_load(told["CMD"]), {**given, **compose}, yaml.safe_load(told["HEALTHCHECK"].partition("CMD ")[2])


@pytest.mark.parametrize("of", [of_the_unit, of_the_container])
def test_what_is_started_serves_those_who_have_a_key_and_ends_in_time(of, unit, service, tmp_path):
    def here(text: str) -> str:
        return re.sub(rf"^({'|'.join(PLACES)})(?=/|$)", rf"{tmp_path}\1", text)

    def ask(path: str, key: str = "") -> int:
        named = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", headers={"authorization": f"Bearer {key}"} if key else {}
        )
        try:
            return urllib.request.urlopen(named, timeout=60).status
        except urllib.error.HTTPError as error:
            return error.code

    command, given, check = of(unit, service)
    assert command.pop(0).rpartition("/")[2] == "reverie"
    ours = {name: os.environ[name] for name in ("PYTHONPATH", "PATH") if name in os.environ}
    environment = (
        {name: here(text) for name, text in given.items()} | dict(told.split("=") for told in WITHOUT_WORKERS.split()) | ours
    )
    options = [here(word) if before != "--port" else "0" for before, word in zip(["", *command], command, strict=False)]
    for place in PLACES:
        Path(here(place)).mkdir(parents=True, exist_ok=True)
    keyed = environment.get("REVERIE_KEYS") or options[options.index("--keys") + 1]
    key = keys.make(Path(keyed), "alice")
    line = [sys.executable, "-m", "reverie", *options]
    with subprocess.Popen(
        line, env=environment, cwd="/", umask=0o077, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout and process.stderr
            port = process.stdout.readline().strip().rpartition(":")[2]
            assert port.isdigit(), process.stderr.read()
            assert (ask("/healthz"), ask("/api/files"), ask("/api/files", key)) == (200, 401, 200)
            if check:
                watch = [sys.executable, *(word.replace(":8000", f":{port}") for word in check[1:])]
                assert subprocess.run(watch, env=environment).returncode == 0
            process.send_signal(signal.SIGTERM)
            assert process.wait(float(environment["REVERIE_GRACE_SECONDS"]) + 10) == 0
        finally:
            process.kill()
    workspace = Path(options[options.index("--workspace") + 1])
    assert (workspace / ".reverie/ledger.sqlite").stat().st_mode & 0o077 == 0
