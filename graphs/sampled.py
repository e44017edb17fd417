"""Solves a word problem with the small model: draws until an expression passes its checks."""

from agentsys import sample_verify

from .slm_only import slm_only

sampled = sample_verify(slm_only, most=8)
