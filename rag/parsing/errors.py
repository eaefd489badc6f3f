"""Why a file could not be read, in words for the person who uploaded it."""

from __future__ import annotations

from enum import StrEnum


class ParsingProblem(StrEnum):
    """Codes that stay the same while sentences may change."""

    ENCRYPTED = "ENCRYPTED"
    NO_TEXT = "NO_TEXT"
    UNSUPPORTED_TYPE = "UNSUPPORTED_TYPE"
    CORRUPT = "CORRUPT"
    TOO_LARGE = "TOO_LARGE"
    TIMEOUT = "TIMEOUT"
    NEEDS_OCR = "NEEDS_OCR"


class ParsingError(Exception):
    """A file has no text that can be taken in. Trying again does not help, except after
    TIMEOUT, and after NEEDS_OCR once that is there.

    Attributes:
        code: which of the problems.
        message: sentences that say what is wrong and what to do about it.
    """

    def __init__(self, code: ParsingProblem, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


class WrongType(ParsingError):
    """The file is of a kind that cannot be read, or not of the kind that its name says."""

    def __init__(self, message: str) -> None:
        super().__init__(ParsingProblem.UNSUPPORTED_TYPE, message)

    def __reduce__(self) -> tuple[type[WrongType], tuple[str]]:
        return WrongType, (self.message,)


def encrypted() -> ParsingError:
    return ParsingError(
        ParsingProblem.ENCRYPTED,
        "The file is protected by a password. Save a copy without the password and upload that.",
    )


def no_text() -> ParsingError:
    return ParsingError(
        ParsingProblem.NO_TEXT,
        "The file holds no text, or none that could be recognised.",
    )


def corrupt() -> ParsingError:
    return ParsingError(
        ParsingProblem.CORRUPT,
        "The file is damaged and could not be read. Open and save it again, then upload the new copy.",
    )


def too_large() -> ParsingError:
    return ParsingError(
        ParsingProblem.TOO_LARGE,
        "The file holds more than can be read at once. Split it into smaller files and upload those.",
    )


def timed_out(seconds: float) -> ParsingError:
    return ParsingError(
        ParsingProblem.TIMEOUT,
        f"Reading the file took more than {seconds:g} seconds and was stopped. Try again, or split it.",
    )
