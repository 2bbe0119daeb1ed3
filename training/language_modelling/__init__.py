"""The task ``score``: predicting the next word of a text."""

__all__ = ()
