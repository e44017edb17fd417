"""Routers: fitted on what the ledger has of a graph, and what they are worth."""
