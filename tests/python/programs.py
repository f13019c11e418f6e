"""What the tests drive, where it is, and getting what is not there: Chromium, sshd, and what Playwright itself needs.

`make test` and CI run this file before the tests: `python tests/python/programs.py`. Chromium comes from Playwright where its
server can be reached, else from the system's package manager; everything else comes from the package manager.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

# How each package manager is called, and the packages it has. Homebrew refuses to run as root, and asks by itself.
MANAGERS = {
    "apt-get": ["apt-get", "install", "-y", "--no-install-recommends"],
    "dnf": ["dnf", "install", "-y"],
    "brew": ["brew", "install"],
}
PACKAGES = {
    "libatomic for Playwright": {"apt-get": "libatomic1", "dnf": "libatomic"},
    "Chromium": {"apt-get": "chromium", "dnf": "chromium", "brew": "google-chrome"},
    "an SSH server": {"apt-get": "openssh-server", "dnf": "openssh-server", "brew": "openssh"},
}
PLAYWRIGHT = [sys.executable, "-m", "playwright"]
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def chromium(driver: bool = True) -> str | None:
    """A Chromium that starts: the system's, else Playwright's, if its driver starts."""
    if found := next((path for name in BROWSERS if (path := shutil.which(name)) and _starts(path)), None):
        return found
    if not driver:
        return None
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if _starts(own) else None


def sshd() -> str | None:
    return shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


def _starts(*program: str) -> bool:
    """Not so for Ubuntu's placeholder for the snap, or for a download whose libraries the system lacks."""
    try:
        return subprocess.run([*program, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def missing() -> list[str]:
    driver = _starts(*PLAYWRIGHT)
    here = {
        "libatomic for Playwright": driver,
        "Chromium": bool(chromium(driver)),
        "an SSH server": bool(sshd()),
    }
    return [name for name, found in here.items() if not found]


def install(names: list[str]) -> list[str]:
    """The command that installs them here; empty without a package manager that has them."""
    for manager, command in MANAGERS.items():
        if shutil.which(manager) and (
            packages := [PACKAGES[name][manager] for name in names if manager in PACKAGES[name]]
        ):
            return [*([] if manager == "brew" else _as_root()), *command, *packages]
    return []


def get(names: list[str]) -> None:
    """Installs them, as far as that goes here; what is still missing afterwards is for the caller to see."""
    if not (command := install(names)):
        return
    print(f"Installing {' and '.join(names)}: {shlex.join(command)}", flush=True)
    if "apt-get" in command:
        _run([*_as_root(), "apt-get", "update"])
    if _run(command) and "an SSH server" in names and Path("/run/systemd/system").is_dir():
        # The tests start an sshd of their own on loopback; this machine need not serve SSH because of them.
        units = ["ssh.service", "ssh.socket"] if "apt-get" in command else ["sshd.service"]
        _run([*_as_root(), "systemctl", "disable", "--now", *units])


def get_from_playwright() -> bool:
    print("Installing Chromium: playwright install chromium", flush=True)
    if not _run([*PLAYWRIGHT, "install", "chromium"]):
        return False
    if not chromium() and shutil.which("apt-get"):
        print("Installing the libraries that Chromium needs: playwright install-deps chromium", flush=True)
        _run([*PLAYWRIGHT, "install-deps", "chromium"])
    return bool(chromium())


def _as_root() -> list[str]:
    if os.geteuid() == 0 or not shutil.which("sudo"):
        return []
    # Nobody can type a password where there is no terminal.
    return ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]


def _run(command: list[str]) -> bool:
    """Whether it went well; if not, prints its errors, else the end of its output."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        lines = done.stdout.splitlines()
        errors = [line for line in lines if "error:" in line.lower() or line.startswith("E: ")] or lines
        print("".join(f"  {line.strip()}\n" for line in errors[-3:]), end="", flush=True)
    return done.returncode == 0


def main() -> None:
    lacking = missing()
    if others := [name for name in lacking if name != "Chromium"]:
        get(others)
    if "Chromium" in lacking and not get_from_playwright():
        get(["Chromium"])
    if lacking and (still := missing()):
        command = shlex.join(part for part in install(still) if part != "-n") or "your system's package manager"
        sys.exit(f"The tests need {' and '.join(still)}, which could not be installed here. Install with: {command}")


if __name__ == "__main__":
    main()
