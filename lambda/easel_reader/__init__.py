"""The function that tells of tasks and runtimes, and cancels tasks."""
