"""A root module without Terraform, for what the command line does around it."""

from pathlib import Path
from typing import Any

from easel_deploy.environments.root_module import RootModule

ACCOUNT = "123456789012"
NAME = "easel"
REGION = "us-east-1"
BUCKET_NAME = f"{NAME}-outputs-{ACCOUNT}-{REGION}"
ALIAS_NAME = f"alias/{NAME}-tasks"

Managed = dict[str, dict[str, Any]]


class StubbedRoot(RootModule):
    """A state, and Terraform that only writes down what it was told.

    As with the real one, a destroy deletes the outputs first and what is left of the state with
    them; it never breaks off.
    """

    def __init__(self, managed: Managed | None = None) -> None:
        super().__init__(Path("envs/us-east-1"))
        self.state = dict(managed or {})
        self.ran: list[tuple[str, ...]] = []
        self.addons_left_out: list[str] = []
        self.makes_model_bucket = False

    def outputs(self) -> dict[str, Any]:
        # In a state after `destroy` there is none, whatever it still has.
        destroyed = any(ran[0] == "destroy" for ran in self.ran)
        return {"model_bucket": "my-models"} if self.state and not destroyed else {}

    def managed(self) -> Managed:
        return dict(self.state)

    def evaluate(self, expression: str) -> Any:
        if expression == "var.addons_left_out":
            return self.addons_left_out
        if expression == "var.model_bucket != null":
            return self.makes_model_bucket
        assert expression == "{ name = var.name, region = var.region }"
        return {"name": NAME, "region": REGION}

    def run(self, *arguments: str) -> None:
        self.ran.append(arguments)
        if arguments[:2] == ("state", "rm"):
            for address in arguments[2:]:
                del self.state[address]
        if arguments[0] == "import":
            self.state[arguments[2]] = {}
        if arguments[0] == "destroy":
            self.state.clear()

    @property
    def imported(self) -> list[str]:
        """Addresses, in their order."""
        return [ran[2] for ran in self.ran if ran[0] == "import"]
