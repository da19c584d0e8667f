"""The probe function: publishes probes, and nothing else, to the tasks topic."""
