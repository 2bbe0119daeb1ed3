"""Training of recurrent networks, dense and with Intrinsic Sparse Structures."""

__all__ = ()
