"""Calls of models on record: written while a system works, and replayed in place of its models.

A recording is a folder with `calls.jsonl`: one line for each call, with the whole request and the
whole reply, and one line for each time that it was opened. It holds no keys and no headers.
"""
