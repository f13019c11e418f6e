"""The units and the cron line of `deploy/` run commands that exist, with settings that exist."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from rollcall.settings import PROJECT, Settings

DEPLOY = PROJECT / "deploy"
FILES = [*sorted((DEPLOY / "systemd").glob("*.service")), DEPLOY / "cron" / "rollcall"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_scheduled_command_exists(house, file):
    commands = re.findall(r"/opt/rollcall/\.venv/bin/rollcall ([a-z]+)", file.read_text())
    assert commands
    for command in commands:
        assert "Usage: rollcall" in house.run(command, "--help").stdout


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
