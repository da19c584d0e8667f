"""A region's environment on this machine: `make plan|apply|output|destroy ENV=us-east-1 LOCAL=1`.

The root module is the one that AWS gets, unchanged; beside it run an AWS emulator, a Kubernetes API
server in memory and a registry with stand-ins for the charts of others. No node and no pod runs:
a simulated runtime and a queue agent, as processes, stand in for each runtime's pods.
"""

from easel_local.estate.estate import Estate, EstateError
from easel_local.estate.folder import root_folder
from easel_local.estate.services import EstateServices

__all__ = ["Estate", "EstateError", "EstateServices", "root_folder"]
