"""What a model server's failures mean: whether to try again, and what to tell the person who asked. Pure."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from rag.llm.seam import AnswerError, FinalModelError, RetryableModelError

INTERRUPTED = ("MODEL_INTERRUPTED", "The language model's answer broke off. Please try again.")

# The type in the error's body decides before the status, which is 200 for an error inside a stream.
_RETRYABLE: dict[str | int, tuple[str, str]] = {
    "overloaded_error": (
        "MODEL_OVERLOADED",
        "The language model is overloaded just now. Please try again soon.",
    ),
    "rate_limit_error": (
        "MODEL_RATE_LIMITED",
        "The language model's rate limit is used up. Please try again soon.",
    ),
    "timeout_error": ("MODEL_TIMEOUT", "The language model took too long. Please try again."),
    "api_error": ("MODEL_UNAVAILABLE", "The language model had an internal error. Please try again."),
}
_FINAL: dict[str | int, tuple[str, str]] = {
    "authentication_error": (
        "MODEL_ACCESS",
        "The language model does not accept the key of this installation.",
    ),
    "billing_error": ("MODEL_BILLING", "The account for the language model has a billing problem."),
    "not_found_error": (
        "MODEL_NOT_FOUND",
        "The language model that is configured does not exist on its server.",
    ),
    "invalid_request_error": ("MODEL_REQUEST", "The language model could not read the request."),
    "request_too_large": (
        "MODEL_REQUEST_TOO_LARGE",
        "The question and its passages are too long for the language model.",
    ),
}
_RETRYABLE |= {
    408: _RETRYABLE["timeout_error"],
    409: _RETRYABLE["api_error"],
    429: _RETRYABLE["rate_limit_error"],
    504: _RETRYABLE["timeout_error"],
    529: _RETRYABLE["overloaded_error"],
}
_FINAL |= {
    "permission_error": _FINAL["authentication_error"],
    401: _FINAL["authentication_error"],
    402: _FINAL["billing_error"],
    403: _FINAL["authentication_error"],
    404: _FINAL["not_found_error"],
    413: _FINAL["request_too_large"],
}


def problem_of_status(status: int, error_type: str | None, headers: Mapping[str, str]) -> AnswerError:
    """The error for an HTTP status and the `error.type` of its body, if it had one."""
    for key in (error_type, status):
        if key in _FINAL:
            return FinalModelError(*_FINAL[key])
        if key in _RETRYABLE:
            return RetryableModelError(*_RETRYABLE[key], retry_after_s=retry_after_s(headers))
    if status >= 500 or status < 400:
        return RetryableModelError(*_RETRYABLE["api_error"], retry_after_s=retry_after_s(headers))
    return FinalModelError(*_FINAL["invalid_request_error"])


def problem_of_connection() -> RetryableModelError:
    """The error for a server that could not be reached."""
    return RetryableModelError(
        "MODEL_UNREACHABLE", "The language model cannot be reached just now. Please try again."
    )


def retry_after_s(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Seconds, never negative, that the server asks to wait (RFC 9110 section 10.2.3), or None."""
    try:
        if "retry-after-ms" in headers:
            seconds = float(headers["retry-after-ms"]) / 1000
        else:
            seconds = float(headers.get("retry-after", ""))
    except ValueError:
        seconds = _seconds_until(headers.get("retry-after", ""), now or datetime.now(UTC))
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
