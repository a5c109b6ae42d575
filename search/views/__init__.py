"""The search page's view."""

from search.views.page import search_page

__all__ = ["search_page"]
