"""Compose file, image, units and example settings tell the same story, without any of them being started."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from flows.settings import Settings
from ingest.settings import IngestSettings
from tests.test_house_rules import COMMANDS, ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = ("keys", "simulate")
OURS = [name for name, service in SERVICES.items() if "build" in service]
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
# Those that name folders, files, another broker or this machine: in an override file, or on the host. A cluster needs
# an extra that the image has not.
NOT_PASSED_ON = {
    "data_dir",
    "embedded_broker",
    "broker_conf",
    "broker_log",
    "collector",
    "bucket",
    "shared_group",
    "mappings",
    "recipients",
    "user",
    "purpose",
    "serve_sql",
    "serve_sql_token",
    "unsubscribe_host",
    "unsubscribe_port",
    "prefect_database_url",
    "runner",
    "runner_address",
    "partitions",
}
UNITS = ROOT / "deploy" / "systemd"


@pytest.fixture(scope="module")
def up() -> ModuleType:
    """deploy/up.py, which is a program and belongs to no package."""
    spec = spec_from_file_location("up", ROOT / "deploy" / "up.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def set_in(service: str) -> dict[str, str]:
    found = SERVICES[service].get("environment", {})
    return {name.removeprefix("ODOGRAPH_").lower(): text for name, text in found.items() if "ODOGRAPH_" in name}


def test_every_setting_reaches_the_containers_or_is_named_as_one_that_does_not():
    passed = set_in("collector").keys() | set_in("worker").keys()
    assert passed | NOT_PASSED_ON == Settings.model_fields.keys()
    assert not passed & NOT_PASSED_ON
    assert {name for service in SERVICES for name in set_in(service)} <= Settings.model_fields.keys()


def test_collector_and_worker_read_the_same_line():
    both = IngestSettings.model_fields.keys() & set_in("collector").keys() & set_in("worker").keys()
    assert both >= {"broker_url", "max_age_days", "spool_max_gb", "timezone"}
    assert all(set_in("collector")[name] == set_in("worker")[name] for name in both)


@pytest.mark.parametrize("service", SERVICES)
def test_a_setting_is_given_by_its_own_name_and_empty_means_its_default(service):
    for name, text in set_in(service).items():
        if "$" in text:
            assert text == f"${{ODOGRAPH_{name.upper()}:-}}"


def test_the_example_lists_every_variable_of_the_compose_file_with_its_default_and_no_other():
    used: dict[str, str] = {}
    for name, default in VARIABLE.findall((ROOT / "docker-compose.yml").read_text()):
        assert used.setdefault(name, default) == default
    lines = (ROOT / ".env.example").read_text().splitlines()
    listed = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    ours = {name: default for name, default in listed.items() if not name.startswith("ODOGRAPH_")}
    assert ours == {name: default for name, default in used.items() if not name.startswith("ODOGRAPH_")}


def test_no_compose_file_of_ours_has_a_version_because_compose_2_warns_of_it():
    assert "version" not in COMPOSE
    for page in (ROOT / "docs").glob("*.md"):
        for text in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL):
            assert "version" not in yaml.safe_load(text), page.name


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_bounded_and_may_do_nothing_it_need_not(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].split(":")[0]) > 0
    limits = (f"{name.upper()}_MEMORY", f"{name.upper()}_CPUS")
    assert [VARIABLE.fullmatch(service[key])[1] for key in ("mem_limit", "cpus")] == [*limits]
    assert service["pids_limit"] > 0
    assert "max-size" in service["logging"]["options"]
    assert not {"privileged", "network_mode", "pid", "devices"} & service.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_who_stays_is_looked_after_and_who_does_its_work_ends(name):
    service = SERVICES[name]
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
    assert ("healthcheck" in service) == (name not in ONCE)
    for needed, how in service.get("depends_on", {}).items():
        # What a profile leaves out cannot be waited for.
        assert "profiles" not in SERVICES[needed]
        assert how["condition"] == ("service_completed_successfully" if needed in ONCE else "service_healthy")


def test_images_of_others_are_pinned_and_have_a_stand_in():
    others = {service["image"] for name, service in SERVICES.items() if name not in OURS}
    base = re.search(r"^ARG PYTHON_IMAGE=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert base is not None
    stand_ins = (path.read_text() for path in (ROOT / "deploy" / "stand-ins").glob("*/Dockerfile"))
    named = {found[1] for text in stand_ins if (found := re.match(r"# Stands in for (\S+) ", text))}
    assert others | {base[1]} <= named
    assert all(re.search(r":[\w.]*\d+\.\d+|:RELEASE\.", image) for image in named)


def test_only_the_broker_can_be_opened_to_others_and_is_not_as_it_comes():
    for name, service in SERVICES.items():
        for text in service.get("ports", []):
            assert text.startswith("${BROKER_ADDRESS:-127.0.0.1}:" if name == "broker" else "127.0.0.1:")


def mounts(name: str) -> dict[str, tuple[str, bool]]:
    """Volumes by where they are mounted: name, and whether the service may write."""
    parts = (text.split(":") for text in SERVICES[name].get("volumes", []))
    return {target[0]: (source, target[1:] != ["ro"]) for source, *target in parts}


def test_a_key_is_where_it_is_needed_and_nowhere_else():
    readers = {
        volume: {name for name in SERVICES if volume in {source for source, _ in mounts(name).values()}} - {"keys"}
        for volume in COMPOSE["volumes"]
        if "keys" in volume or volume == "authority"
    }
    assert readers == {
        "authority": set(),
        "broker-keys": {"broker"},
        "collector-keys": {"collector"},
        "simulator-keys": {"simulate"},
        "database-keys": {"database", "prefect"},
        "store-keys": {"store", "collector", "worker"},
    }
    written = {source for name in SERVICES if name != "keys" for source, writes in mounts(name).values() if writes}
    assert not written & readers.keys()


def test_every_volume_is_mounted_on_a_folder_that_the_image_gives_its_user():
    text = (ROOT / "Dockerfile").read_text()
    folders = {"/data", "/mail", "/store", "/var/cache/odograph", *re.findall(r"/keys/\w+", text)}
    assert all(folder in text for folder in folders)
    for name in OURS:
        assert mounts(name).keys() <= folders
    assert {source for name in SERVICES for source, _ in mounts(name).values()} == COMPOSE["volumes"].keys()
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE)[-1] == SERVICES["worker"]["user"]


def test_what_the_image_is_built_from_is_let_into_the_build():
    let_in = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert {name for line in copied for name in line.split()} <= let_in
    assert all((ROOT / name).exists() for name in let_in)
    assert not let_in & {".env", "tests", "deploy"}


def test_the_lock_of_the_image_is_part_of_the_lock_of_all():
    whole, image = ((ROOT / path).read_text() for path in ("requirements.lock", "deploy/requirements.lock"))
    pins, of_image = ({*re.split(r"\n(?=\S)", text.strip())} for text in (whole, image))
    assert of_image < pins
    left_out = {pin.split("==")[0] for pin in pins - of_image}
    assert left_out >= {"mypy", "pytest", "ruff"}
    assert not left_out & {"aiosmtpd", "asyncpg", "duckdb", "hatchling", "numba", "prefect"}


def test_make_up_tells_of_every_service_and_asks_for_every_port(up):
    assert up.ABOUT.keys() == SERVICES.keys() - {"simulate"}
    of_profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert of_profiles == {name: [profile] for name, profile in up.OF_PROFILE.items()} | {"simulate": ["simulate"]}
    assert {profile for service in SERVICES.values() for profile in service.get("profiles", ())} <= {*up.PROFILES}
    published = {
        (name, VARIABLE.findall(text)[-1][0], VARIABLE.findall(text)[-1][1])
        for name, service in SERVICES.items()
        for text in service.get("ports", [])
    }
    assert {(port.service, port.variable, str(port.number)) for port in up.wanted_ports({}, ["dev", "s3"])} == published


def test_what_a_profile_points_the_line_at_is_a_service_of_it_and_reaches_the_containers(up):
    for profile, given in up.POINTED_AT.items():
        hosts = {found[1] for text in given.values() if (found := re.search(r"//(\w+):\d+$", text))}
        assert hosts == {name for name, of in up.OF_PROFILE.items() if of == profile}
        assert given.keys() <= SERVICES["worker"]["environment"].keys()


def test_make_up_says_which_port_is_taken_and_what_is_no_port(up):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        number = other.getsockname()[1]
        ports = up.wanted_ports({"PREFECT_PORT": str(number)}, [])
        assert [port.variable for port in ports if port.number == number and up.taken(port)] == ["PREFECT_PORT"]
    assert up.taken(ports[-1]) is None
    with pytest.raises(up.CannotStart, match="BROKER_PORT='8883x'"):
        up.wanted_ports({"BROKER_PORT": "8883x"}, [])


@pytest.mark.parametrize(
    ("docker", "said"),
    [
        (None, "docker is not installed"),
        ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "the docker daemon does not answer"),
        ("echo 'permission denied while trying to connect' >&2; exit 1", "join the group docker"),
        ('[ "$1" = version ]', "compose is not"),
    ],
)
def test_make_up_says_what_is_missing(tmp_path, docker, said):
    if docker is not None:
        (tmp_path / "docker").write_text(f"#!/bin/sh\n{docker}\n")
        (tmp_path / "docker").chmod(0o755)
    asked = subprocess.run(
        [sys.executable, ROOT / "deploy" / "up.py", "up"], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert (asked.returncode, said in asked.stderr) == (1, True), asked.stderr
    assert "Traceback" not in asked.stderr


def test_make_up_reads_the_env_file_as_compose_does(up, tmp_path):
    env = tmp_path / ".env"
    env.write_text(
        """# WITHOUT=1
