"""The endpoints, one concern a file."""

__all__ = ()
