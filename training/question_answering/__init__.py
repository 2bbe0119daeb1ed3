"""Question answering: SQuAD, word vectors, and batches of both."""

__all__ = ()
