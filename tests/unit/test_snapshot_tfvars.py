"""The snapshot's id in terraform.tfvars: that line changes, and no other."""

from pathlib import Path

import pytest

from easel_snapshot.errors import SnapshotError
from easel_snapshot.hcl_objects import read_attributes
from easel_snapshot.image_reference import EcrRegistry
from easel_snapshot.tfvars import TfvarsEdit, plan_edit

pytestmark = pytest.mark.unit

OWN = EcrRegistry("123456789012", "us-east-1")
SNAPSHOT = "snap-0123456789abcdef0"
ENVS = Path(__file__).resolve().parents[2] / "envs"
WEBUI = f"{OWN.host}/easel/sd-webui:1.8.0"


def edit(
    path: Path,
    *,
    names: set[str] | None = None,
    runtimes: tuple[str, ...] = (),
    volume_gib: int = 50,
    rate: int | None = None,
) -> TfvarsEdit:
    return plan_edit(
        path,
        names=names or {WEBUI},
        own=OWN,
        runtimes=runtimes,
        volume_gib=volume_gib,
        initialization_rate=rate,
    )


def written(tmp_path: Path, text: str, **settings: object) -> str:
    file = tmp_path / "terraform.tfvars"
    file.write_text(text)
    edit(file, **settings).write(SNAPSHOT)  # type: ignore[arg-type]
    return file.read_text()


@pytest.mark.parametrize("region", ["us-east-1", "cn-northwest-1"])
def test_a_regions_own_file_gains_one_line(tmp_path: Path, region: str) -> None:
    before = (ENVS / region / "terraform.tfvars").read_text()
    after = written(tmp_path, before, runtimes=("sdruntime",))
    gone = set(before.splitlines()) - set(after.splitlines())
    new = [line for line in after.splitlines() if line not in before.splitlines()]
    assert not gone
    assert [line.split() for line in new] == [["snapshot_id", "=", f'"{SNAPSHOT}"']]
    tree = read_attributes(after)["runtimes"].members
    assert tree["sdruntime"].members["nodes"].members["snapshot_id"].string == SNAPSHOT
    assert "snapshot_id" not in tree["comfyui"].members["nodes"].members
    # Once more changes nothing else.
    assert written(tmp_path, after, runtimes=("sdruntime",)) == after


RUNTIME = 'image = { repository = "easel/sd-webui", tag = "1.8.0" }'


@pytest.mark.parametrize(
    ("inside", "after"),
    [
        ("", f'nodes = {{ snapshot_id = "{SNAPSHOT}" }}'),
        ("nodes = {}", f'nodes = {{ snapshot_id = "{SNAPSHOT}" }}'),
        ("nodes = null", f'nodes = {{ snapshot_id = "{SNAPSHOT}" }}'),
        (
            'nodes = { ami_alias = "x" }',
            f'nodes = {{ ami_alias = "x", snapshot_id = "{SNAPSHOT}" }}',
        ),
        (
            'nodes = { snapshot_id = "snap-old" } # {',
            f'nodes = {{ snapshot_id = "{SNAPSHOT}" }} # {{',
        ),
        ("nodes = { snapshot_id = null }", f'nodes = {{ snapshot_id = "{SNAPSHOT}" }}'),
        (
            'nodes = { "snapshot_id" : "a" }',
            f'nodes = {{ "snapshot_id" : "{SNAPSHOT}" }}',
        ),
    ],
)
def test_every_way_of_writing_nodes(tmp_path: Path, inside: str, after: str) -> None:
    # Not in Terraform's format, so it is left as it is but for the one thing.
    text = f"runtimes={{\n sd = {{\n {RUNTIME}\n {inside}\n }}\n}}\n"
    expected = text.replace(f" {inside}\n", f" {after}\n") if inside else None
    result = written(tmp_path, text)
    if expected:
        assert result == expected
    else:
        assert after in result
        assert result.replace(f"\n {after}", "") == text


