"""The base class of all errors that a user can act on."""


class DeepDXError(Exception):
    """A request cannot be carried out. The message names the thing, the place and the reason."""
