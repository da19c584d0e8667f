"""Where a task's outcome lies in S3 (R18, R26)."""

import secrets
import string
from dataclasses import dataclass

_NONCE_ALPHABET = string.ascii_lowercase + string.digits
_NONCE_LENGTH = 4


def new_nonce() -> str:
    """Four random characters that keep two runs of one id apart."""
    return "".join(secrets.choice(_NONCE_ALPHABET) for _ in range(_NONCE_LENGTH))


@dataclass(frozen=True)
class TaskLocation:
    """The folder of one task: `s3://<bucket>/<prefix>/<id>`.

    Attributes:
        bucket: the output bucket's name.
        prefix: as `identifiers.check_prefix` returned it.
        task_id: as `identifiers.check_task_id` returned it.
    """

    bucket: str
    prefix: str
    task_id: str

    @property
    def uri(self) -> str:
        """`output_location` of the API's answer."""
        return f"s3://{self.bucket}/{self.prefix}/{self.task_id}"

    def picture_key(self, nonce: str, number: int, extension: str) -> str:
        """Key of a picture: `<prefix>/<id>/<id>-<nonce>-<number>.<extension>`.

        Args:
            nonce: of `new_nonce`, the same for all of a task's objects.
            number: from 1, in the runtime's order.
            extension: without the dot.
        """
        return f"{self._stem(nonce)}-{number}.{extension}"

    def answer_key(self, nonce: str) -> str:
        """Key of the runtime's full answer: `<prefix>/<id>/<id>-<nonce>.out`."""
        return f"{self._stem(nonce)}.out"

    def uri_of(self, key: str) -> str:
        """S3 URI of a key in this task's bucket."""
        return f"s3://{self.bucket}/{key}"

    def _stem(self, nonce: str) -> str:
        return f"{self.prefix}/{self.task_id}/{self.task_id}-{nonce}"


SCOPE_METADATA = "easel-scope"
"""Metadata of every output: who may read it in a task of his own (`TaskRecord.scope`)."""

OWN_FOLDER = "_easel/"
"""Of easel itself. A prefix cannot begin with `_`, so no task can write here."""
PAYLOAD_FOLDER = f"{OWN_FOLDER}payloads"
"""Content too large for SNS."""
DIRECT_PAYLOAD_FOLDER = f"{PAYLOAD_FOLDER}/direct"
"""Content that whoever publishes tasks himself has put there."""


def payload_key(uid: str) -> str:
    """Key of the content of a task that travels by reference."""
    return f"{PAYLOAD_FOLDER}/{uid}.json"
