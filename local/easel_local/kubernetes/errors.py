"""What an API server refuses, and the Status that it answers with."""

from http import HTTPStatus
from typing import Any

Object = dict[str, Any]


class ApiError(Exception):
    """A request that the server refuses, with the status and the reason that it answers."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        reason: str = "",
        details: Object | None = None,
    ) -> None:
        """Keeps status, message, reason and details."""
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.details = details or {}

    @property
    def retry_after(self) -> int | None:
        """Seconds for the header Retry-After.

        It is sent where ``details.retryAfterSeconds`` is more than 0 (Kubernetes:
        ``endpoints/handlers/responsewriters/writers.go``), so not by a budget that is used up.
        """
        return self.details.get("retryAfterSeconds") or None

    def body(self) -> Object:
        """Returns the ``metav1.Status`` of the refusal."""
        details = {"details": self.details} if self.details else {}
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "reason": self.reason,
            "message": str(self),
            **details,
            "code": self.status,
        }
