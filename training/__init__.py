"""Training of recurrent language models, dense and with Intrinsic Sparse Structures."""

__all__ = ()
