"""Fills an admin form in as its page shows it, so that a test changes only what it is about."""

from __future__ import annotations

from typing import Any

from django.test import Client


def as_shown(client: Client, address: str, **fields: Any) -> dict[str, Any]:
    """Give what a person would send who changes nothing but `fields`: the rows below are kept."""
    form = dict(fields)
    for inline in client.get(address).context["inline_admin_formsets"]:
        management = inline.formset.management_form
        form |= {f"{management.prefix}-{key}": n for key, n in management.initial.items()}
        for row in inline.formset.initial_forms:
            form |= {f"{row.prefix}-{name}": row[name].value() or "" for name in row.fields}
    return form
