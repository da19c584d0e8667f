"""A bucket that a destroy leaves where it holds something, and that the next apply takes over.

Terraform cannot destroy a bucket that is not empty, nor should it: what is in it is the users'. So
before a destroy it leaves Terraform's state, with its settings; they are made again over the same.
"""

from dataclasses import dataclass

from easel_deploy.environments.retained import Import, Managed
from easel_deploy.environments.retained_marks import RetainedBucket
from easel_deploy.environments.stack import StackIdentity, StandsElsewhereError


@dataclass(frozen=True)
class ManagedBucket:
    """A bucket as the modules make it.

    Attributes:
        stack: the stack.
        managed: what its state has.
        address: of the bucket.
        derived_name: as its module names it. It is not asked of the outputs: a destroy that broke
            off has deleted them first.
    """

    stack: StackIdentity
    managed: Managed
    address: str
    derived_name: str

    @property
    def is_managed(self) -> bool:
        """Whether the state has it."""
        return self.address in self.managed

    @property
    def bucket(self) -> RetainedBucket:
        """The bucket, which may not be there."""
        if self.is_managed:
            return RetainedBucket(self.stack, str(self.managed[self.address]["bucket"]))
        return RetainedBucket(self.stack, self.derived_name)

    @property
    def is_let_go(self) -> bool:
        """Whether Terraform may destroy it: it is empty, or was applied so.

        A force_destroy that is only written down does not let Terraform delete it.

        Raises:
            botocore.exceptions.ClientError: the bucket cannot be read.
        """
        return bool(self.managed[self.address].get("force_destroy")) or self.bucket.is_empty()

    @property
    def addresses(self) -> list[str]:
        """What of it leaves the state: the bucket and its settings."""
        settings = self.address.rpartition("aws_s3_bucket.")[0] + "aws_s3_bucket_"
        return [one for one in self.managed if one == self.address or one.startswith(settings)]

    def importable(self) -> list[Import]:
        """Returns the bucket where a destroy has kept it and the state does not have it.

        Raises:
            StandsElsewhereError: it is there, and no destroy has kept it.
            botocore.exceptions.ClientError: it is another account's, or cannot be looked at.
        """
        if self.is_managed or not self.bucket.exists():
            return []
        if not self.bucket.is_marked():
            raise self.stands_elsewhere()
        return [Import(self.address, self.bucket.name, self.bucket)]

    def stands_elsewhere(self) -> StandsElsewhereError:
        """Returns what to say of one that is there and is not this state's."""
        bucket = self.bucket
        return StandsElsewhereError(f"s3://{bucket.name}", self.stack, bucket.mark_command)
