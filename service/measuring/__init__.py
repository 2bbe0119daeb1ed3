"""What a model achieves on a file of data, computed as the service computes it."""

__all__ = ()
