"""What another tier, threshold or number of votes would have cost and achieved, from the ledger."""

from agentsys.evaluation.what_if.variants import Variant, variants
from agentsys.evaluation.what_if.weighing import Weighed, WhatIf

__all__ = ["Variant", "Weighed", "WhatIf", "variants"]
