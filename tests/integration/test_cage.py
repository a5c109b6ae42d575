"""The cage: what a caged job can't do, and that nothing of it is left behind."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from medialib.media import cage
from medialib.media.cage import CageCancelled, CageDied, Limits, MediaRejected
from medialib.media.source import BytesSource, LocalSource

JOBS = "tests.cage_jobs:"
QUICK = Limits(cpu_seconds=20, wall_seconds=20)


def run(job, request=None, **options):
    options.setdefault("limits", QUICK)
    return cage.run(JOBS + job, request=request or {}, **options)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(true, seconds=5.0):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        threading.Event().wait(0.02)
    return True


def test_a_job_gets_its_request_and_an_own_folder_that_is_gone_afterwards():
    answer = run("echo", {"a": [1, "ü"]})
    assert answer["request"] == {"a": [1, "ü"]}
    assert answer["folder_is_cwd"]
    assert not Path(answer["folder"]).exists()


def test_the_child_sees_no_environment_and_loads_no_decoder_by_itself(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very secret")
    answer = run("surroundings")
    assert set(answer["environment"]) <= {"LC_CTYPE"}
    assert answer["isolated"]
    assert answer["own_group"]
    assert answer["niceness"] >= 10
    assert answer["descriptors"] <= 7
    assert not {"av", "PIL", "numpy", "django"} & set(answer["modules"])


def test_the_parent_never_imports_what_it_runs():
    script = (
        "import sys; from medialib.media import cage;"
        f"cage.run('{JOBS}echo', request={{}});"
        "sys.exit('tests.cage_jobs' in sys.modules or 'av' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], cwd=cage.ROOT, check=False).returncode == 0
    )


def test_a_rejection_crosses_the_cage_with_its_code_and_sentence():
    with pytest.raises(MediaRejected) as caught:
        run("reject")
    assert caught.value.reason == "no_picture"
    assert caught.value.detail == "This file holds no picture."


@pytest.mark.parametrize(
    ("job", "request_", "limits", "reason"),
    [
        ("crash", {}, QUICK, "crash"),
        ("break_down", {}, QUICK, "error"),
        ("eat_memory", {"bytes": 3 * 1024**3}, Limits(memory_bytes=1024**3), "memory"),
        ("spin", {}, Limits(cpu_seconds=1, wall_seconds=30), "cpu"),
        ("wait", {}, Limits(wall_seconds=0.5), "time"),
        ("write", {"bytes": 2_000_000}, Limits(file_bytes=1_000_000), "file_size"),
        ("talk_nonsense", {}, QUICK, "talk"),
    ],
)
def test_every_fault_and_every_limit_ends_the_job_with_its_reason(job, request_, limits, reason):
    with pytest.raises(CageDied) as caught:
        run(job, request_, limits=limits)
    assert caught.value.reason == reason
    assert caught.value.detail.endswith(".")


def test_a_broken_job_says_what_broke():
    with pytest.raises(CageDied, match="ValueError: broken in the middle"):
        run("break_down")


def test_there_is_no_network_in_the_cage():
    with socket.create_server(("127.0.0.1", 0)) as trap:
        answers = run("knock", {"port": trap.getsockname()[1]})
        trap.setblocking(False)
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert "connected" not in answers.values()
    assert answers["grandchild"] != 0


def test_plain_files_reach_the_outputs_on_success_only(tmp_path):
    run("leave_files", outputs=tmp_path / "good")
    assert [path.name for path in (tmp_path / "good").iterdir()] == ["picture.jpg"]
    with pytest.raises(MediaRejected):
        run("leave_files", {"fail": True}, outputs=tmp_path / "bad")
    assert list((tmp_path / "bad").iterdir()) == []


def test_messages_arrive_in_order_while_the_job_runs():
    numbers = []
    answer = run(
        "count", {"to": 5000}, on_message=lambda message: numbers.append(message["number"])
    )
    assert numbers == list(range(5000))
    assert answer == {"sent": 5000}


def test_an_error_in_the_listener_ends_the_child_and_is_raised():
    seen = []

    def listen(message):
        seen.append(message)
        raise LookupError("the caller's own trouble")

    with pytest.raises(LookupError):
        run("emit_and_wait", on_message=listen)
    assert wait_until(lambda: not alive(seen[0]["child"]) and not alive(seen[0]["grandchild"]))
    assert not Path(seen[0]["folder"]).exists()


def test_cancelling_ends_the_child_and_what_it_started():
    seen = []
    with pytest.raises(CageCancelled):
        run("emit_and_wait", on_message=seen.append, cancelled=lambda: bool(seen))
    assert wait_until(lambda: not alive(seen[0]["child"]) and not alive(seen[0]["grandchild"]))
    assert not Path(seen[0]["folder"]).exists()


@pytest.mark.parametrize("by_file", [True, False])
def test_a_job_reads_the_same_bytes_from_a_file_and_from_the_parent(tmp_path, by_file):
    data = random.Random(5).randbytes(3_000_001)
    spots = [[0, 10], [262_140, 10], [2_999_990, 100], [1_000_000, 700_000], [5_000_000, 3]]
    path = tmp_path / "data"
    path.write_bytes(data)
    source = LocalSource(path) if by_file else BytesSource(data)
    answer = run("digest", {"spots": spots}, source=source)
    assert answer["spots"] == [data[start : start + length].hex() for start, length in spots]
    assert answer["end"] == len(data)
    assert answer["sha256"] == hashlib.sha256(data).hexdigest()
    if by_file:
        source.close()


def test_storage_trouble_while_reading_reaches_the_caller():
    class Away(BytesSource):
        def read_at(self, offset, length):
            raise ConnectionError("storage is away")

    with pytest.raises(ConnectionError):
        run("digest", {"spots": []}, source=Away(b"12345"))


def test_sequential_reads_ask_for_ever_larger_pieces_and_single_ones_stay_small():
    class Counting(BytesSource):
        asked = 0
        requests = 0

        def read_at(self, offset, length):
            self.asked += length
            self.requests += 1
            return super().read_at(offset, length)

    data = bytes(20 * 1024**2)
    whole = Counting(data)
    run("digest", {"spots": []}, source=whole)
    assert whole.requests <= 12
    assert whole.asked <= len(data) * 1.3


def test_threads_may_run_cages_at_the_same_time():
    answers = {}

    def work(number):
        answers[number] = run("echo", {"number": number})["request"]["number"]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: number for number in range(6)}


PARENT = """
import sys, threading
from pathlib import Path
from medialib.media import cage
def work():
    cage.run(
        "tests.cage_jobs:emit_and_wait", request={}, outputs=Path(sys.argv[1]),
        on_message=lambda message: print(message["child"], message["grandchild"], flush=True),
    )
if sys.argv[2] == "thread":
    thread = threading.Thread(target=work); thread.start(); thread.join()
else:
    work()
"""


@pytest.mark.parametrize("where", ["main", "thread"])
def test_a_killed_parent_leaves_no_child_and_its_folder_is_swept_later(tmp_path, where):
    command = [sys.executable, "-c", PARENT, str(tmp_path), where]
    with subprocess.Popen(command, cwd=cage.ROOT, stdout=subprocess.PIPE) as parent:
        child, grandchild = (int(word) for word in parent.stdout.readline().split())
        assert alive(child)
        assert alive(grandchild)
        parent.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not alive(child))
    leftovers = list(tmp_path.iterdir())
    assert len(leftovers) == 1
    os.utime(leftovers[0], (0, 0))
    cage._swept.clear()
    run("echo", outputs=tmp_path)
    assert list(tmp_path.iterdir()) == []
