"""Where things lie in the checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

HOME = ROOT / ".easel"
"""State, logs and caches of the local stack; git ignores it."""

ENVIRONMENT = ROOT / "envs" / "local"
"""The Terraform root module of the local stack."""

INTAKE_PACKAGE = ROOT / "build" / "intake-local.zip"
"""The intake function's zip, made by Make."""

OUT = ROOT / "out"
"""Where the demo saves its picture."""
