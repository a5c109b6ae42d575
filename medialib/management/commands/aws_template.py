"""`manage.py aws_template`: prints a CloudFormation template of all that Amazon must provide."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from medialib.management.template import template


class Command(BaseCommand):
    help = (
        "Print a CloudFormation template: bucket with CORS and lifecycle, topic, queue, "
        "Rekognition's role, and the policy of this service's credentials. Its outputs are the "
        "lines to set. Use it as: aws cloudformation deploy --template-file template.json "
        "--stack-name media-library --capabilities CAPABILITY_IAM --parameter-overrides …"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        self.stdout.write(json.dumps(template(), indent=2))
