"""Serving compressed recurrent networks and their dense originals side by side over HTTP.

Runs from artifact folders alone; `service.app.create_app` is the application.
"""

__all__ = ()
