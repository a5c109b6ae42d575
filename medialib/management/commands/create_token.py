"""`manage.py create_token USER --scopes read,upload`: makes an API token, shown once."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from medialib import tokens
from medialib.http.addresses import read_networks
from medialib.http.scopes import SCOPES
from medialib.models import User


class Command(BaseCommand):
    help = "Make an API token and print it as the last word."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user")
        parser.add_argument(
            "--scopes", default="read", help=f"Comma separated: {', '.join(SCOPES)}"
        )
        parser.add_argument("--name", default="", help="What it is for.")
        parser.add_argument("--days", type=int, default=None, help="Days until it expires.")

        parser.add_argument(
            "--from",
            dest="addresses",
            default="",
            help="Networks that it may be used from, such as 10.0.0.0/8; default: anywhere.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Check user and scopes, make the token, print it."""
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            wrong = f"Unknown scope {', '.join(unknown)}. " if unknown else ""
            raise CommandError(f"{wrong}Scopes are {', '.join(SCOPES)}.")
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']!r}.")
        expiry = timedelta(days=options["days"]) if options["days"] else None
        name = options["name"] or "command line"
        try:
            addresses = read_networks(options["addresses"])
        except ValueError as error:
            raise CommandError(f"--from takes networks such as 10.0.0.0/8: {error}.") from None
        token = tokens.make(user, name=name, scopes=scopes, expires_in=expiry, addresses=addresses)
        self.stdout.write(f"Token with {', '.join(scopes)} (shown once): {token}")
