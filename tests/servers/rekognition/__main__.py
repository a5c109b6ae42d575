"""`python -m tests.servers.rekognition --port 8090 --s3 http://127.0.0.1:7070`: run it by hand."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.servers.rekognition.announcing import MODES
from tests.servers.rekognition.clock import Clock
from tests.servers.rekognition.double import Double
from tests.servers.rekognition.media import Bucket
from tests.servers.rekognition.server import Server


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.rekognition")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--region", default=os.environ.get("AWS_REGION") or "us-east-1")
    parser.add_argument("--s3", metavar="URL", help="S3 server; Amazon's own if left out")
    parser.add_argument("--sns", metavar="URL", help="SNS server (moto's) for notices")
    parser.add_argument("--notices", choices=MODES, default="once", help="how notices arrive")
    parser.add_argument("--answers", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument("--speed", type=float, default=1.0, help="how fast its clock runs")
    parser.add_argument("--jobs", type=int, default=20, help="video jobs at once")
    chosen = parser.parse_args()
    bucket = Bucket(chosen.s3, region=chosen.region)
    double = Double(chosen.region, bucket, Clock(chosen.speed), job_limit=chosen.jobs)
    double.registry.load_all(*chosen.answers)
    if chosen.sns:
        double.announce(chosen.sns, mode=chosen.notices)
    server = Server(double, port=chosen.port)
    _say(f"The double of Rekognition listens on {server.url} ({chosen.region}). Ctrl-C ends it.")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        _say("It has ended.")
    finally:
        server.server_close()
        double.close()


if __name__ == "__main__":
    main()