BARE = a b
HASH=a#b  # said beside it
SINGLE='two $words # all of it'  # said beside it
DOUBLE="smtp://a:b@c"
export GIVEN=1
EMPTY=
ONLY_SAID=  # nothing
"""
    )
    assert up.read_env(env) == {
        "BARE": "a b",
        "HASH": "a#b",
        "SINGLE": "two $words # all of it",
        "DOUBLE": "smtp://a:b@c",
        "GIVEN": "1",
        "EMPTY": "",
        "ONLY_SAID": "",
    }
    assert up.read_env(tmp_path / "none") == {}


def test_while_a_container_is_replaced_the_new_one_counts(up, tmp_path, monkeypatch):
    """Compose 2 makes the new one first, and stops the one of before only then."""

    def container(service: str, created: str, state: str, **labels: str) -> dict[str, Any]:
        said = {"Status": state, "ExitCode": 0, **({"Health": {"Status": "healthy"}} if state == "running" else {})}
        labels = {f"com.docker.compose.{name}": text for name, text in {"service": service, **labels}.items()}
        return {"Created": f"2026-11-22T11:{created}Z", "State": said, "Config": {"Labels": labels}}

    found = [
        container("worker", "48:28.51", "created"),
        container("broker", "47:00", "running"),
        container("worker", "48:28.5", "running", oneoff="False"),
        container("broker", "49:00", "exited", oneoff="True"),
    ]
    (tmp_path / "found.json").write_text(json.dumps(found))
    (tmp_path / "docker").write_text(f"#!/bin/sh\ncat '{tmp_path}/found.json'\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    now = {each.service: each.shown for each in up.containers(["echo", "some", "ids"], os.environ)}
    assert now == {"broker": "healthy", "worker": "created"}
    assert len([*up.containers(["echo", "some", "ids"], os.environ)]) == 2


def test_make_up_blames_what_failed_and_not_what_waits_for_it(up, capfd, tmp_path):
    logs = [sys.executable, "-c", "import sys; print('logs of', sys.argv[-1])"]
    made = up.Container("worker", "created", None, 0)
    failed = up.Container("keys", "exited", None, 3)
    with pytest.raises(up.CannotStart, match=r"^not up: keys\. "):
        up.explain(logs, os.environ, [made, failed])
    assert capfd.readouterr().err == "--- keys (failed with status 3)\nlogs of keys\n"
    with pytest.raises(up.CannotStart, match=r"^not up: worker\. "):
        up.explain(logs, os.environ, [made])


def test_make_up_shows_of_compose_2_what_went_wrong_and_not_what_went_well(up):
    said = """ Network x_default  Creating
 Volume "x_data"  Created
 Container x-keys-1  Started
 Container x-keys-1  service "keys" didn't complete successfully: exit 3
 broker Error Get "https://registry": no such host
