"""Chromium and sshd, which the tests drive: where they are, and getting them where they are not.

`make test` and CI run this file before the tests: `python tests/python/programs.py`. Chromium comes from Playwright where its
server can be reached, else from the system's package manager; sshd comes from the package manager.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

# For each package manager, the packages to install, and how it is called. Homebrew refuses to run as root and asks by itself.
MANAGERS = {
    "apt-get": ("chromium", "openssh-server", ["apt-get", "install", "-y", "--no-install-recommends"]),
    "dnf": ("chromium", "openssh-server", ["dnf", "install", "-y"]),
    "brew": ("google-chrome", "openssh", ["brew", "install"]),
}
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def chromium() -> str | None:
    """A Chromium that starts: the system's, else Playwright's."""
    if found := next((path for name in BROWSERS if (path := shutil.which(name)) and _starts(path)), None):
        return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if _starts(own) else None


def sshd() -> str | None:
    return shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


def _starts(program: str) -> bool:
    """Not so for Ubuntu's placeholder for the snap, or for a download whose libraries the system lacks."""
    try:
        return subprocess.run([program, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def get(wants_chromium: bool, wants_sshd: bool) -> None:
    """Installs what is wanted, as far as that goes here; what is still missing afterwards is for the caller to see."""
    if wants_chromium:
        playwright = [sys.executable, "-m", "playwright"]
        print("Installing Chromium: playwright install chromium", flush=True)
        if _run([*playwright, "install", "chromium"]) and not chromium() and shutil.which("apt-get"):
            print("Installing the libraries that Chromium needs: playwright install-deps chromium", flush=True)
            _run([*playwright, "install-deps", "chromium"])
        wants_chromium = not chromium()
    command = install(wants_chromium, wants_sshd) if wants_chromium or wants_sshd else []
    if not command:
        return
    print(f"Installing {_names(wants_chromium, wants_sshd)}: {shlex.join(command)}", flush=True)
    if "apt-get" in command:
        _run([*_as_root(), "apt-get", "update"])
    if _run(command) and wants_sshd and Path("/run/systemd/system").is_dir():
        # The tests start an sshd of their own on loopback; this machine need not serve SSH because of them.
        units = ["ssh.service", "ssh.socket"] if "apt-get" in command else ["sshd.service"]
        _run([*_as_root(), "systemctl", "disable", "--now", *units])


def install(wants_chromium: bool, wants_sshd: bool) -> list[str]:
    """The command that installs them here; empty without a package manager that this file knows."""
    for manager, (browser, server, command) in MANAGERS.items():
        if shutil.which(manager):
            packages = [package for package, wanted in ((browser, wants_chromium), (server, wants_sshd)) if wanted]
            return [*([] if manager == "brew" else _as_root()), *command, *packages]
    return []


def _as_root() -> list[str]:
    if os.geteuid() == 0 or not shutil.which("sudo"):
        return []
    # Nobody can type a password where there is no terminal.
    return ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]


def _names(wants_chromium: bool, wants_sshd: bool) -> str:
    return " and ".join(["Chromium"] * wants_chromium + ["an SSH server"] * wants_sshd)


def _run(command: list[str]) -> bool:
    """Whether it went well; if not, prints the end of what the command said."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print("".join(f"  {line}\n" for line in done.stdout.splitlines()[-5:]), end="", flush=True)
    return done.returncode == 0


def main() -> None:
    missing = not chromium(), not sshd()
    if any(missing):
        get(*missing)
        missing = not chromium(), not sshd()
    if any(missing):
        command = shlex.join(part for part in install(*missing) if part != "-n")
        command = command or "your system's package manager"
        sys.exit(f"The tests need {_names(*missing)}, which could not be installed here. Install with: {command}")


if __name__ == "__main__":
    main()
