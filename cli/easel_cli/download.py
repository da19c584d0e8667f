"""Fetches what a task made from S3."""

from pathlib import Path
from urllib.parse import urlsplit

from easel_cli.aws_clients import AwsClients


def download_pictures(clients: AwsClients, image_urls: list[str], folder: Path) -> list[Path]:
    """Saves pictures under their own names.

    Args:
        clients: of the stack.
        image_urls: S3 URIs of a result's `image_url`.
        folder: where to; made if missing.

    Returns:
        The files, in order.

    Raises:
        botocore.exceptions.ClientError: one cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for url in image_urls:
        parts = urlsplit(url)
        file = folder / Path(parts.path).name
        clients.s3.download_file(parts.netloc, parts.path.lstrip("/"), str(file))
        files.append(file)
    return files
