"""Files by SFTP, against a real `sshd` on loopback: pushed into the landing of `deploy/`, and collected by `rollcall fetch`."""

from __future__ import annotations

import io
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import paramiko
import pytest

import programs
import roster
from conftest import free_port
from rollcall.settings import PROJECT

CONFIGURATION = PROJECT / "deploy" / "sftp" / "rollcall.conf"
IS_ROOT = os.geteuid() == 0


def keygen(file: Path, kind: str = "ed25519") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", file], check=True)
    return file


class Server:
    """An sshd of this test alone; `folder` is its own, `lines` the end of its configuration."""

    def __init__(self, folder: Path, lines: str):
        self.folder, self.lines = folder, lines
        self.host_key = keygen(folder / "host_key")
        self.port = free_port()

    def __enter__(self) -> Server:
        sshd = programs.sshd()
        assert sshd, "these tests need an SSH server, which `make test` gets"
        if IS_ROOT:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        configuration = self.folder / "sshd_config"
        configuration.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.host_key}\nPidFile none\nUsePAM no\n"
            f"StrictModes no\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n{self.lines}"
        )
        self.process = subprocess.Popen(
            [sshd, "-D", "-e", "-f", configuration], stderr=(self.folder / "sshd.log").open("w")
        )
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                assert self.process.poll() is None, (self.folder / "sshd.log").read_text()
                time.sleep(0.05)
        raise AssertionError("sshd does not listen")

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait()

    @property
    def public_key(self) -> str:
        return " ".join(self.host_key.with_suffix(".pub").read_text().split()[:2])


# What arrives


@pytest.fixture
def upload(tmp_path, house):
    """A session as a district has one, in the landing that `deploy/sftp` makes; chrooted where the tests run as root."""
    key = keygen(tmp_path / "district_key")
    lines = CONFIGURATION.read_text()
    account = "nobody" if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name
    if IS_ROOT:
        # sshd asks that every folder above the chroot is root's and closed to others, which a test's folder is not.
        root = Path("/run") / f"rollcall-test-{os.getpid()}"
        landing, keys = root / "landing", root / "keys"
        landing.mkdir(parents=True)
        house.landing.symlink_to(landing)
        names = {
            "ROLLCALL_LANDING": str(landing), "ROLLCALL_UPLOAD_KEYS": str(keys),
            "ROLLCALL_UPLOAD_GROUP": "nogroup", "ROLLCALL_SERVICE_ACCOUNT": "root",
        }  # fmt: skip
        script = PROJECT / "deploy" / "sftp" / "add-district.sh"
        subprocess.run([script, account, key.with_suffix(".pub")], env=os.environ | names, check=True)
        lines = lines.replace("/srv/rollcall/landing", str(landing)).replace("/etc/ssh/rollcall", str(keys))
        lines = lines.replace("Group rollcall-upload", "Group nogroup")
    else:
        landing = house.landing
        (landing / account / "upload").mkdir(parents=True)
        lines = re.sub(r"ChrootDirectory .*\n", "", lines).replace("-d /upload", f"-d {landing / account / 'upload'}")
        lines = re.sub(r"AuthorizedKeysFile .*", f"AuthorizedKeysFile {key.with_suffix('.pub')}", lines)
        lines = lines.replace("Group rollcall-upload", f"User {account}")
    with Server(tmp_path, lines) as server:
        client = paramiko.SSHClient()
        client.get_host_keys().add(
            f"[127.0.0.1]:{server.port}", "ssh-ed25519", paramiko.Ed25519Key.from_private_key_file(server.host_key)
        )
        client.connect("127.0.0.1", server.port, account, key_filename=str(key), allow_agent=False, look_for_keys=False)
        yield client, landing / account
        client.close()
    if IS_ROOT:
        shutil.rmtree(root)


def test_a_district_can_upload_and_nothing_else_and_the_refresh_takes_what_arrives(upload, house, tmp_path):
    client, folder = upload
    session = client.open_sftp()
    made = roster.write(tmp_path / "roster_2020-10-01.zip")
    session.put(str(made), "roster_2020-10-01.zip.filepart")
    assert house.take() == [], "an upload that has not its name yet is no delivery"
    session.rename("roster_2020-10-01.zip.filepart", "roster_2020-10-01.zip")
    assert session.listdir(".") == ["roster_2020-10-01.zip"]
    for what, forbidden in {
        "read": lambda: session.open("roster_2020-10-01.zip").read(),
        "remove": lambda: session.remove("roster_2020-10-01.zip"),
        "symlink": lambda: session.symlink("/etc/passwd", "passwd"),
        "remove folder": lambda: session.rmdir("/upload"),
    }.items():
        with pytest.raises(OSError):
            forbidden()
            raise AssertionError(f"a district may {what}")
    if IS_ROOT:
        assert sorted(session.listdir("/")) == ["_by_hand", "_fetched", "upload"]
        with pytest.raises(OSError):
            session.open("/district.toml", "w")
    # No shell, no forwarding.
    shell = client.get_transport().open_session()
    shell.exec_command("id")
    assert b"uid=" not in shell.recv(100)
    with pytest.raises(paramiko.ChannelException):
        client.get_transport().open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 0))

    (arrived,) = (folder / "upload").iterdir()
    assert arrived.stat().st_mode & 0o007 == 0, "others can read an upload"
    session.putfo(io.BytesIO(b"no roster"), "notes.txt")
    outcomes = house.take()
    assert {(o.delivery.path.name, o.verdict) for o in outcomes} == {
        ("roster_2020-10-01.zip", "accepted"), ("notes.txt", "rejected"),
    }  # fmt: skip
    assert not list((folder / "upload").iterdir())


