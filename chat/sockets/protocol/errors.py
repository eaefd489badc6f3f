"""What a peer that breaks the protocol gets."""


class ProtocolError(ValueError):
    """The bytes are not a packet of the protocol; the connection is to be closed."""
