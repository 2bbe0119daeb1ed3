"""Text classification: movie reviews and tweets, and batches of them."""

__all__ = ()
