"""An API server in memory, as far as Helm, kubectl and easel call one. It runs nothing.

``python -m easel_local.kubernetes`` serves one over TLS in the foreground, which takes EKS tokens;
``KubernetesApi`` starts and stops such a process from Python; ``serving`` serves a store from a
thread. It is no Kubernetes: no scheduler, no access control, and of admission and the built-in
controllers only what protects volumes, fills in the chart's objects and counts budgets.
"""

from easel_local.kubernetes.errors import ApiError
from easel_local.kubernetes.objects import Object, ObjectStore
from easel_local.kubernetes.process import KubernetesApi
from easel_local.kubernetes.server import serving

__all__ = ["ApiError", "KubernetesApi", "Object", "ObjectStore", "serving"]
