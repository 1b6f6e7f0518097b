"""The base of all errors that a user can act upon."""


class DeepDXError(Exception):
    """Something asked for cannot be done; the message names the thing, the place and the reason."""
