"""From raw text to the words a model was trained on."""

__all__ = ()
