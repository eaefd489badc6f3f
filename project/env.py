"""Typed reading of environment variables: one error, naming the variable, for anything that cannot be used."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_reader = environ.Env()


def read_file(path: Path) -> None:
    """Add what a `.env` file sets; the environment itself takes precedence. A file that is not there sets nothing."""
    if path.is_file():
        _reader.read_env(path)


def _invalid(name: str, wanted: str, *, is_secret: bool = False) -> ImproperlyConfigured:
    if is_secret:  # an address may hold a password
        return ImproperlyConfigured(f"{name}: {wanted}")
    return ImproperlyConfigured(f"{name}: {wanted}, got {_reader.ENVIRON.get(name)!r}")


def text(name: str, default: str = "") -> str:
    """The variable with surrounding space removed; an empty value counts as unset."""
    return str(_reader.ENVIRON.get(name, "")).strip() or default


def flag(name: str, *, default: bool) -> bool:
    """`1 true yes on` and `0 false no off` in any case.

    Raises:
        ImproperlyConfigured: for any other word.
    """
    word = text(name).lower()
    if not word:
        return default
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise _invalid(name, "must be on or off")


def integer(name: str, default: int, *, minimum: int, maximum: int) -> int:
    """A whole number within the bounds, both included."""
    try:
        number = int(text(name, str(default)))
    except ValueError:
        raise _invalid(name, "must be a whole number") from None
    if not minimum <= number <= maximum:
        raise _invalid(name, f"must lie between {minimum} and {maximum}")
    return number


def choice(name: str, default: str, *, among: tuple[str, ...]) -> str:
    """One of some words."""
    word = text(name, default)
    if word not in among:
        raise _invalid(name, f"must be one of {', '.join(among)}")
    return word


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A comma-separated list; empty items are dropped."""
    return [word.strip() for word in text(name).split(",") if word.strip()] or list(default)


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """A comma-separated list of networks, as 10.0.0.0/8, and single addresses."""
    try:
        return [ip_network(word) for word in words(name)]
    except ValueError:
        raise _invalid(name, "must be networks such as 10.1.0.0/16, separated by commas") from None


def ports(name: str, default: tuple[int, ...]) -> list[int]:
    """A comma-separated list of port numbers."""
    found = words(name, tuple(map(str, default)))
    if not all(word.isdecimal() and 0 < int(word) < 65536 for word in found):
        raise _invalid(name, "must be port numbers, separated by commas")
    return [int(word) for word in found]


def folder(name: str, default: Path) -> Path:
    """An absolute path; `~` is expanded. The folder need not exist yet."""
    return Path(text(name, str(default))).expanduser().resolve()


def address(name: str, *, schemes: tuple[str, ...]) -> str:
    """A URL with one of the schemes, or "" when the variable is unset."""
    value = text(name)
    wanted = f"must be a URL that starts with {' or '.join(s + ':' for s in schemes)}"
    try:
        if value and urlsplit(value).scheme not in schemes:
            raise _invalid(name, wanted, is_secret=True)
    except ValueError:
        raise _invalid(name, wanted, is_secret=True) from None
    return value


def database(name: str) -> dict[str, Any]:
    """Django's DATABASES entry for a `postgres://` URL, or {} when the variable is unset."""
    value = address(name, schemes=("postgres", "postgresql", "pgsql"))
    if not value:
        return {}
    try:
        return dict(_reader.db_url_config(value))
    except ValueError:
        raise _invalid(name, "must be a postgres:// URL", is_secret=True) from None
