"""What goes wrong in an estimate."""


class CostError(Exception):
    """An estimate cannot be made; the message says why, and what to do."""
