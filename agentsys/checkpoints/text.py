"""How savers write what agentsys gives them: as JSON, and JSON alone is read again."""

import json
from typing import Any

from agentsys.errors import StoreError

_TAG = "json"


class TextSerializer:
    """JSON in place of LangGraph's own serializer, which makes objects of the classes it reads."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """JSON data as bytes."""
        return _TAG, json.dumps(obj).encode()

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The JSON data.

        Raises:
            StoreError: it was written by another program.
        """
        tag, content = data
        try:
            return json.loads(content)
        except ValueError as error:
            raise StoreError(
                f"A checkpoint was written by another program, as {tag!r}.",
                hint="Set 'checkpoints' under [store] to a file or database of its own.",
            ) from error
