"""The AWS emulator of the local stack: ministack behind one port of 127.0.0.1.

``python -m easel_local.emulator`` serves it in the foreground; ``Emulator`` starts and stops such a
process from Python.
"""

from easel_local.emulator.process import Emulator, EmulatorError, EmulatorPlace, KubernetesEndpoint

__all__ = ["Emulator", "EmulatorError", "EmulatorPlace", "KubernetesEndpoint"]
