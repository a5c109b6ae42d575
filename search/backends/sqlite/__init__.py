"""The embedded search engine; `SqliteBackend` is its only name for others."""

from search.backends.sqlite.backend import SqliteBackend

__all__ = ["SqliteBackend"]
