"""The units and the cron line of `deploy/` run commands that exist, with settings that exist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rollcall.paths import PROJECT
from rollcall.settings import Settings

DEPLOY = PROJECT / "deploy"
FILES = [*sorted((DEPLOY / "systemd").glob("*.service")), DEPLOY / "cron" / "rollcall"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_scheduled_command_exists(house, file):
    commands = re.findall(r"/opt/rollcall/\.venv/bin/rollcall ([a-z]+)", file.read_text())
    assert commands
    for command in commands:
        assert "Usage: rollcall" in house.run(command, "--help").stdout


@pytest.mark.long
def test_the_lines_for_cron_run_as_they_stand(house):
    """With this machine's paths in place of those of a server, and nothing in the environment but what cron gives."""
    house.root.joinpath("landing/oakdale").mkdir(parents=True)
    house.root.joinpath("landing/oakdale/users.csv").write_text("a loose file")
    here = {
        "/opt/rollcall/.venv/bin/rollcall": str(Path(sys.executable).with_name("rollcall")),
        "/etc/rollcall.env": str(house.root / "rollcall.env"),
        "/srv/rollcall": str(house.root),
    }

    def moved(text: str) -> str:
        for there, path in here.items():
            text = text.replace(there, path)
        return text

    settings = (DEPLOY / "systemd" / "rollcall.env").read_text()
    (house.root / "rollcall.env").write_text(moved(settings) + "ROLLCALL_SETTLE_SECONDS=0\n")
    lines = re.findall(r"^(?:[\d*]+ ){2}\* \* \* +rollcall +(.*)$", (DEPLOY / "cron" / "rollcall").read_text(), re.M)
    done = [
        subprocess.run(["/bin/sh", "-c", moved(line)], env={"PATH": "/usr/bin:/bin"}, text=True, capture_output=True)
        for line in lines
    ]
    refresh, watch = done
    assert "there is nothing to collect" in refresh.stdout and "oakdale/users.csv: rejected" in refresh.stdout
    assert refresh.returncode == 20 and (house.build / "rollcall.log").stat().st_mode & 0o007 == 0
    assert "no alert is set up" in watch.stderr
    # Without its settings nothing is run: the rooms would be wherever cron stands.
    (house.root / "rollcall.env").unlink()
    failed = subprocess.run(["/bin/sh", "-c", moved(lines[0])], env={"PATH": "/usr/bin:/bin"}, capture_output=True)
    assert failed.returncode not in (0, 20) and not failed.stdout


def test_uploads_are_opened_by_root_before_each_refresh():
    """By systemd as root whatever the service's account is, by cron in a line of root's; the script is there to be run."""
    command = "deploy/sftp/open-uploads.sh"
    assert os.access(PROJECT / command, os.X_OK)
    unit = (DEPLOY / "systemd" / "rollcall-refresh.service").read_text()
    before, after = unit.split(f"\nExecStartPre=-+/opt/rollcall/{command}\n")
    assert "User=rollcall" in before and "\nExecStart=" in after
    line = next(line for line in (DEPLOY / "cron" / "rollcall").read_text().splitlines() if command in line)
    assert re.match(r"55 1 \* \* \* root ", line)


def test_every_setting_of_the_environment_file_exists():
    names = re.findall(r"^#?ROLLCALL_([A-Z_]+)=", (DEPLOY / "systemd" / "rollcall.env").read_text(), re.M)
    assert len(names) > 6 and {name.lower() for name in names} <= set(Settings.model_fields)


def test_every_timer_has_its_service():
    timers = sorted((DEPLOY / "systemd").glob("*.timer"))
    assert timers and all(timer.with_suffix(".service").exists() for timer in timers)


def test_the_units_are_well_formed_and_hardened(tmp_path):
    """Where systemd is: its own verdict. The services' program is not installed here, and that it may say."""
    if not (analyze := shutil.which("systemd-analyze")):
        for service in (DEPLOY / "systemd").glob("*.service"):
            assert "\nNoNewPrivileges=yes\n" in service.read_text()
        return
    for unit in sorted((DEPLOY / "systemd").glob("*.*")):
        if unit.suffix in (".service", ".timer"):
            done = subprocess.run([analyze, "verify", "--man=no", unit], text=True, capture_output=True)
            said = [line for line in done.stderr.splitlines() if unit.name in line and "is not executable" not in line]
            assert not said, said
    for service in (DEPLOY / "systemd").glob("*.service"):
        done = subprocess.run([analyze, "security", "--offline=true", service], text=True, capture_output=True)
        exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)[1])
        assert exposure < 2, (service.name, exposure)


