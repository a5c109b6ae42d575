"""`python -m tests.servers.rekognition --port 8090 --bucket media`: run it by hand.

Prints the variables with which the library uses it: the whole product without Amazon.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.servers import moto
from tests.servers.rekognition.announcing import MODES
from tests.servers.rekognition.clock import Clock
from tests.servers.rekognition.double import Double
from tests.servers.rekognition.media import Bucket
from tests.servers.rekognition.server import Server

# What a library is told that uses the double; the keys are good for nothing else.
_VARIABLES = """Start the library in another terminal with these variables:

export AWS_ACCESS_KEY_ID=double AWS_SECRET_ACCESS_KEY=double AWS_REGION={region}
export MEDIALIB_STORAGE=s3://{bucket}/library MEDIALIB_S3_ENDPOINT={s3}
export MEDIALIB_LABELLING=rekognition MEDIALIB_REKOGNITION_ENDPOINT={url}
export MEDIALIB_DATA_DIR=var/double
"""


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def _own_s3(bucket: str, region: str) -> Iterator[str]:
    """Serve S3 (moto's, in memory) with one empty bucket; gives its address."""
    import boto3

    os.environ |= {"AWS_ACCESS_KEY_ID": "double", "AWS_SECRET_ACCESS_KEY": "double"}
    there = {} if region == "us-east-1" else {"LocationConstraint": region}
    config = {"CreateBucketConfiguration": there} if there else {}
    with moto.running() as url:
        client = boto3.client("s3", endpoint_url=url, region_name=region)
        client.create_bucket(Bucket=bucket, **config)
        yield url


def main() -> None:
    """Serve until Ctrl-C."""
    chosen = _parser().parse_args()
    with contextlib.ExitStack() as around:
        if chosen.bucket and not chosen.s3:
            chosen.s3 = around.enter_context(_own_s3(chosen.bucket, chosen.region))
        _serve(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.servers.rekognition")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--region", default=os.environ.get("AWS_REGION") or "us-east-1")
    parser.add_argument("--bucket", help="bucket of the library's media; its variables are printed")
    parser.add_argument("--s3", metavar="URL", help="S3 server; one in memory if only --bucket")
    parser.add_argument("--sns", metavar="URL", help="SNS server (moto's) for notices")
    parser.add_argument("--notices", choices=MODES, default="once", help="how notices arrive")
    parser.add_argument("--answers", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument("--speed", type=float, default=1.0, help="how fast its clock runs")
    parser.add_argument("--jobs", type=int, default=20, help="video jobs at once")
    return parser


def _serve(chosen: argparse.Namespace) -> None:
    bucket = Bucket(chosen.s3, region=chosen.region)
    double = Double(chosen.region, bucket, Clock(chosen.speed), job_limit=chosen.jobs)
    double.registry.load_all(*chosen.answers)
    if chosen.sns:
        double.announce(chosen.sns, mode=chosen.notices)
    server = Server(double, port=chosen.port)
    _say(f"The double of Rekognition listens on {server.url} ({chosen.region}). Ctrl-C ends it.")
    if chosen.bucket:
        named = {"region": chosen.region, "bucket": chosen.bucket, "s3": chosen.s3}
        _say(_VARIABLES.format(**named, url=server.url))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        _say("It has ended.")
    finally:
        server.server_close()
        double.close()


if __name__ == "__main__":
    main()
