"""What people who work on Rollcall start: the Makefile, the checks of a commit, and getting what the tests drive."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import programs
from rollcall.paths import PROJECT


def make(*arguments: str) -> str:
    # Not part of the `make test` that may have started this test.
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=PROJECT, env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip


def test_make_help_lists_every_command():
    phony = re.search(r"^\.PHONY: (.*)$", (PROJECT / "Makefile").read_text(), re.M)[1].split()
    listed = re.findall(r"^  make (\S+) +\S.*$", make("help"), re.M)
    assert sorted(listed) == sorted(phony) and "test" in listed


def test_a_commit_is_checked_as_make_lint_checks():
    printed = make("--dry-run", "--always-make", "lint").splitlines()
    linted = [line.strip() for line in printed if line.startswith(".venv/bin/") and " -m pip " not in line]
    config = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())
    hooks = [hook["entry"] for repository in config["repos"] for hook in repository["hooks"]]
    assert len(linted) == len(hooks) >= 4
    for command, entry in zip(linted, hooks, strict=True):
        # `make lint` names folders where a commit names files.
        assert command == entry or command.startswith(f"{entry} "), (command, entry)
        assert Path(PROJECT / entry.split()[0]).exists()


def test_ci_runs_what_the_makefile_has():
    workflow = yaml.safe_load((PROJECT / ".github" / "workflows" / "ci.yml").read_text())
    assert [step["run"] for step in workflow["jobs"]["ci"]["steps"] if "run" in step] == [".ci/run"]
    lines = re.findall(r"^(?:[A-Z_]+=\S+ )?make (.+)$", (PROJECT / ".ci" / "run").read_text(), re.M)
    commands = {word for line in lines for word in line.split() if not word.startswith("-") and "=" not in word}
    assert {"lint", "check-deploy", "audit", "test-dagster", "test-spark", "test"} <= commands
    run = "".join(make("--dry-run", *line.split()) for line in lines)
    assert 'pytest -m ""' in run, "the long ones are left out"


@pytest.fixture
def machine(tmp_path):
    """A machine without Chromium that cannot reach Playwright's server, and the package managers that a test puts there."""

    class Machine:
        log = tmp_path / "log"

        def has(self, name: str, script: str) -> None:
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)

        def run(self) -> subprocess.CompletedProcess[str]:
            environment = {
                "PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path / "browsers"), "HOME": str(tmp_path),
                "PLAYWRIGHT_DOWNLOAD_HOST": "http://127.0.0.1:9", "LOG": str(self.log), "HERE": str(tmp_path),
            }  # fmt: skip
            return subprocess.run(
                [sys.executable, programs.__file__],
                env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            )  # fmt: skip

    made = Machine()
    made.has("sshd", "exit 0")
    made.has("sudo", 'test "$1" = -n && shift; exec "$@"')
    return made


INSTALLS = r"""PATH=/usr/bin:/bin; echo "$(basename "$0") $*" >> "$LOG"
case "$*" in *install*) printf '#!/bin/sh\necho Chromium 1\n' > "$HERE/chromium"; chmod +x "$HERE/chromium";; esac"""


@pytest.mark.parametrize(
    ("manager", "command"),
    {
        "apt-get": "apt-get install -y --no-install-recommends chromium",
        "dnf": "dnf install -y chromium",
        "brew": "brew install google-chrome",
    }.items(),
)
@pytest.mark.long
def test_what_is_missing_is_installed_and_said_in_a_line(machine, manager, command):
    machine.has(manager, INSTALLS)
    done = machine.run()
    assert done.returncode == 0, done
    said = [line for line in done.stdout.splitlines() if line.startswith("Installing")]
    assert len(said) == 2 and said[0] == "Installing Chromium: playwright install chromium"
    assert said[1].startswith("Installing Chromium: ") and said[1].endswith(command)
    ran = machine.log.read_text().splitlines()
    assert ran == (["apt-get update"] if manager == "apt-get" else []) + [command]
    again = machine.run()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", ""), "what is there is not installed again"


def test_where_the_package_manager_cannot_install_the_command_to_type_is_said(machine):
    machine.has("apt-get", "echo 'E: no such package'; exit 100")
    done = machine.run()
    assert done.returncode == 1 and "E: no such package" in done.stdout
    assert "The tests need Chromium, which could not be installed here." in done.stderr
    assert done.stderr.strip().endswith("apt-get install -y --no-install-recommends chromium")
    assert "sudo -n" not in done.stderr


def test_where_there_is_no_package_manager_the_program_is_named(machine):
    done = machine.run()
    assert done.returncode == 1 and "The tests need Chromium" in done.stderr
    assert "your system's package manager" in done.stderr


def test_a_browser_that_does_not_start_is_none(machine):
    machine.has("chromium", "exit 1")
    machine.has("chromium-browser", "echo 'install the snap' >&2; exit 1")
    assert machine.run().returncode == 1
    shutil.copy("/bin/echo", machine.log.parent / "google-chrome")
    assert machine.run().returncode == 0


def test_the_list_of_licenses_is_that_of_the_lock():
    """By name and version, whatever is installed here; `make licenses` writes it."""
    lock = set(re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", (PROJECT / "requirements.lock").read_text("utf-8"), re.M))
    text = (PROJECT / "docs" / "licenses.md").read_text("utf-8")
    listed = re.findall(r"^\| ([\w.-]+) \| (\d\S*) \| (.+) \|$", text, re.M)
    assert len(listed) > 100 and {(name, version) for name, version, _ in listed} <= lock
    elsewhere = re.search(r"^On other systems.*: (.*)\.$", text, re.M)
    assert {name for name, _ in lock} == {name for name, _, _ in listed} | set(
        elsewhere[1].split(", ") if elsewhere else ()
    )
    assert not [name for name, _, license_ in listed if license_ == "not stated"]


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}, 0, "No advisory applies to 1 packages"),
        ({"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}]}, 1, "a 1: X-1; fixed in 2"),
        ({"dependencies": [{"name": "a", "skip_reason": "not found"}]}, 0, "Nothing was audited"),
        ({"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}]}, 0, "does not know them: b"),
        ("connection refused", 0, "cannot be reached from here. pip-audit says: connection refused"),
        ("no such file", 2, "pip-audit failed: no such file"),
    ],
)  # fmt: skip
def test_an_audit_without_an_answer_is_not_a_clean_one(answer, code, words):
    sys.path.insert(0, str(PROJECT / "scripts"))
    from audit_packages import judge

    found, lines = judge("", f"trace\n{answer}") if isinstance(answer, str) else judge(json.dumps(answer), "")
    assert found == code and words in "\n".join(lines)
