"""The embedded broker: no message is read half, lost or given twice."""

from __future__ import annotations

import threading
from queue import Empty

import pytest
from kombu import Connection, Queue

from medialib import broker


@pytest.fixture
def connect(tmp_path):
    broker.register()
    for name in ("queue", "control"):
        (tmp_path / name).mkdir()
    options = {
        "data_folder_in": str(tmp_path / "queue"),
        "data_folder_out": str(tmp_path / "queue"),
        "control_folder": str(tmp_path / "control"),
    }
    return lambda: Connection("filesystem://", transport_options=options)


def test_messages_come_in_the_order_they_were_sent(connect):
    with connect() as connection, connection.channel() as channel:
        for number in range(5):
            channel._put("light", {"n": number})
        channel._put("heavy", {"n": 99})
        assert [channel._get("light")["n"] for _ in range(5)] == list(range(5))
        with pytest.raises(Empty):
            channel._get("light")
        assert channel._get("heavy")["n"] == 99


def waiting(channel):
    """Give the next message's number, if there is a message."""
    try:
        return [channel._get("light")["n"]]
    except Empty:
        return []


def test_readers_and_writers_at_once_lose_nothing_and_see_nothing_half(connect, tmp_path):
    total, seen, done = 300, [], threading.Event()

    def write(start):
        with connect() as connection, connection.channel() as channel:
            for number in range(start, start + total):
                channel._put("light", {"n": number, "filler": "x" * 5000})

    def read():
        with connect() as connection, connection.channel() as channel:
            while len(seen) < 2 * total and not done.is_set():
                seen.extend(waiting(channel))

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(start,)) for start in (0, total)]
    for thread in [*readers, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    for thread in readers:
        thread.join(timeout=30)
    done.set()
    assert sorted(seen) == list(range(2 * total))
    assert list((tmp_path / "queue").iterdir()) == []


def test_many_bind_the_same_queue_at_once(connect):
    def bind(name):
        with connect() as connection:
            Queue(name, routing_key=name, channel=connection.channel()).declare()

    threads = [threading.Thread(target=bind, args=(f"q{n % 4}",)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with connect() as connection, connection.channel() as channel:
        assert {row.queue for row in channel.get_table("")} <= {f"q{n}" for n in range(4)}