# What is collected


@pytest.fixture
def vendor(tmp_path, house):
    """A vendor's SFTP server; its files lie in `vendor/`. `house` is a district's that collects from it."""
    folder = tmp_path / "vendor"
    folder.mkdir()
    key = keygen(tmp_path / "collector_key")
    account = pwd.getpwuid(os.geteuid()).pw_name
    lines = f"AuthorizedKeysFile {key.with_suffix('.pub')}\nPermitRootLogin yes\nForceCommand internal-sftp -R\n"
    with Server(tmp_path, lines) as server:
        (house.landing / "oakdale").mkdir(parents=True)

        def settings(**changes: object) -> None:
            values = {
                "host": "127.0.0.1", "port": server.port, "user": account, "key_file": str(key), "folder": str(folder),
                "host_key": server.public_key,
            } | changes  # fmt: skip
            text = "".join(
                f"{name} = {value if isinstance(value, int) else repr(value)}\n"
                for name, value in values.items()
                if value is not None
            )
            (house.landing / "oakdale" / "district.toml").write_text(f"[sftp]\n{text}")

        settings()
        yield server, folder, settings


def test_fetch_collects_each_file_once_and_whole(vendor, house, tmp_path):
    _, folder, _ = vendor
    roster.write(folder / "roster_2020-10-01.zip")
    (folder / "usage_2020-10-02.csv").write_text("occurred_at,user_email,url\n")
    (folder / "readme.txt").write_text("not wanted")
    (folder / ".hidden.csv").write_text("not wanted")
    (folder / "folder.csv").mkdir()
    done = house.run("fetch")
    assert done.stdout.splitlines()[-1] == "oakdale: collected roster_2020-10-01.zip, usage_2020-10-02.csv"
    got = house.landing / "oakdale" / "_fetched"
    assert (got / "roster_2020-10-01.zip").read_bytes() == (folder / "roster_2020-10-01.zip").read_bytes()
    assert int((got / "usage_2020-10-02.csv").stat().st_mtime) == int((folder / "usage_2020-10-02.csv").stat().st_mtime)
    assert house.run("fetch").stdout == "oakdale: collected nothing new\n"

    # What was collected whole needs no settling, and a new file of an old name is beside it.
    (verdict,) = [o.verdict for o in house.take() if o.delivery.path.name == "roster_2020-10-01.zip"]
    assert verdict == "accepted"
    (got / "usage.csv").unlink(missing_ok=True)
    for text in ("first", "second, longer"):
        (folder / "usage.csv").write_text(text)
        house.run("fetch")
    assert (got / "usage.csv").read_text() == "first" and (got / "usage-2.csv").read_text() == "second, longer"
    assert not list(got.glob(".*.part"))


def test_fetch_leaves_what_is_still_being_written(vendor, house):
    _, folder, _ = vendor
    (folder / "usage.csv").write_text("grows")
    done = house.run("fetch", settle_seconds="60")
    assert "left for the next time, as they are still being written: usage.csv" in done.stdout, done
    hour_ago = time.time() - 3600
    os.utime(folder / "usage.csv", (hour_ago, hour_ago))
    assert "collected usage.csv" in house.run("fetch", settle_seconds="60").stdout


def test_fetch_trusts_no_host_key_that_it_was_not_given(vendor, house, tmp_path):
    server, folder, settings = vendor
    (folder / "usage.csv").write_text("x")
    settings(host_key=None)
    words = house.run("fetch", code=1).stderr
    assert f'add under [sftp]: host_key = "{server.public_key}"' in words
    other = keygen(tmp_path / "other").with_suffix(".pub").read_text()
    settings(host_key=" ".join(other.split()[:2]))
    assert "shows another host key" in house.run("fetch", code=1).stderr
    settings(host_key="SHA256:abc")
    assert "host_key" in house.run("fetch", code=1).stderr
    settings(key_file=str(tmp_path / "other"))
    assert "lets user" in house.run("fetch", code=1).stderr
    settings(folder="/no/such")
    assert "has no folder '/no/such'" in house.run("fetch", code=1).stderr
    assert not list((house.landing / "oakdale" / "_fetched").glob("[!.]*"))
    # Whoever was asleep then is told in the morning, and by an alert, until it goes well or is given up.
    (problem,) = json.loads(house.run("status", "--json").stdout)["problems"]
    assert problem["key"] == "fetch/oakdale"
    assert problem["what"].startswith("the files of oakdale could not be collected just now: 127.0.0.1 has no folder")
    settings()
    house.run("fetch")
    assert json.loads(house.run("status", "--json").stdout)["problems"] == []
    settings(port=1)
    house.run("fetch", code=1)
    (house.landing / "oakdale" / "district.toml").write_text("name = 'Oakdale'")
    house.run("fetch")
    assert "What to do: nothing." in house.run("status").stdout


def test_a_server_that_cannot_be_reached_stops_no_other_district(vendor, house):
    server, folder, _ = vendor
    (folder / "usage.csv").write_text("x")
    gone = house.landing / "aaa"
    gone.mkdir()
    (gone / "district.toml").write_text(
        f"[sftp]\nhost = '127.0.0.1'\nport = 1\nuser = 'nobody'\nhost_key = '{server.public_key}'\n"
    )
    done = house.run("fetch", code=1)
    assert "oakdale: collected usage.csv" in done.stdout
    assert "aaa: 127.0.0.1: the files could not be collected, tried three times" in done.stderr
    assert "no district 'bbb'" in house.run("fetch", "--district", "bbb", code=1).stderr
