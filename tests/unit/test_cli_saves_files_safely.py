"""What the CLI saves lies in its folder, harmlessly named, over nothing else, and is bounded."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_cli.download import DownloadError, download_pictures, file_name_of

pytestmark = pytest.mark.unit

BUCKET = "outputs"
WINDOWS_NAMES = ["con", "NUL.png", "Com1.tar.gz", "lpt9", "aux."]


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        for bucket in (BUCKET, "others"):
            s3.create_bucket(Bucket=bucket)
        yield SimpleNamespace(s3=s3)


def url_of(clients: Any, key: str, body: bytes = b"new") -> str:
    clients.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return f"s3://{BUCKET}/{key}"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("output/a/a-x1y2-1.png", "a-x1y2-1.png"),
        ("a/..", "file"),
        ("a/.", "file"),
        ("a/", "file"),
        ("a/.bashrc", "bashrc"),
        ("a/--help", "help"),
        ("a/..\\..\\evil.bat", "evil.bat"),
        ("a/b:stream.png", "b_stream.png"),
        ("a/\u202egnp.exe", "_gnp.exe"),
        ("a/\x1b[2J\n.png", "_2J_.png"),
        ("a/$(reboot) *.png", "_reboot_.png"),
        ("a/name. . .", "name._._"),
        ("a/图片.png", "_.png"),
        ("a/nul", "file_nul"),
        ("a/CON.png", "file_CON.png"),
        ("a/console.png", "console.png"),
    ],
)
def test_a_name_from_a_key_is_harmless(key: str, name: str) -> None:
    assert file_name_of(key) == name


@pytest.mark.parametrize("name", WINDOWS_NAMES)
def test_a_name_is_no_device(name: str) -> None:
    assert file_name_of(f"a/{name}").startswith("file_")


def test_a_long_name_is_cut_and_keeps_its_extension(clients: Any, tmp_path: Path) -> None:
    url = url_of(clients, f"{'a/' * 50}{'x' * 900}.png")
    [file] = download_pictures(clients, BUCKET, [url], tmp_path)
    assert file.name.endswith("x.png")
    assert len(file.name) <= 200
    assert len(file_name_of(f"x.{'y' * 900}")) <= 200


def test_question_marks_and_hashes_are_of_the_key(clients: Any, tmp_path: Path) -> None:
    url = url_of(clients, "a/what?is#this.png", b"this")
    [file] = download_pictures(clients, BUCKET, [url], tmp_path)
    assert (file.name, file.read_bytes()) == ("what_is_this.png", b"this")


def test_no_file_is_written_over(clients: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"mine")
    (tmp_path / "a-2.png").mkdir()
    urls = [url_of(clients, "x/a.png", b"x"), url_of(clients, "y/a.png", b"y")]
    files = download_pictures(clients, BUCKET, urls, tmp_path)
    assert [file.name for file in files] == ["a-3.png", "a-4.png"]
    assert [file.read_bytes() for file in files] == [b"x", b"y"]
    assert (tmp_path / "a.png").read_bytes() == b"mine"


@pytest.mark.parametrize("is_there", [True, False])
def test_no_link_is_followed(clients: Any, tmp_path: Path, is_there: bool) -> None:
    folder, target = tmp_path / "out", tmp_path / "target"
    folder.mkdir()
    if is_there:
        target.write_bytes(b"mine")
    (folder / "a.png").symlink_to(target)
    [file] = download_pictures(clients, BUCKET, [url_of(clients, "x/a.png")], folder)
    assert file.name == "a-2.png"
    assert not file.is_symlink()
    assert target.exists() is is_there
    assert not is_there or target.read_bytes() == b"mine"


def test_a_pipe_is_not_written_into(clients: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    [file] = download_pictures(clients, BUCKET, [url_of(clients, "x/a.png")], tmp_path)
    assert file.name == "a-2.png"


@pytest.mark.parametrize(
    "url",
    [
        "s3://others/a.png",
        "s3://outputs",
        "s3://outputs/",
        "s3://outputs.example.com/a.png",
        "https://outputs/a.png",
        "file:///etc/passwd",
        "/etc/passwd",
        "",
    ],
)
def test_only_the_stacks_own_objects_are_read(clients: Any, tmp_path: Path, url: str) -> None:
    clients.s3.put_object(Bucket="others", Key="a.png", Body=b"secret")
    good = url_of(clients, "x/good.png")
    with pytest.raises(DownloadError, match="no object of the stack's bucket outputs"):
        download_pictures(clients, BUCKET, [good, url], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_all_files_of_a_task_are_bounded_and_half_a_file_is_removed(
    clients: Any, tmp_path: Path
) -> None:
    urls = [url_of(clients, f"x/{number}.png", bytes(60)) for number in (1, 2)]
    assert len(download_pictures(clients, BUCKET, urls, tmp_path / "good", max_bytes=120)) == 2
    with pytest.raises(DownloadError, match=r"more than 119 bytes.*aws s3 cp"):
        download_pictures(clients, BUCKET, urls, tmp_path / "out", max_bytes=119)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["1.png"]


def test_a_folder_that_is_a_file_is_said(clients: Any, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(DownloadError, match=r"out: File exists\. Name another --out"):
        download_pictures(clients, BUCKET, [url_of(clients, "x/a.png")], tmp_path / "out")
