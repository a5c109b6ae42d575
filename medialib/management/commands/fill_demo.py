"""`manage.py fill_demo`: add the demo library for a person."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from medialib import demo
from medialib.models import User


class Command(BaseCommand):
    help = "Add the demo library; files of it that are there already are left alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the owner."""
        parser.add_argument("--owner", help="user name; the first superuser when left out")

    def handle(self, **options: Any) -> None:
        """Add the demo and say how much was added."""
        name = options["owner"]
        wanted = {"username": name} if name else {"is_superuser": True}
        owner = User.objects.filter(is_active=True, **wanted).order_by("pk").first()
        if owner is None:
            raise CommandError("There is no such user: name one with --owner.")
        self.stdout.write(f"The demo library is there: {demo.fill(owner)} assets were added.")