def test_comments_strings_and_heredocs_do_not_mislead(tmp_path: Path) -> None:
    text = f"""\
/* runtimes = {{ sd = {{ nodes = {{}} }} }} */
note = "runtimes = {{ # not a comment"
long = <<-EOT
  runtimes = {{
  EOT
list = [{{ a = "}}" }}, "]", 1]
runtimes = {{ // here
  "sd" = {{ # }}
    {RUNTIME}
    nodes = {{
      instance_types = [
        "g5.xlarge", # {{
      ]
      capacity_types = ["spot"],
    }}
  }}
}}
"""
    after = written(tmp_path, text)
    found = read_attributes(after)
    assert (
        found["runtimes"].members["sd"].members["nodes"].members["snapshot_id"].string == SNAPSHOT
    )
    line = next(line for line in after.splitlines() if "snapshot_id" in line)
    assert after.replace(f"{line}\n", "") == text


def test_only_runtimes_whose_image_is_in_the_snapshot(tmp_path: Path) -> None:
    text = f"""\
runtimes = {{
  a = {{ {RUNTIME} }}
  b = {{ image = {{ repository = "easel/sd-webui", tag = "1.9.0" }} }}
  c = {{ values_file = "c.yaml" }}
  d = {{ image = {{ repository = "{OWN.host}/easel/sd-webui", tag = "1.8.0" }} }}
}}
"""
    found = read_attributes(written(tmp_path, text))["runtimes"].members
    assert [name for name, one in found.items() if "nodes" in one.members] == ["a", "d"]


def test_a_volume_that_is_smaller_than_the_snapshot_grows(tmp_path: Path) -> None:
    text = f"runtimes = {{ sd = {{ {RUNTIME}, nodes = {{ data_volume_gib = 100 }} }} }}\n"
    assert "data_volume_gib = 100" in written(tmp_path, text, volume_gib=100)
    assert "data_volume_gib = 120" in written(tmp_path, text, volume_gib=120)
    alone = f"runtimes = {{ sd = {{ {RUNTIME} }} }}\n"
    assert "data_volume_gib" not in written(tmp_path, alone, volume_gib=80)
    assert "data_volume_gib = 90" in written(tmp_path, alone, volume_gib=90)
    assert "volume_initialization_rate = 300" in written(tmp_path, alone, rate=300)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no `runtimes"),
        ("runtimes = null\n", "has no `runtimes"),
        ("runtimes = {\n", "line 1 is not understood"),
        ("a = 1\nruntimes = { sd = }\n", "line 2 is not understood"),
        ("a = 1\n}\n", "line 2 is not understood"),
        ("runtimes = { sd = {} }\n", "name those that shall have it by --runtime"),
        (
            f'runtimes = {{ sd = {{ {RUNTIME}, nodes = {{ image_cache = "soci" }} }} }}\n',
            'image_cache = "soci"',
        ),
        (
            f'runtimes={{sd={{ {RUNTIME}, nodes={{ instance_store_policy = "RAID0" }} }} }}\n',
            "mounted over the snapshot's images",
        ),
        (f"runtimes = {{ sd = {{ {RUNTIME}, nodes = local.x }} }}\n", "not written as an object"),
    ],
)
def test_what_would_not_work_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "terraform.tfvars"
    file.write_text(text)
    with pytest.raises(SnapshotError) as refused:
        edit(file)
    assert said in str(refused.value)
    assert file.read_text() == text


def test_an_unknown_runtime_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "terraform.tfvars"
    file.write_text(f"runtimes = {{ sd = {{ {RUNTIME} }} }}\n")
    with pytest.raises(SnapshotError, match="has no runtime other; it has sd"):
        edit(file, runtimes=("other",))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="cannot be read"):
        edit(tmp_path / "none.tfvars")
    (tmp_path / "bytes.tfvars").write_bytes(b"\xff\xfe")
    with pytest.raises(SnapshotError, match="is not text"):
        edit(tmp_path / "bytes.tfvars")


def test_a_link_stays_a_link_and_rights_and_line_ends_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "real.tfvars", tmp_path / "terraform.tfvars"
    file.write_bytes(f"runtimes = {{\r\n sd = {{\r\n {RUNTIME}\r\n }}\r\n}}\r\n".encode())
    file.chmod(0o640)
    link.symlink_to(file)
    edit(link).write(SNAPSHOT)
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert b"\r\n sd = {\r\n" in file.read_bytes()
    assert [one.name for one in tmp_path.iterdir()] != []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["real.tfvars", "terraform.tfvars"]
