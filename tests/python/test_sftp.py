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
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest

import programs
import roster
from conftest import House, free_port
from rollcall.paths import PROJECT

pytestmark = pytest.mark.long

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


@dataclass
class Landing:
    """The landing that `deploy/sftp` makes, the server before it, and the refresh under the service's own account.

    Where the tests do not run as root there is one account for all of it, and no chroot.
    """

    house: House
    server: Server
    districts: list[str]
    key: Path
    service: str

    def sftp(self, commands: str, district: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs OpenSSH's client as a district would, with all its commands."""
        options = [
            "UserKnownHostsFile=" + str(self.key.with_name("known")),
            "StrictHostKeyChecking=no",
            "BatchMode=yes",
        ]
        arguments = [part for option in options for part in ("-o", option)]
        return subprocess.run(
            ["sftp", "-q", "-b", "-", "-i", self.key, "-P", str(self.server.port), *arguments, f"{self.districts[district]}@127.0.0.1"],
            input=commands, text=True, capture_output=True, timeout=60,
        )  # fmt: skip

    def folder(self, district: int = 0) -> Path:
        return self.house.landing / self.districts[district] / "upload"

    def run(self, *arguments: str, code: int | None = 0, **settings: str) -> subprocess.CompletedProcess[str]:
        """`rollcall`, as the service runs it."""
        if not IS_ROOT:
            return self.house.run(*arguments, code=code, **settings)
        become = f"import account\naccount.become({self.service!r}, {str(self.house.root)!r})"
        return self.house.run(*arguments, code=code, before=become, **settings)

    def open_uploads(self, settle: int = 0) -> None:
        """What root runs before each refresh. One account needs it for what it has closed to itself, too."""
        names = {"ROLLCALL_SERVICE_ACCOUNT": self.service, "ROLLCALL_LANDING": str(self.house.landing)}
        if IS_ROOT:
            script = PROJECT / "deploy" / "sftp" / "open-uploads.sh"
            subprocess.run([script], env=os.environ | names | {"ROLLCALL_SETTLE_SECONDS": str(settle)}, check=True)
        else:
            subprocess.run(["chmod", "-R", "u+rwX", self.house.landing], check=True)


@pytest.fixture
def upload(tmp_path):
    """A landing with two districts, at a server that is chrooted where the tests run as root."""
    key = keygen(tmp_path / "district_key")
    lines = CONFIGURATION.read_text()
    if IS_ROOT:
        # sshd asks that every folder above the chroot is root's and closed to others, which a test's folder is not.
        root = Path(tempfile.mkdtemp(prefix="rollcall-test-", dir="/run"))
        root.chmod(0o755)
        house, keys, number = House(root), root / "keys", os.getpid()
        service, group, districts = f"rcs{number}", f"rcg{number}", [f"rca{number}", f"rcb{number}"]
        subprocess.run(["useradd", "--system", "--no-create-home", "--user-group", service], check=True)
        names = {
            "ROLLCALL_LANDING": str(house.landing), "ROLLCALL_UPLOAD_KEYS": str(keys),
            "ROLLCALL_UPLOAD_GROUP": group, "ROLLCALL_SERVICE_ACCOUNT": service,
        }  # fmt: skip
        script = PROJECT / "deploy" / "sftp" / "add-district.sh"
        for district in districts:
            subprocess.run([script, district, key.with_suffix(".pub")], env=os.environ | names, check=True)
        for room in ("archive", "lake", "build", "warehouse", "quarantine"):
            (root / room).mkdir(mode=0o750)
            shutil.chown(root / room, service, service)
        lines = lines.replace("/srv/rollcall/landing", str(house.landing)).replace("/etc/ssh/rollcall", str(keys))
        lines = lines.replace("Group rollcall-upload", f"Group {group}")
        try:
            with Server(tmp_path, lines) as server:
                yield Landing(house, server, districts, key, service)
        finally:
            for account in (*districts, service):
                subprocess.run(["userdel", account], check=True)
            subprocess.run(["groupdel", group], check=True)
            shutil.rmtree(root)
    else:
        house, account = House(tmp_path), pwd.getpwuid(os.geteuid()).pw_name
        (house.landing / account / "upload").mkdir(parents=True)
        lines = re.sub(r"ChrootDirectory .*\n", "", lines).replace(
            "-d /upload", f"-d {house.landing / account / 'upload'}"
        )
        lines = re.sub(r"AuthorizedKeysFile .*", f"AuthorizedKeysFile {key.with_suffix('.pub')}", lines)
        with Server(tmp_path, lines.replace("Group rollcall-upload", f"User {account}")) as server:
            yield Landing(house, server, [account, account], key, account)
            subprocess.run(["chmod", "-R", "u+rwX", house.landing], check=True)


@pytest.fixture
def client(upload):
    """A session as a district has one."""
    client = paramiko.SSHClient()
    port, host_key = upload.server.port, paramiko.Ed25519Key.from_private_key_file(upload.server.host_key)
    client.get_host_keys().add(f"[127.0.0.1]:{port}", "ssh-ed25519", host_key)
    who = {"username": upload.districts[0], "key_filename": str(upload.key)}
    client.connect("127.0.0.1", port, allow_agent=False, look_for_keys=False, **who)
    yield client
    client.close()


def test_a_district_can_upload_and_nothing_else_and_the_refresh_takes_what_arrives(upload, client, tmp_path):
    house, folder = upload.house, upload.folder()
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
        "chmod": lambda: session.chmod("roster_2020-10-01.zip", 0),
        "set times": lambda: session.utime("roster_2020-10-01.zip", (0, 0)),
        "truncate": lambda: session.truncate("roster_2020-10-01.zip", 0),
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

    (arrived,) = folder.iterdir()
    assert arrived.stat().st_mode & 0o007 == 0, "others can read an upload"
    session.putfo(io.BytesIO(b"no roster"), "notes.txt")
    outcomes = house.take()
    assert {(o.delivery.path.name, o.verdict) for o in outcomes} == {
        ("roster_2020-10-01.zip", "accepted"), ("notes.txt", "rejected"),
    }  # fmt: skip
    assert not list(folder.iterdir())


def usage(path: Path, day: str, mode: int) -> Path:
    roster.usage(path, [(f"{day}T09:00:00Z", "s1@schools.example", "https://a.example")])
    path.chmod(mode)
    return path


def test_the_refresh_takes_what_ordinary_clients_upload_with_whatever_modes(upload, tmp_path):
    """As the account of the service, which is neither root nor the district's."""
    local = tmp_path / "export"
    for folder, mode in {"": 0o755, "open": 0o755, "closed": 0o700, "deep/deeper": 0o750}.items():
        (local / folder).mkdir(parents=True, exist_ok=True)
        (local / folder).chmod(mode)
    roster.write(local / "roster_2020-10-01.zip").chmod(0o600)
    modes = {
        "open/usage_2020-10-02.csv": 0o644,
        "closed/usage_2020-10-03.csv": 0o600,
        "deep/deeper/usage_2020-10-04.csv": 0o400,
    }
    for number, (name, mode) in enumerate(modes.items(), 2):
        usage(local / name, f"2020-10-{number:02}", mode)
    plain = usage(tmp_path / "usage_2020-10-05.csv", "2020-10-05", 0o600)
    kept = usage(tmp_path / "usage_2020-10-06.csv", "2020-10-06", 0o600)
    done = upload.sftp(
        f"put {plain}\nput -p {kept}\nput -r {local}\nmkdir by_day\nput {plain} by_day/again.csv\n"
        "-chmod 000 usage_2020-10-05.csv\n-chmod 000 by_day\n-chown 0 usage_2020-10-05.csv\n"
    )
    assert done.returncode == 0, done
    assert done.stderr.count("Permission denied") >= 3, done
    usage_there = {file.name for file in upload.folder().rglob("*.csv")}
    assert usage_there == {f"usage_2020-10-0{day}.csv" for day in range(2, 7)} | {"again.csv"}
    upload.open_uploads()
    run = json.loads(upload.run("refresh", "--json").stdout)
    assert run["skipped"] == [] and run["published"]
    assert {d["verdict"] for d in run["deliveries"]} == {"accepted"} and len(run["deliveries"]) == 7
    assert not [file for file in upload.folder().rglob("*") if file.is_file()]
    assert upload.house.query("select count(distinct usage_date) from fct_usage_days") == [(5,)]
    # Once more into the folders that are there now.
    assert upload.sftp(f"put {usage(tmp_path / 'usage_2020-10-07.csv', '2020-10-07', 0o600)} by_day\n").returncode == 0
    upload.open_uploads()
    assert json.loads(upload.run("refresh", "--json").stdout)["counts"]["accepted_deliveries"] == 1


@pytest.mark.skipif(not IS_ROOT, reason="without root there is one account, and nothing to open")
def test_uploads_are_opened_by_the_district_itself_and_given_time_to_settle(upload, tmp_path):
    """What is another account's, however it got there, stays closed: root lends no right of its own."""
    foreign = tmp_path / "foreign"
    foreign.write_text("not the district's")
    foreign.chmod(0o600)
    link = upload.folder() / "link.csv"
    shutil.copy(foreign, link)
    link.chmod(0o600)  # root's own
    (upload.folder() / "symlink.csv").symlink_to(foreign)
    upload.open_uploads()
    assert [path.stat().st_mode & 0o777 for path in (foreign, link)] == [0o600, 0o600]
    assert upload.sftp(f"put {usage(tmp_path / 'usage_2020-10-02.csv', '2020-10-02', 0o600)}\n").returncode == 0
    link.unlink()
    started = time.perf_counter()
    upload.open_uploads(settle=1)
    assert time.perf_counter() - started > 1, "the refresh would find a file that has just changed"
    opened = (upload.folder() / "usage_2020-10-02.csv").stat()
    assert opened.st_mode & 0o777 == 0o660 and opened.st_gid == pwd.getpwnam(upload.service).pw_gid
    upload.open_uploads(settle=600)  # has nothing to open, and nothing to wait for


def test_what_the_refresh_may_not_read_is_named_and_stops_nobody(upload, tmp_path):
    """Where root has not opened what was uploaded, or someone has closed it since."""
    made = roster.write(tmp_path / "roster_2020-10-01.zip")
    assert upload.sftp(f"put {made}\n", district=1).returncode == 0
    closed = [upload.folder() / "usage_2020-10-02.csv", upload.folder() / "sub", upload.folder() / "sub" / "x"]
    assert (
        upload.sftp(f"put {usage(tmp_path / closed[0].name, '2020-10-02', 0o644)}\nmkdir sub\nmkdir sub/x\n").returncode
        == 0
    )
    assert upload.sftp(f"put {usage(tmp_path / 'usage_2020-10-03.csv', '2020-10-03', 0o644)} sub/x\n").returncode == 0
    for path in (closed[0], closed[1]):
        path.chmod(0)
    run = json.loads(upload.run("refresh", "--json", code=20).stdout)
    assert [d["file"] for d in run["deliveries"]] == [made.name] and run["published"], run["failures"]
    said = [
        f"{upload.districts[0]}/upload/{name}: the account that runs the refresh " for name in ("sub", closed[0].name)
    ]
    assert len(run["skipped"]) == 2
    assert all(words.startswith(start) for words, start in zip(sorted(run["skipped"]), said, strict=True)), run[
        "skipped"
    ]
    problems = [problem["what"] for problem in json.loads(upload.run("status", "--json").stdout)["problems"]]
    assert all(any(start in what for what in problems) for start in said)
    assert all(path.exists() for path in closed[:2])
    # The next night is the same, and opening them is all that it takes.
    assert json.loads(upload.run("refresh", "--json", code=20).stdout)["skipped"] == run["skipped"]
    upload.open_uploads()
    after = json.loads(upload.run("refresh", "--json").stdout)
    assert after["counts"]["accepted_deliveries"] == 2 and after["skipped"] == []
    assert json.loads(upload.run("status", "--json", freshness_days="{}").stdout)["problems"] == []


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
    assert "presents another host key" in house.run("fetch", code=1).stderr
    settings(host_key="SHA256:abc")
    assert "host_key" in house.run("fetch", code=1).stderr
    settings(key_file=str(tmp_path / "other"))
    assert "rejected user" in house.run("fetch", code=1).stderr
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
    assert "What to do: nothing." in house.run("status", freshness_days="{}").stdout


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
    assert "no folder of a district 'bbb'" in house.run("fetch", "--district", "bbb", code=1).stderr
