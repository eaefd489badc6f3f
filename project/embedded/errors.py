"""The one error of the embedded services."""


class EmbeddedError(Exception):
    """A service cannot be used; the message is a sentence for the person at the terminal, with what to do."""
