"""The papers' tables with this project's runs beside them, from the recorded runs."""

__all__ = ()
