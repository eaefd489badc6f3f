"""Errors of the domain. Each carries the code that clients see on every transport (docs/protocols.md)."""


class DomainError(Exception):
    """Something a caller asked for cannot be done. `message` is written for the person who asked."""

    code = "INTERNAL"

    def __init__(
        self, message: str, *, fields: dict[str, str] | None = None, retry_after_s: float | None = None
    ):
        super().__init__(message)
        self.message = message
        self.fields = fields or {}
        self.retry_after_s = retry_after_s

    def as_dict(self) -> dict[str, object]:
        """`{code, message}`, with `fields` and `retryAfter` (seconds) where they apply."""
        problem: dict[str, object] = {"code": self.code, "message": self.message}
        if self.fields:
            problem["fields"] = self.fields
        if self.retry_after_s is not None:
            problem["retryAfter"] = self.retry_after_s
        return problem


class Unauthenticated(DomainError):
    code = "UNAUTHENTICATED"


class Forbidden(DomainError):
    code = "FORBIDDEN"


class NotFound(DomainError):
    """Absent, or there but not for this user: the two look alike on purpose."""

    code = "NOT_FOUND"


class BadInput(DomainError):
    code = "BAD_USER_INPUT"


class Conflict(DomainError):
    code = "CONFLICT"


class PayloadTooLarge(DomainError):
    code = "PAYLOAD_TOO_LARGE"


class RateLimited(DomainError):
    code = "RATE_LIMITED"


class TooManyConnections(RateLimited):
    """The user has as many connections as one may have: to come back in a moment does not help."""


class Unavailable(DomainError):
    code = "UNAVAILABLE"


UNUSABLE = "Some of what you sent cannot be used."


def bad_input(field: str, reason: str) -> BadInput:
    """The error for one field or argument that cannot be used. The reason goes on after its name: "must be text"."""
    return BadInput(UNUSABLE, fields={field: reason})
