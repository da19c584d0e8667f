"""`easel dashboard`: the figures of a stack's dashboard in a terminal."""

from easel_cli.dashboard.verb import DashboardOptions, dashboard

__all__ = ["DashboardOptions", "dashboard"]
