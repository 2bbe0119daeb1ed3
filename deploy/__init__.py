"""Operations: images, monitoring, Kubernetes and Ray, with the scripts that check them."""

__all__ = ()
