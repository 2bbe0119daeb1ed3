"""Load tests of the service over HTTP: simulated users, and the comparison of its variants.

Speaks HTTP only and imports nothing else of this project. Importing `loadtests.users` (and what
builds on it) loads Locust, which patches the standard library for gevent; nothing else here does.
"""

__all__ = ()