Creating x_keys_1 ... done
 Container x-mail-1  Error
no room
"""
    assert up.shortened(said).splitlines() == [*said.splitlines()[3:]]


CLASSIC = """Step 1/2 : FROM base
 ---> abc
Step 2/2 : RUN make
 ---> Running in def
"""
# Steps run side by side, and a step is named again whenever its turn to speak comes.
BUILDKIT = """#0 building with "default" instance using docker driver

#1 [worker internal] load build definition from Dockerfile
#1 DONE 0.0s

#2 [worker base 1/2] FROM docker.io/library/base
#2 DONE 0.0s

#3 [worker base 2/2] RUN make
#3 ...

#4 [worker stage-2 1/1] RUN install
#4 DONE 0.4s

#3 [worker base 2/2] RUN make
#3 0.2 made
#3 DONE 2.9s

#5 [worker] exporting to image
"""


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (CLASSIC, ["Step 1/2 : FROM base", "Step 2/2 : RUN make"]),
        (
            BUILDKIT,
            [
                "#2 [worker base 1/2] FROM docker.io/library/base",
                "#3 [worker base 2/2] RUN make",
                "#4 [worker stage-2 1/1] RUN install",
                "#5 [worker] exporting to image",
            ],
        ),
    ],
)
def test_make_up_shows_each_step_of_either_builder_once(up, capfd, said, shown):
    up.build([sys.executable, "-c", f"print({said!r})"], os.environ)
    assert [line.strip() for line in capfd.readouterr().out.splitlines()] == shown
    with pytest.raises(up.CannotStart, match="could not be built"):
        up.build([sys.executable, "-c", f"print({said!r}); print('why'); exit(1)"], os.environ)
    assert capfd.readouterr().err.endswith("why\n\n")


def test_the_store_finds_its_bucket_again_after_a_slow_start(tmp_path):
    """Started again it may list buckets too late to see its own, and fails to make it because it is there."""
    weed = """#!/bin/sh
