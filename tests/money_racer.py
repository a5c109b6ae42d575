"""One of several processes that try to spend the same money; run by test_budget_race.

`python -m tests.money_racer THREADS` waits for a line on stdin, then works through every analysis
in the database with so many threads and prints how many it got money for.
"""

from __future__ import annotations

import sys
import threading
from decimal import Decimal

import django

COST = Decimal("0.1")


def main() -> None:
    django.setup()
    from labelling.models import Analysis

    keys = list(Analysis.objects.order_by("?").values_list("pk", flat=True))
    threads = int(sys.argv[1])
    paid: list[int] = []
    say("ready")
    sys.stdin.readline()
    workers = [
        threading.Thread(target=work, args=(keys[number::threads], paid))
        for number in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    say(str(sum(paid)))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def work(keys: list[object], paid: list[int]) -> None:
    from django.db import connection

    from labelling import budget
    from labelling.models import Analysis
    from medialib.exceptions import Wait

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
            paid.append(1)
    connection.close()


if __name__ == "__main__":
    main()
