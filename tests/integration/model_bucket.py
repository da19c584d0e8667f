"""A model bucket on the emulator, and `easel models` as a process that is sent there."""

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

SECONDS = 120


@dataclass(frozen=True)
class Bucket:
    """An empty bucket.

    Attributes:
        name: of it.
        region: of it.
        s3: client that sees what easel has done.
        environment: of processes that reach it.
    """

    name: str
    region: str
    s3: Any
    environment: dict[str, str]

    def keys(self) -> list[str]:
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])]

    def get(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.s3.get_object(
            Bucket=self.name, Key=key, ChecksumMode="ENABLED"
        )
        return found

    def tags(self, key: str) -> dict[str, str]:
        found = self.s3.get_object_tagging(Bucket=self.name, Key=key)["TagSet"]
        return {one["Key"]: one["Value"] for one in found}

    def unfinished_parts(self) -> list[int]:
        """Numbers of the parts of all unfinished uploads."""
        uploads = self.s3.list_multipart_uploads(Bucket=self.name).get("Uploads", [])
        return [
            part["PartNumber"]
            for one in uploads
            for part in self.s3.list_parts(
                Bucket=self.name, Key=one["Key"], UploadId=one["UploadId"]
            ).get("Parts", [])
        ]

    def put(self, key: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.name, Key=key, Body=content)


def easel_models(
    bucket: Bucket, verb: str, *options: str, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Runs a verb; its bucket is the one given unless the options name one."""
    command = [sys.executable, "-m", "easel_cli.main", "models", verb, *options]
    for option, value in (("--bucket", bucket.name), ("--region", bucket.region)):
        if option not in options:
            command += [option, value]
    return subprocess.run(
        command,
        env=bucket.environment | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def environment_of(emulator_environment: dict[str, str]) -> dict[str, str]:
    """Of a process that knows the emulator and nothing of this shell's AWS."""
    return {"PATH": os.environ["PATH"]} | emulator_environment
