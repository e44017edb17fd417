"""The chat format: how a conversation becomes tokens."""

from collections.abc import Iterable

from agentsys.messages import Message

PAD, SYSTEM, USER, ASSISTANT, END = SPECIAL = (
    "<|pad|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
)
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""The same format in Jinja, for the tokenizer's configuration and the GGUF file."""


def render_text(messages: Iterable[Message], *, prompt: bool = False) -> str:
    """The text of a conversation; `prompt` opens the assistant's next reply."""
    text = "".join(f"<|{m.role}|>{m.content}{END}" for m in messages)
    return text + ASSISTANT if prompt else text
