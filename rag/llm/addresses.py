"""Where language models are asked, as admins write it."""

import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

# Only variables made for it: an admin of models must not be able to send any secret of the server somewhere.
KEY_VARIABLE = re.compile(r"\ALLM_KEY_[A-Z0-9_]{1,70}\Z")


def validate_endpoint(address: str) -> None:
    """Refuse what is no address of a server.

    Raises:
        ValidationError: no http(s) address with a host, or one with a user, a query or a fragment.
    """
    try:
        parts = urlsplit(address)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits or parts.username or parts.password or parts.query or parts.fragment:
        raise ValidationError(
            "An address such as http://127.0.0.1:11434, without a user, a query or a fragment."
        )