cd "$(dirname "$0")"
if [ "$1" = shell ]; then
    read -r what
    case $what in
        s3.bucket.list) [ ! -e listed ] || echo "  odograph  size:0"; touch listed ;;
        *) echo "error: bucket odograph already exists"; exit 1 ;;
    esac
else
    for _ in $(seq 100); do [ -e bucket ] && exit; sleep 0.1; done
fi
"""
    (tmp_path / "weed").write_text(weed)
    (tmp_path / "weed").chmod(0o755)
    command = SERVICES["store"]["command"][0].replace("$$", "$").replace("/tmp/bucket", f"{tmp_path}/bucket")
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", command], env=env, timeout=30)
    assert (tmp_path / "bucket").exists()


def unit(path: Path) -> dict[str, list[str]]:
    """The lines of a unit by their names; a name may come more than once."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if "=" in line and line[0] not in "#[":
            name, text = line.split("=", 1)
            found.setdefault(name, []).append(text)
    return found


@pytest.mark.parametrize("path", sorted(UNITS.glob("*.service")), ids=lambda path: path.stem)
def test_every_unit_runs_a_command_of_ours_bounded_and_is_started_again(path):
    found = unit(path)
    program, command, *_ = found["ExecStart"][0].split()
    assert (program, command in COMMANDS) == ("/opt/odograph/bin/odograph", True)
    assert path.name.startswith("odograph-"), "only then is it hardened"
    assert found["MemoryMax"]
    assert found.get("Restart") == ["always"] or (found["Type"] == ["oneshot"] and path.with_suffix(".timer").exists())


def test_units_and_settings_of_a_machine_without_containers_name_settings_there_are():
    known = {f"ODOGRAPH_{name.upper()}" for name in Settings.model_fields}
    text = "".join(path.read_text() for path in UNITS.rglob("*") if path.is_file())
    assert {*re.findall(r"\b(ODOGRAPH_\w+)=", text)} <= known


def test_systemd_accepts_the_units_and_finds_them_closed(tmp_path):
    if shutil.which("systemd-analyze") is None:
        assert "CI" not in os.environ, "systemd must be installed in continuous integration"
        pytest.skip("systemd is not installed")
    folder = tmp_path / "etc" / "systemd" / "system"
    shutil.copytree(UNITS, folder)
    for program in ("opt/odograph/bin/odograph", "usr/sbin/mosquitto", "bin/kill"):
        (tmp_path / program).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    names = sorted(path.name for path in UNITS.glob("odograph-*.*") if path.is_file())
    assert len([name for name in names if name.endswith(".service")]) == 3
    for name in names:
        asked = systemd_analyze(tmp_path, "--recursive-errors=no", "verify", name)
        assert (asked.returncode, asked.stderr) == (0, ""), name
        if name.endswith(".service"):
            # Of 100, where a unit without a word about it has 96.
            closed = systemd_analyze(tmp_path, "security", "--offline=yes", "--threshold=16", name)
            assert closed.returncode == 0, closed.stdout


def systemd_analyze(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["systemd-analyze", f"--root={root}", *arguments], capture_output=True, text=True)
