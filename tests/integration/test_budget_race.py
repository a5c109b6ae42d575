"""Several processes with several threads each never spend more than the cap, on both databases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.manage import Manage
from tests.servers import long
from tests.service import ROOT

# 60 analyses at 0.10 USD against 3.00 USD for the library and 2.00 USD for each of two owners.
PREPARE = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
from decimal import Decimal
from labelling import budget
from labelling.models import Analysis
from medialib.models import Asset, User
budget.set_cap("library", "month", Decimal("3"), actor=None)
budget.set_cap("owners", "day", Decimal("2"), actor=None)
for name in ("ada", "bob"):
    owner = User.objects.create(username=name)
    for number in range(30):
        asset = Asset.objects.create(owner=owner, kind="video", original_filename="a", size=1,
                                     original_name=f"{name}{number}")
        Analysis.objects.create(asset=asset, backend="rekognition")
"""
REPORT = """
from django.db.models import Count, Sum
from labelling.models import *
ledger = LedgerEntry.objects.aggregate(sum=Sum("cost"), calls=Count("analysis", distinct=True))
twice = LedgerEntry.objects.count() - ledger["calls"]
for row in BudgetPeriod.objects.order_by("scope", "period"):
    print(row.scope, len(row.period), row.reserved.normalize(), row.spent)
    assert row.reserved == 0
print("ledger", ledger["sum"], "twice", twice)
"""


def race(manage: Manage, *, processes: int, threads: int) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.money_racer", str(threads)],
            cwd=ROOT,
            env=manage.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        racer.communicate(timeout=120)
        assert racer.returncode == 0


@long
def test_no_race_spends_more_than_the_cap_or_pays_one_analysis_twice(
    database: str, tmp_path: Path
) -> None:
    manage = Manage(database, tmp_path)
    manage("shell", "-v0", "-c", PREPARE)
    race(manage, processes=2, threads=3)
    report = manage("shell", "-v0", "-c", REPORT)
    spent = {tuple(line.split()[:2]): line.split()[3] for line in report.splitlines()[:-1]}
    assert "twice 0" in report
    total = float(spent["library", "7"])
    assert total == float(report.splitlines()[-1].split()[1])
    assert 2.0 <= total <= 3.0
    owners = [float(value) for (scope, _), value in spent.items() if scope.startswith("u:")]
    assert len(owners) == 4
    assert max(owners) <= 2.0
