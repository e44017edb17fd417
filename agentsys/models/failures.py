"""What LiteLLM raises, as the errors of agentsys.

LiteLLM's exceptions are known here by the names of their classes, so that nothing is imported.
"""

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from agentsys.errors import ModelError, RateLimited, Rejected, Unreachable

_LONGEST = 200

_KEY = "Check 'api_key' and what it may use."
_MODEL = "Check 'model' and 'api_base'."
_PATIENCE = "Raise its 'timeout_s' if that is normal."
_SHORTER = "Shorten the input or ask for fewer tokens."

KINDS: dict[str, tuple[type[ModelError], str, str]] = {
    "TimeoutError": (Unreachable, "took too long", _PATIENCE),
    "Timeout": (Unreachable, "took too long", _PATIENCE),
    "APIConnectionError": (Unreachable, "failed", ""),
    "InternalServerError": (Unreachable, "failed", ""),
    "ServiceUnavailableError": (Unreachable, "is not available", ""),
    "BadGatewayError": (Unreachable, "cannot be reached", ""),
    "MidStreamFallbackError": (Unreachable, "failed", ""),
    "APIResponseValidationError": (Unreachable, "answered something that is no reply", ""),
    "RateLimitError": (RateLimited, "asks for fewer requests", ""),
    "AuthenticationError": (Rejected, "refused the key", _KEY),
    "PermissionDeniedError": (Rejected, "refused the key", _KEY),
    "PaymentRequiredError": (Rejected, "asks to be paid", ""),
    "BudgetExceededError": (Rejected, "has used up its budget in LiteLLM", ""),
    "NotFoundError": (Rejected, "is not there", _MODEL),
    "ModelNotMappedError": (Rejected, "is not known to LiteLLM", _MODEL),
    "LiteLLMUnknownProvider": (Rejected, "is not known to LiteLLM", _MODEL),
    "ContextWindowExceededError": (Rejected, "has no room for the request", _SHORTER),
    "ContentPolicyViolationError": (Rejected, "refused the content", ""),
    "GuardrailRaisedException": (Rejected, "refused the content", ""),
    "BlockedPiiEntityError": (Rejected, "refused the content", ""),
    "SensitiveDataRouteException": (Rejected, "refused the content", ""),
    "ModifyResponseException": (Rejected, "refused the content", ""),
    "RejectedRequestError": (Rejected, "refused the request", ""),
    "JSONSchemaValidationError": (Rejected, "answered outside the schema", ""),
    "BadRequestError": (Rejected, "refused the request", ""),
    "UnsupportedParamsError": (Rejected, "refused the request", ""),
    "UnprocessableEntityError": (Rejected, "refused the request", ""),
    "InvalidRequestError": (Rejected, "refused the request", ""),
    "ImageFetchError": (Rejected, "refused the request", ""),
    "VectorStoreSearchError": (Rejected, "refused the request", ""),
}
"""Of each class (LiteLLM's, or Python's own): what it is here, and the words for it.

An exception of a class that is not named goes by the nearest of its ancestors that is.
"""

_TIMEOUTS = {"TimeoutError", "Timeout"}

BY_STATUS = ("APIError", "MockException", "OpenAIError")
"""LiteLLM's classes that mean anything; the HTTP status decides."""


_IS_IT_THERE = (
    "Check 'api_base', and that the server runs: 'agentsys vllm up' starts those of [[vllm]]."
)

_NOT_REACHED = {"ConnectError", "ConnectTimeout", "ClientConnectorError", "ConnectionTimeoutError"}
"""Of httpx and aiohttp."""


def model_error(error: Exception, deployment: str, **spent: Any) -> ModelError:
    """What to raise for an exception of LiteLLM's; `spent` is what the failed call took."""
    status = _status(error)
    detail = _detail(error)
    kind, words, hint = _by_words(error, detail) or _kind(error, status)
    if words == "took too long":
        detail = ""
    return kind(
        f"The deployment {deployment!r} {words}{': ' + detail if detail else ''}.",
        hint=hint,
        deployment=deployment,
        status=status,
        retry_after=_retry_after(error),
        **spent,
    )


def reached(error: Exception) -> bool:
    """Whether a server may have worked on the request; not where there was no connection."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if _NOT_REACHED & {kind.__name__ for kind in type(cause).__mro__}:
            return False
        cause = cause.__cause__ or cause.__context__
    return True


def timed_out(error: Exception) -> bool:
    """Whether a server was given up that may have gone on working on the request."""
    return reached(error) and bool(_TIMEOUTS & {kind.__name__ for kind in type(error).__mro__})


def _by_words(error: Exception, detail: str) -> tuple[type[ModelError], str, str] | None:
    """What LiteLLM files under `InternalServerError` although no server was reached."""
    if detail.startswith("Missing credentials"):
        return KINDS["AuthenticationError"]
    if not reached(error):
        return Unreachable, "cannot be reached", _IS_IT_THERE
    return None


def _kind(error: Exception, status: int | None) -> tuple[type[ModelError], str, str]:
    for ancestor in type(error).__mro__:
        if ancestor.__name__ in KINDS:
            return KINDS[ancestor.__name__]
        if ancestor.__name__ in BY_STATUS:
            break
    match status:
        case 429:
            return KINDS["RateLimitError"]
        case 401 | 403:
            return KINDS["PermissionDeniedError"]
        case 200:
            return KINDS["APIResponseValidationError"]
        case int() if status >= 500:
            return KINDS["InternalServerError"]
        case _:
            return KINDS["BadRequestError"]


def _status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _retry_after(error: Exception) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3)."""
    value = _header(error, "retry-after")
    if value is None:
        return None
    with suppress(ValueError):
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    with suppress(ValueError):
        when = parsedate_to_datetime(value)
        return max(0.0, (when.astimezone(UTC) - datetime.now(UTC)).total_seconds())
    return None


def _header(error: Exception, name: str) -> str | None:
    response = getattr(error, "response", None)
    for headers in (
        getattr(error, "litellm_response_headers", None),
        getattr(response, "headers", None),
    ):
        if isinstance(headers, Mapping) and name in headers:
            return str(cast(Mapping[str, Any], headers)[name])
    return None


def _detail(error: Exception) -> str:
    """The server's own sentence: without LiteLLM's prefixes, its advice and line ends."""
    text = re.split(r"\n\n|\nmodel=|Deployment Info:|Traceback \(most recent", str(error))[0]
    text = re.sub(
        r"^(litellm\.\w+: |LiteLLM: |\w+Error: |Timeout Error: |\w+Exception - )+", "", text
    )
    with suppress(ValueError, KeyError, TypeError):
        text = json.loads(text)["error"]["message"]
    text = re.sub(r" ssl:(<.*?>|\w+)", "", str(text))
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"
