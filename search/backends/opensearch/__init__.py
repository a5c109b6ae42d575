"""The search engine for large libraries; `OpenSearchBackend` is its only name for others."""

from search.backends.opensearch.backend import OpenSearchBackend

__all__ = ["OpenSearchBackend"]
