"""Looks at a stack before and after its apply, and says what is wrong and what to do."""
