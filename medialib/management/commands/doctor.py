"""`manage.py doctor`: looks at every part and prints each finding with its cure."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from medialib.management import doctor, findings


class Command(BaseCommand):
    help = (
        "Look at settings, data folder, database, queue, search, storage and labelling (and at "
        "Amazon where it is used), and say what to do. Ends with 1 when something is broken."
    )
    # The doctor reports what is wrong with the settings instead of refusing to look.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the findings as they come."""
        counts: Counter[str] = Counter()
        for found in doctor.examine():
            counts[found.tone] += 1
            line = f"{found.tone:<5} {found.part:<12} {found.sentence}"
            self.stdout.write(self.style.ERROR(line) if found.tone == findings.BAD else line)
            if found.cure:
                self.stdout.write(f"{'':<18} → {found.cure}")
        self.stdout.write(
            f"{counts[findings.OK]} fine, {counts[findings.NOTE]} to note, "
            f"{counts[findings.BAD]} broken."
        )
        if counts[findings.BAD]:
            sys.exit(1)
