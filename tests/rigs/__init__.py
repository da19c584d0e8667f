"""Helpers of tests that several folders use."""
