"""`manage.py iam_policy`: prints the least that Amazon must allow, for the configured names."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from medialib.management import policies


class Command(BaseCommand):
    help = (
        "Print the policies of the bucket, of Rekognition and of this service's own credentials, "
        "as JSON, for what is switched on in the settings. Asks nobody."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", default="", help="12 digits; default: from topic or role")
        parser.add_argument("--origin", action="append", default=[], help="of the pages, for CORS")
        parser.add_argument("--kms-key", default="", help="ARN of a key that encrypts the bucket")
        parser.add_argument("--only", help="print this document alone, such as caller_policy")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print them all by name, or one as it is."""
        names = policies.configured(
            account=options["account"], origins=options["origin"], key=options["kms_key"]
        )
        found = policies.documents(names)
        if "ACCOUNT_ID" in json.dumps(found):
            self.stderr.write("Put your account's number in the place of ACCOUNT_ID (--account).")
        if not found:
            self.stderr.write("Nothing of Amazon is in use: media on a disk, labelling here.")
        only = options["only"]
        if only and only not in found:
            raise CommandError(f"There is no {only!r}; there are: {', '.join(found)}.")
        self.stdout.write(json.dumps(found[only] if only else found, indent=2))