CONTAINER = DEPLOY / "container"
COMPOSE = yaml.safe_load((CONTAINER / "compose.yaml").read_text("utf-8"))
ROOMS = {name for name, field in Settings.model_fields.items() if field.annotation is Path}


def test_the_image_has_what_the_command_needs_and_names_every_room():
    text = (CONTAINER / "Containerfile").read_text("utf-8")
    copied = {name for line in re.findall(r"^COPY (?!--)(.+) \S+$", text, re.M) for name in line.split()}
    assert {"models", "seeds", "macros", "tests", "scripts", "dbt_project.yml", "profiles.yml"} <= copied
    kept = (CONTAINER / "Containerfile.dockerignore").read_text("utf-8").split()
    for name in copied:
        assert (PROJECT / name).exists() and f"!{name}" in kept, name
    rooms = dict(re.findall(r"ROLLCALL_([A-Z]+)=(\S+)", text))
    assert {name.lower() for name in rooms} == ROOMS
    assert set(rooms.values()) == set(re.findall(r"/srv/rollcall/[a-z]+", text))


@pytest.mark.parametrize("name", ["schedule", "dashboard"])
def test_the_containers_of_the_command_write_to_the_rooms_alone(name, house):
    service = COMPOSE["services"][name]
    assert service["user"] == "10001:10001" and service["read_only"] and service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    mounts = dict(mount.split(":")[:2] for mount in service["volumes"])
    assert set(mounts) <= set(COMPOSE["volumes"])
    assert set(mounts.values()) == {f"/srv/rollcall/{room}" for room in ROOMS}
    command = service["command"]
    commands = re.findall(r"^\s*rollcall ([a-z]+)", command[0], re.M) if "entrypoint" in service else [command[0]]
    for each in commands:
        assert "Usage: rollcall" in house.run(each, "--help").stdout


def test_the_proxy_takes_its_configuration():
    """By Caddy itself, where it is."""
    file = CONTAINER / "Caddyfile"
    assert file.read_text("utf-8").count("{") == file.read_text("utf-8").count("}")
    if caddy := shutil.which("caddy"):
        command = [caddy, "validate", "--adapter", "caddyfile", "--config", file]
        done = subprocess.run(
            command, text=True, capture_output=True, env=os.environ | {"ROLLCALL_NAME": "rollcall.oakdale.org"}
        )
        assert done.returncode == 0 and "Valid configuration" in done.stderr + done.stdout, done.stderr


def test_the_compose_file_means_what_it_says(tmp_path):
    """By Compose, where it is: names and variables are put in, and what is missing is said. Version 1 knows no name of a project."""
    (tmp_path / "rollcall.env").write_text("")
    text = (CONTAINER / "compose.yaml").read_text("utf-8")
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", text)) == {"ROLLCALL_NAME"}
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        program = ["docker", "compose"]
    elif old := shutil.which("docker-compose"):
        program, text = [old], re.sub(r"^name: .*\n", "version: '3.8'\n", text, flags=re.M)
    else:
        return
    (tmp_path / "compose.yaml").write_text(text, "utf-8")
    command = [*program, "--file", str(tmp_path / "compose.yaml"), "config"]
    without = {name: value for name, value in os.environ.items() if name != "ROLLCALL_NAME"}
    failed = subprocess.run(command, text=True, capture_output=True, env=without)
    assert failed.returncode != 0 and "the name under which people reach the dashboard" in failed.stderr
    done = subprocess.run(
        command, text=True, capture_output=True, env=without | {"ROLLCALL_NAME": "rollcall.oakdale.org"}
    )
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert services["dashboard"]["environment"]["ROLLCALL_PUBLIC_URL"] == "https://rollcall.oakdale.org"
    assert set(services) == set(COMPOSE["services"])


def test_the_dashboard_is_reached_by_the_proxy_alone():
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["sftp", "proxy"]
    assert COMPOSE["services"]["dashboard"]["networks"] == ["inside"]
    assert "reverse_proxy dashboard:8050" in (CONTAINER / "Caddyfile").read_text("utf-8")
    given = {name for service in COMPOSE["services"].values() for name in service.get("environment", {})}
    assert {name.removeprefix("ROLLCALL_").lower() for name in given - {"ROLLCALL_NAME"}} <= set(Settings.model_fields)
