"""Judges an expression with the large model: one word, and how likely it is."""

from .judge_slm import judge_slm

judge_llm = judge_slm.at("llm")
