"""One of several processes that try to spend the same money; run by test_budget_race.

`python -m tests.money_racer THREADS` waits for a line on stdin, then works through every analysis
in the database with so many threads and prints how many it got money for.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import django

COST = Decimal("0.1")


def main() -> None:
    django.setup()
    from labelling.models import Analysis

    # All in the same order, so that they meet at the same rows.
    keys = list(Analysis.objects.order_by("pk").values_list("pk", flat=True))
    threads = int(sys.argv[1])
    say("ready")
    sys.stdin.readline()
    with ThreadPoolExecutor(threads) as pool:
        runs = [pool.submit(work, keys[number::threads]) for number in range(threads)]
        say(str(sum(run.result() for run in runs)))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def work(keys: list[object]) -> int:
    from django.db import connection

    from labelling import budget
    from labelling.models import Analysis
    from medialib.exceptions import Wait

    paid = 0
    for number, key in enumerate(keys):
        analysis = Analysis.objects.select_related("asset").get(pk=key)
        try:
            budget.reserve(analysis, COST)
        except Wait:
            continue
        if number % 4 == 3:
            budget.release(analysis)
        else:
            budget.settle(analysis, COST, units=1, operation="StartLabelDetection")
            paid += 1
    connection.close()
    return paid


if __name__ == "__main__":
    main()
