"""Loads LiteLLM as agentsys does. A process that has imported this forks others cheaply."""

from agentsys.models.litellm import router_models

router_models([])
