"""Search for settings: many runs of one preset, the worse ones stopped early."""

__all__ = ()
