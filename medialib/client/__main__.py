"""`python -m medialib.client`: the library from a shell, in tables for people or JSON for programs.

Address and token come from MEDIALIB_URL and MEDIALIB_TOKEN, or from --url and --token.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from medialib.client.answers import SearchAnswer
from medialib.client.connection import ApiError, Unreachable
from medialib.client.library import Library

# From this status on the library says that it is in trouble, not that it was asked wrongly.
_AWAY = 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 on success, else a sentence on stderr.

    1: the library refused. 3: it, or its search, could not be asked, so nothing is known.
    """
    told = _parser().parse_args(arguments)
    if not told.token:
        print("Give a token by --token or MEDIALIB_TOKEN.", file=sys.stderr)
        return 1
    try:
        told.run(Library(told.url, told.token), told)
    except (ApiError, Unreachable, OSError) as error:
        print(f"{getattr(error, 'detail', error)}", file=sys.stderr)
        away = isinstance(error, Unreachable) or getattr(error, "status", 0) >= _AWAY
        return 3 if away else 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m medialib.client", description=__doc__)
    address = os.environ.get("MEDIALIB_URL", "http://127.0.0.1:8000")
    parser.add_argument("--url", default=address)
    parser.add_argument("--token", default=os.environ.get("MEDIALIB_TOKEN", ""))
    parser.add_argument("--json", action="store_true", help="One JSON object a line.")
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("upload", help="Send files; call it again after a break to go on.")
    one.add_argument("paths", nargs="+")
    one.add_argument("--title", default="")
    one.add_argument("--keyword", action="append", default=[])
    one.add_argument("--visibility", default="")
    one.add_argument("--force", action="store_true", help="Keep a file twice.")
    one.add_argument("--wait", action="store_true", help="Wait until it is searchable.")
    one.set_defaults(run=_upload)
    one = commands.add_parser("search", help="Find moments.")
    one.add_argument("text")
    one.add_argument("--kind", choices=["photo", "video"])
    one.set_defaults(run=_search)
    one = commands.add_parser("moments", help="List the moments of an asset.")
    one.add_argument("asset")
    one.add_argument("--label")
    one.set_defaults(run=_moments)
    one = commands.add_parser("watch", help="Print events as they happen.")
    one.add_argument("--after", type=int, default=0)
    one.set_defaults(run=_watch)
    one = commands.add_parser("download", help="Fetch an original or what is played.")
    one.add_argument("asset")
    one.add_argument("target")
    one.add_argument("--playback", action="store_true")
    one.set_defaults(run=_download)
    return parser


def _print(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], told: Any) -> None:
    for row in rows:
        if told.json:
            print(json.dumps(row), flush=True)
        else:
            print("\t".join(str(row.get(name, "")) for name in columns), flush=True)


def _upload(library: Library, told: Any) -> None:
    details = {"title": told.title, "keywords": told.keyword, "visibility": told.visibility}
    details = {name: value for name, value in details.items() if value}
    for path in told.paths:
        asset = library.upload(
            Path(path), force=told.force, on_progress=_progress_of(path), **details
        )
        if told.wait:
            asset = library.wait(asset["id"])
        row = {**asset, "state": asset["status"]["state"]}
        _print([row], ["id", "state", "title"], told)


def _progress_of(path: str) -> Any:
    if not sys.stderr.isatty():
        return None

    def show(sent: int, size: int) -> None:
        end = "\n" if sent == size else ""
        print(f"\r{path}: {100 * sent // max(size, 1)} %", end=end, file=sys.stderr, flush=True)

    return show


def _search(library: Library, told: Any) -> None:
    found = library.search(told.text, kind=told.kind)
    if told.json:
        print(json.dumps(found))
        return
    if not found["results"]:
        print(_nothing(found), file=sys.stderr)
    for result in found["results"]:
        for moment in result["moments"]:
            row = {**moment, "title": result["asset"]["title"]}
            _print([row], ["title", "label", "start_ms", "end_ms", "confidence", "url"], told)
        if not result["moments"]:
            _print([result["asset"]], ["title", "url"], told)


def _nothing(found: SearchAnswer) -> str:
    unlooked = found.get("unlooked")
    if not unlooked:
        return "Nothing found."
    return (
        "Nothing found, but search could not look at everything: "
        f"on the way {unlooked['waiting']}, without labels {unlooked['unlabelled']}."
    )


def _moments(library: Library, told: Any) -> None:
    rows = library.moments(told.asset, label=told.label)
    _print(rows, ["label", "start_ms", "end_ms", "confidence", "url"], told)


def _watch(library: Library, told: Any) -> None:
    _print(library.watch(after=told.after), ["id", "created_at", "type", "asset_id"], told)


def _download(library: Library, told: Any) -> None:
    what = "playback" if told.playback else "original"
    size = library.download(told.asset, told.target, what=what)
    _print([{"target": told.target, "size": size}], ["target", "size"], told)


if __name__ == "__main__":
    sys.exit(main())
