"""What can go wrong on the way to a cluster and in it."""


class RequestRefusedError(Exception):
    """The environment holds no request, or not a whole one; the message says what is wrong."""


class ClusterError(Exception):
    """A command on a cluster failed; the message says what is wrong and what to do."""


class ClusterGoneError(ClusterError):
    """There is no such cluster, or it is being deleted or still made: nothing is in it."""


class UnreachableError(ClusterError):
    """The cluster's API server cannot be reached from here."""


class UnknownCallerError(ClusterError):
    """The API server is there and does not know who is calling."""


class NotFoundError(ClusterError):
    """The API server has no such object, or no such kind."""
