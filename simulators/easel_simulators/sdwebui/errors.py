"""The two shapes in which SD WebUI reports an error (captures ``a1111_errors.json``)."""

from collections.abc import Sequence

from easel_simulators.server import Response


class WebuiError(Exception):
    """An error in the shape ``{"error", "detail", "body", "errors"}``."""

    def __init__(self, status: int, name: str, detail: str, errors: str) -> None:
        super().__init__(f"{name}: {detail or errors}")
        self.status = status
        self._body = {"error": name, "detail": detail, "body": "", "errors": errors}

    @classmethod
    def refused(cls, status: int, detail: str) -> "WebuiError":
        """What the API refuses on purpose (``HTTPException``)."""
        return cls(status, "HTTPException", detail, "")

    @classmethod
    def raised(cls, name: str, message: str) -> "WebuiError":
        """What a job raises: always a 500, the caller's mistakes too.

        Args:
            name: Name of the Python exception, such as ``RuntimeError``.
            message: Its text.
        """
        return cls(500, name, "", message)

    def response(self) -> Response:
        """The answer that carries it."""
        return Response.of_json(self._body, self.status)


class ValidationFailed(Exception):  # noqa: N818 - FastAPI's term
    """A body that does not fit the schema: 422 in the shape ``{"detail": [...]}``."""

    def __init__(self, details: Sequence[dict[str, object]]) -> None:
        super().__init__(f"{len(details)} fields are invalid")
        self._details = list(details)

    def response(self) -> Response:
        """The answer that carries it."""
        return Response.of_json({"detail": self._details}, 422)


def out_of_memory(gibibytes: float) -> WebuiError:
    """What PyTorch raises when the GPU's memory is used up.

    Args:
        gibibytes: The size of the allocation that failed.
    """
    return WebuiError.raised(
        "OutOfMemoryError",
        f"CUDA out of memory. Tried to allocate {gibibytes:.2f} GiB (GPU 0; 23.69 GiB total "
        "capacity; 21.10 GiB already allocated; 1.32 GiB free; 21.40 GiB reserved in total by "
        "PyTorch)",
    )


SHAPE_MISMATCH = "mat1 and mat2 shapes cannot be multiplied (77x2048 and 768x320)"
"""PyTorch's message where a ControlNet or LoRA is of another family of models than the checkpoint;
not recorded: the sizes are those of SDXL's text encoders and of SD 1.5."""

TWO_DEVICES = (
    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"
)
"""PyTorch's message for tensors on two devices, as some extensions bring it about."""
