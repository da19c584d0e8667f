"""The target's repositories, where it is ECR: found, and made as mirrors want them."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from easel_mirror.errors import MirrorError

UNTAGGED_DAYS = 14
"""How long ECR keeps what has no tag: a run that broke off leaves such. What an index names is kept
with it."""

_LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "easel mirror: what a broken run has left",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": UNTAGGED_DAYS,
            },
            "action": {"type": "expire"},
        }
    ]
}


class EcrRepositories:
    """Repositories of one account and region."""

    def __init__(self, client: Any, account: str) -> None:
        """Takes a boto3 client of ECR and the account's 12 digits."""
        self._client = client
        self._account = account

    def missing(self, names: set[str]) -> set[str]:
        """Returns those that are not there.

        Raises:
            MirrorError: ECR does not tell.
        """
        return {name for name in names if self._described(name) is None}

    def warnings(self, names: set[str]) -> list[str]:
        """Returns what of repositories that are there is not as easel makes them.

        Raises:
            MirrorError: ECR does not tell.
        """
        found = []
        for name in sorted(names):
            described = self._described(name)
            if described is None:
                continue
            if described.get("imageTagMutability") == "MUTABLE":
                found.append(f"{name}: tags can be moved (put-image-tag-mutability changes it)")
            if not described.get("imageScanningConfiguration", {}).get("scanOnPush"):
                found.append(f"{name}: is not scanned when something is pushed")
        return found

    def create(self, name: str, tags: Mapping[str, str]) -> None:
        """Makes one: scanned on push, immutable tags, what is left over expires.

        Args:
            name: of the repository.
            tags: of it; those of the stack.

        Raises:
            MirrorError: ECR refuses.
        """
        try:
            self._client.create_repository(
                repositoryName=name,
                imageTagMutability="IMMUTABLE",
                imageScanningConfiguration={"scanOnPush": True},
                tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())],
            )
        except self._client.exceptions.RepositoryAlreadyExistsException:
            # An earlier run was killed before the policy; or another one makes it now.
            pass
        except (ClientError, BotoCoreError) as error:
            raise MirrorError(
                f"ECR does not make the repository {name}: {error}\nNeeded are "
                "ecr:CreateRepository, ecr:TagResource and ecr:PutLifecyclePolicy."
            ) from error
        self._put_policy(name)

    def _put_policy(self, name: str) -> None:
        try:
            self._client.put_lifecycle_policy(
                repositoryName=name, lifecyclePolicyText=json.dumps(_LIFECYCLE)
            )
        except (ClientError, BotoCoreError) as error:
            raise MirrorError(f"ECR takes no lifecycle policy for {name}: {error}") from error

    def _described(self, name: str) -> dict[str, Any] | None:
        try:
            answer = self._client.describe_repositories(
                registryId=self._account, repositoryNames=[name]
            )
        except self._client.exceptions.RepositoryNotFoundException:
            return None
        except (ClientError, BotoCoreError) as error:
            raise MirrorError(f"ECR does not tell of the repository {name}: {error}") from error
        described: dict[str, Any] = answer["repositories"][0]
        return described
