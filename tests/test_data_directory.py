"""Only the user that Nopal runs as gets at the data directory, whatever the umask and what an earlier version left."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as project_settings
from pytest_django import Settings

from gatewayapp.checks import check_settings
from gatewayapp.data_directory import DATABASE, ENTRIES, STATIC, private_mode, restrict
from tests.support.node import Node


def sqlite(path: Path) -> dict[str, str]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def modes(directory: Path) -> dict[str, int]:
    """The mode of the directory and of everything in it, but for the static files: these are public."""
    found = [
        directory,
        *(path for path in directory.rglob("*") if STATIC not in path.relative_to(directory).parts[:-1]),
    ]
    return {str(path.relative_to(directory)): mode(path) for path in found}


@pytest.fixture
def old_data(tmp_path: Path) -> Path:
    """A data directory as earlier versions left it."""
    directory = tmp_path / "data"
    for name in ("keys", "certificates", "static"):
        (directory / name).mkdir(parents=True)
        (directory / name).chmod(0o755)
    directory.chmod(0o755)
    for name in (
        DATABASE,
        DATABASE + "-wal",
        DATABASE + "-shm",
        "certificates/ca.pem",
        "keys/django.key",
        "gateway.lock",
    ):
        (directory / name).touch()
        (directory / name).chmod(0o644)
    return directory


@pytest.fixture(autouse=True)
def same_umask() -> Iterator[None]:
    umask = os.umask(0o022)
    yield
    os.umask(umask)


def test_what_an_earlier_version_left_open_is_restricted(old_data: Path) -> None:
    restrict(old_data, sqlite(old_data / DATABASE), group_access=False)

    assert modes(old_data) == {
        ".": 0o700,
        "keys": 0o700,
        "keys/django.key": 0o600,
        "certificates": 0o700,
        "certificates/ca.pem": 0o600,
        "static": 0o700,
        "gateway.lock": 0o600,
        "nopal.sqlite3": 0o600,
        "nopal.sqlite3-wal": 0o600,
        "nopal.sqlite3-shm": 0o600,
    }


def test_the_group_may_have_access(old_data: Path) -> None:
    (old_data / "keys" / "django.key").chmod(0o600)
    old_data.chmod(0o2755)
    restrict(old_data, sqlite(old_data / DATABASE), group_access=True)

    assert modes(old_data)["keys"] == 0o770
    assert modes(old_data)["keys/django.key"] == 0o660
    assert modes(old_data)["nopal.sqlite3-wal"] == 0o660
    assert modes(old_data)["."] == 0o2770, "new files go on getting the directory's group"


def test_a_new_database_is_private_from_its_first_moment(tmp_path: Path) -> None:
    restrict(tmp_path, sqlite(tmp_path / "elsewhere.db"), group_access=False)
    assert mode(tmp_path / "elsewhere.db") == 0o600


@pytest.mark.parametrize("name", [":memory:", "file:memorydb_default?mode=memory&cache=shared"])
def test_a_database_in_memory_has_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    restrict(tmp_path, {"ENGINE": "django.db.backends.sqlite3", "NAME": name}, group_access=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("group_access", [False, True])
def test_somebody_s_own_directory_stays_as_it_is(old_data: Path, group_access: bool) -> None:
    (old_data / "keys" / "somebody.pem").touch(mode=0o644)
    (old_data / "holiday.jpg").touch(mode=0o644)
    before = modes(old_data)

    restrict(old_data, sqlite(old_data / DATABASE), group_access=group_access)

    changed = {name for name, now in modes(old_data).items() if now != before[name]}
    assert changed == {"nopal.sqlite3", "nopal.sqlite3-wal", "nopal.sqlite3-shm"}


def test_a_directory_that_all_share_is_never_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)  # as /tmp, which may well be empty
    restrict(tmp_path, sqlite(tmp_path / DATABASE), group_access=False)
    assert mode(tmp_path) == 0o1777


def test_links_are_not_followed(old_data: Path, tmp_path: Path) -> None:
    target = tmp_path / "passwd"
    target.touch(mode=0o644)
    (old_data / DATABASE).unlink()
    (old_data / DATABASE).symlink_to(target)
    (old_data / "keys" / "linked.key").symlink_to(target)

    restrict(old_data, sqlite(old_data / DATABASE), group_access=False)

    assert mode(target) == 0o644


def test_what_belongs_to_another_user_is_left_and_explained(
    old_data: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = modes(old_data)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    settings.DATA_DIR = old_data

    restrict(old_data, sqlite(old_data / DATABASE), group_access=False)

    assert modes(old_data) == before
    first = check_settings()[0]
    assert first.id == "nopal.W010"
    assert first.msg == f"Other users of this machine can reach {old_data} (mode 0755)."
    assert first.hint == (
        f"Nopal does not change it because it belongs to user {owner}. As that user, run: chmod 700 {old_data}"
    )


def test_a_file_system_that_is_read_only_is_no_failure(old_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "chmod", refuse)
    monkeypatch.setattr(os, "open", refuse)

    restrict(old_data, sqlite(old_data / "new.db"), group_access=False)


def test_a_directory_with_other_files_is_explained(old_data: Path, settings: Settings) -> None:
    (old_data / "holiday.jpg").touch()
    restrict(old_data, sqlite(old_data / DATABASE), group_access=False)
    settings.DATA_DIR = old_data

    assert check_settings()[0].hint == (
        f"Nopal does not change it because it also contains other files. Run: chmod 700 {old_data} "
        "- or set NOPAL_DATA_DIR to a directory of its own."
    )


def test_access_of_the_group_is_explained(tmp_path: Path, settings: Settings) -> None:
    settings.DATA_DIR = tmp_path
    tmp_path.chmod(0o750)

    [message] = check_settings()
    assert message.hint is not None
    assert message.hint.startswith(f"chmod 700 {tmp_path}")
    assert "NOPAL_DATA_GROUP_ACCESS=on" in message.hint
    settings.NOPAL_DATA_GROUP_ACCESS = True
    assert check_settings() == []


@pytest.mark.parametrize(("group_access", "folder", "file"), [("off", 0o700, 0o600), ("on", 0o770, 0o660)])
def test_whatever_commands_create_is_private(tmp_path: Path, group_access: str, folder: int, file: int) -> None:
    """With a umask that would let everyone write; a directory of an earlier version is restricted by the start."""
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    node = Node(
        data, arguments=("--tls",), before_start=lambda: os.umask(0) and None, NOPAL_DATA_GROUP_ACCESS=group_access
    )
    try:
        node.start()
        for command in (
            ("createaccesskey", "laptop"),
            ("collectstatic", "--no-input"),
            ("dumpdata", "auth", "--output", str(data / f"{DATABASE}.json")),
        ):
            run(node, *command)
        found = modes(data)
    finally:
        node.stop()

    assert {"nopal.sqlite3-wal", "nopal.sqlite3-shm", "gateway.lock", "keys/django.key", "certificates/key.pem"} <= set(
        found
    )
    assert found == {name: folder if (data / name).is_dir() else file for name in found}
    entries = {path.name for path in data.iterdir() if not path.name.startswith(DATABASE)}
    assert entries <= ENTRIES, "list new entries in ENTRIES, or the directory counts as somebody else's"


def run(node: Node, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=project_settings.BASE_DIR,
        env=node.environment,
        umask=0,
        check=True,
        capture_output=True,
        timeout=60,
    )


def test_the_owner_s_own_rights_stay(tmp_path: Path) -> None:
    secret = tmp_path / "mounted.key"
    secret.touch()
    secret.chmod(0o440)
    assert private_mode(secret.stat(), group_access=False) == 0o400
