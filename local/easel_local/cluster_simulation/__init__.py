"""Controllers on the API server in memory, in time that passes only when it is told to.

A scheduler, kubelets, ReplicaSets, the HPA, KEDA and Karpenter, as far as it takes to say when a
pod of the runtime chart hears SIGTERM, when it is killed, and when another one is there in its
place (docs/adr/0044). Each module names the source or the capture of a real cluster that it
follows; ``tests/cluster`` holds the whole against those captures. `SimulatedCluster` is the way
in.
"""

from easel_local.cluster_simulation.assembly import SimulatedCluster
from easel_local.cluster_simulation.cluster import Cluster, Moment

__all__ = ["Cluster", "Moment", "SimulatedCluster"]
