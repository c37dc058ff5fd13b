"""The one error of this package."""


class ProtocolError(ValueError):
    """Bytes or text that do not have the form the protocol gives them."""
