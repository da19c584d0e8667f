"""Where things lie in the checkout."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

HOME = Path(os.environ.get("EASEL_HOME") or ROOT / ".easel").resolve()
"""State, logs and caches of the local stack; git ignores it. EASEL_HOME names another, for a
second stack beside the first."""

ENVIRONMENT = ROOT / "envs" / "local"
"""The Terraform root module of the local stack."""

FUNCTIONS_PACKAGE = ROOT / "build" / "functions-local.zip"
"""The intake function's zip, made by Make."""

OUT = ROOT / "out"
"""Where the demo saves its picture."""
