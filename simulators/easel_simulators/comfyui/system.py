"""What ComfyUI tells about itself and its machine: version 0.8.0, on a machine without a GPU."""

import os
import platform
import resource
from collections.abc import Sequence
from typing import Any, Final

COMFYUI_VERSION: Final = "0.8.0"


def stats(arguments: Sequence[str]) -> dict[str, Any]:
    """The answer of ``GET /system_stats``; sizes in bytes."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = total - resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "system": {
            "os": "linux",
            "ram_total": total,
            "ram_free": free,
            "comfyui_version": COMFYUI_VERSION,
            "required_frontend_version": "1.35.9",
            "installed_templates_version": "0.7.67",
            "required_templates_version": "0.7.67",
            "python_version": platform.python_version(),
            "pytorch_version": "none: simulated",
            "embedded_python": False,
            "argv": list(arguments),
        },
        "devices": [
            {
                "name": "cpu",
                "type": "cpu",
                "index": None,
                "vram_total": total,
                "vram_free": free,
                "torch_vram_total": total,
                "torch_vram_free": free,
            }
        ],
    }
