"""Takes the place of scripts/estate for `easel deploy`: quick, on an emulator, and it may fail.

`stub_estate.py FOLDER VERB REGION ...`; in FOLDER lie `started.json`, what `start` prints; `fault`,
the verb that fails next time; `applied`, once all is applied; `calls`, one line a call.
"""

import json
import sys
from pathlib import Path

_RESOURCES = 3


def main(folder: Path, verb: str, region: str, *more: str) -> int:
    target = next((one for one in more if one.startswith("-target=")), "")
    fault = folder / "fault"
    with (folder / "calls").open("a") as calls:
        calls.write(f"{verb} {region} {target}".rstrip() + "\n")
    if fault.exists() and fault.read_text() == f"{verb}{target}":
        fault.unlink()
        diagnostic = {"severity": "error", "summary": "Broken", "detail": f"{verb} was broken"}
        say(json.dumps({"type": "diagnostic", "diagnostic": diagnostic}))
        return 1
    if verb == "start":
        say((folder / "started.json").read_text())
    elif verb == "output":
        say((folder / "outputs.json").read_text() if (folder / "applied").exists() else "{}")
    elif target == "-target=module.model_bucket":
        import boto3  # noqa: PLC0415 - half a second that the other verbs need not wait

        boto3.client("s3", region_name=region).create_bucket(
            Bucket=(folder / "model-bucket").read_text(),
            **_placed(region),
        )
    else:
        count = 0 if (folder / "applied").exists() else _RESOURCES
        say(json.dumps({"type": "change_summary", "changes": {"add": count}}))
        for number in range(count if verb == "apply" else 0):
            hook = {"resource": {"addr": f"a.b{number}"}, "action": "create"}
            say(json.dumps({"type": "apply_complete", "hook": hook}))
        if verb == "apply":
            (folder / "applied").touch()
    return 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _placed(region: str) -> dict[str, dict[str, str]]:
    if region == "us-east-1":
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": region}}


if __name__ == "__main__":
    home, *words = sys.argv[1:]
    sys.exit(main(Path(home), *words))
