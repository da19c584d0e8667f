"""The paths of Kubernetes' objects and lists."""

import re
from typing import NamedTuple

_PATH = re.compile(
    r"(?P<prefix>api/v1|apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<part>status|scale|eviction))?"
)


class ObjectPath(NamedTuple):
    """Where an object is, or a list where it has no name."""

    prefix: str
    namespace: str | None
    plural: str
    name: str | None

    @classmethod
    def parse(cls, path: str) -> "ObjectPath | None":
        """Reads a path without slashes around it; a part of an object counts as all of it."""
        match = _PATH.fullmatch(path)
        if not match:
            return None
        return cls(match["prefix"], match["namespace"], match["plural"], match["name"])

    def __str__(self) -> str:
        namespace = f"/namespaces/{self.namespace}" if self.namespace else ""
        name = f"/{self.name}" if self.name else ""
        return f"{self.prefix}{namespace}/{self.plural}{name}"

    def lists(self, other: "ObjectPath") -> bool:
        """Whether this is a list that another object is in; one without a namespace is of all."""
        return (
            self.name is None
            and (self.prefix, self.plural) == (other.prefix, other.plural)
            and self.namespace in (None, other.namespace)
        )
