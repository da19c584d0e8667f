"""A client of objects in memory, for tests of code that speaks to a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from easel_deploy.cluster.kubernetes_client import KubernetesClient
from easel_local.kubernetes import ObjectStore, serving


@contextmanager
def client_of(store: ObjectStore, folder: Path) -> Iterator[KubernetesClient]:
    """Serves a store while the block runs, and yields a client that may do everything there.

    Args:
        store: the objects.
        folder: gets the kubeconfig and the client's own files.
    """
    with serving(store) as url:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "clusters": [{"name": "memory", "cluster": {"server": url}}],
                    "users": [{"name": "nobody", "user": {}}],
                    "contexts": [{"name": "c", "context": {"cluster": "memory", "user": "nobody"}}],
                    "current-context": "c",
                }
            )
        )
        yield KubernetesClient(kubeconfig, folder)
