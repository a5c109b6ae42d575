"""moto's server, which stands in for all of Amazon but Rekognition; it keeps all in memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock


@contextmanager
def running() -> Iterator[str]:
    """Serve in threads of this process; gives the address."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with _one_reader_of_a_queue_at_a_time():
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield f"http://{host}:{port}"
        finally:
            server.stop()


@contextmanager
def _one_reader_of_a_queue_at_a_time() -> Iterator[None]:
    """Mend what SQS never does: moto 5.2 locks a queue for adding, not for giving and deleting.

    Of two deletions at a time one was undone, and a message given twice at a time lost a handle.
    """
    from moto.sqs.models import Queue, SQSBackend

    give, delete = SQSBackend.receive_message, Queue.delete_message

    def give_alone(backend: SQSBackend, queue_name: str, *rest: Any, **named: Any) -> Any:
        # Waiting for messages is waiting on this very lock, which lets others in meanwhile.
        with backend.get_queue(queue_name)._messages_lock:
            return give(backend, queue_name, *rest, **named)

    def delete_alone(queue: Queue, receipt_handle: str) -> None:
        with queue._messages_lock:
            delete(queue, receipt_handle)

    with ExitStack() as mended:
        mended.enter_context(mock.patch.object(SQSBackend, "receive_message", give_alone))
        mended.enter_context(mock.patch.object(Queue, "delete_message", delete_alone))
        yield
