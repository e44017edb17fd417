"""Decomposer and solver: a problem is split into questions, whose answers make the answer."""
