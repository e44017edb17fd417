"""Success by role during training: would greedy decoding give exactly the right reply?

Decoding greedily gives the reference exactly when every token of the reference is the likeliest
one after those before it, so one pass over the reference is enough.
"""

from collections import defaultdict

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional

from .corpus import REPLY, encode
from .model import Llama
from .roles import Conversation, example, outside


class Validation:
    """A fixed set of examples like those of training, of which none was in it."""

    def __init__(self, tokenizer: Tokenizer, size: int) -> None:
        self._verdict = len(tokenizer.encode('{"verdict":"').ids)
        rows = [
            (c, *encode(tokenizer, c)) for c in (example(0, i, "validation") for i in range(size))
        ]
        self._rows = sorted(rows, key=lambda row: len(row[1]))

    @torch.no_grad()
    def run(self, model: Llama) -> dict[str, float]:
        """The share of exact replies by role; for the judge also the share of right verdicts."""
        model.eval()
        found: dict[str, list[bool]] = defaultdict(list)
        for at in range(0, len(self._rows), 32):
            group = self._rows[at : at + 32]
            width = max(len(ids) for _, ids, _ in group)
            tokens = np.zeros((len(group), width), dtype=np.int64)
            for line, (_, ids, _) in enumerate(group):
                tokens[line, : len(ids)] = ids
            device = model.embedding.weight.device
            states = model.hidden(torch.from_numpy(tokens).to(device))
            said = functional.linear(states, model.embedding.weight).argmax(-1).cpu().numpy()
            for line, (conversation, ids, weights) in enumerate(group):
                self._score(found, conversation, ids, weights, said[line])
        model.train()
        return {role: round(sum(hits) / len(hits), 4) for role, hits in sorted(found.items())}

    def _score(
        self,
        found: dict[str, list[bool]],
        conversation: Conversation,
        ids: list[int],
        weights: list[int],
        said: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]",
    ) -> None:
        role = conversation.role
        places = [i for i, weight in enumerate(weights) if weight >= REPLY]
        if role == "solver":
            role = kind_of_solver(conversation)
        found[role].append(all(said[i - 1] == ids[i] for i in places))
        if role == "judge":
            at = places[self._verdict]
            found["verdict"].append(bool(said[at - 1] == ids[at]))


def kind_of_solver(conversation: Conversation) -> str:
    """`solver`, `outside` or `repair`: which of the solver's tasks a conversation is."""
    if len(conversation.messages) > 3:
        return "repair"
    return outside.__name__ if "unknown" in conversation.messages[-1].content else "solver"
