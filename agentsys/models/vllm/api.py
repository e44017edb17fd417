"""The doors of a server that are not for prompts: health, models, metrics, adapters."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server replied; no status where nobody did."""

    status: int
    text: str

    @property
    def ok(self) -> bool:
        """Whether it did what was asked."""
        return self.status == 200


def get(port: int, path: str, *, timeout: float = 2.0) -> Answer:
    """Ask a server of this machine."""
    return _ask("GET", port, path, None, timeout)


def post(port: int, path: str, content: Mapping[str, Any], *, timeout: float) -> Answer:
    """Send a server of this machine a JSON object."""
    return _ask("POST", port, path, json.dumps(content), timeout)


def models(port: int) -> list[str] | None:
    """The models and adapters that it serves; `None` where it does not say."""
    answer = get(port, "/v1/models")
    try:
        listed: list[dict[str, Any]] = json.loads(answer.text)["data"]
        return [str(each["id"]) for each in listed]
    except (ValueError, TypeError, KeyError):
        return None


def complaint(answer: Answer) -> str:
    """Why it refused, in its own words."""
    try:
        said = json.loads(answer.text)
        return str(said.get("message") or said["error"]["message"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return answer.text.strip() or "it did not answer"


def _ask(method: str, port: int, path: str, body: str | None, timeout: float) -> Answer:
    # No proxy of the environment stands between this machine and itself.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        return Answer(reply.status, reply.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException):
        return Answer(0, "")
    finally:
        connection.close()
