"""Which registry an image is looked up in."""

from easel_snapshot.aws import Aws
from easel_snapshot.ecr_source import EcrSource
from easel_snapshot.image_reference import ImageReference
from easel_snapshot.manifests import ImageSource
from easel_snapshot.plan import SourceOf
from easel_snapshot.registry_source import RegistrySource


def source_of(aws: Aws) -> SourceOf:
    """Returns what finds an image's registry: ECR by its API, every other one by its own.

    Args:
        aws: clients.
    """
    ecr = EcrSource(lambda region: aws.client("ecr", region))
    other = RegistrySource()

    def source(image: ImageReference) -> ImageSource:
        return ecr if image.ecr else other

    return source
