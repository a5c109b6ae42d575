"""The sprite of icons: whole, from the package, and every icon that a page asks for is in it."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

from medialib.views.icons import NAMES, sprite

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def symbols():
    return {one.get("id"): one for one in ElementTree.fromstring(sprite())}


def test_each_icon_is_the_packages_own_drawing():
    with (files("lucide") / "lucide.zip").open("rb") as packed, ZipFile(packed) as icons:
        for name, theirs in NAMES.items():
            drawing = ElementTree.fromstring(icons.read(f"{theirs}.svg"))
            ours = [(part.tag, part.attrib) for part in symbols()[name]]
            assert ours == [(part.tag, part.attrib) for part in drawing], name
            assert ours


def test_every_icon_that_pages_and_modules_ask_for_is_there():
    asked = set()
    for template in (ROOT / "templates").rglob("*.html"):
        text = template.read_text()
        asked |= set(re.findall(r'{% icon "([a-z-]+)"', text))
        asked |= set(re.findall(r'icon_name="([a-z-]+)"', text))
    for module in (ROOT / "medialib/static/medialib/js").glob("*.js"):
        for call in re.findall(r"(?:\bicon|setIcon)\(([^)]*)\)", module.read_text()):
            asked |= set(re.findall(r'"([a-z-]+)"', call))
    assert {"upload", "play", "video", "retry"} <= asked
    assert asked - {"svg"} <= set(symbols())


def test_no_icon_is_kept_that_nobody_asks_for():
    paths = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "medialib").rglob("*.py")]
    paths += (ROOT / "medialib/static/medialib/js").glob("*.js")
    text = "".join(path.read_text() for path in paths if path.stem != "icons")
    assert [name for name in NAMES if f'"{name}"' not in text] == []


def test_the_sprite_is_sent_to_anyone_once(client):
    answer = client.get("/icons.svg")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/svg+xml"
    again = client.get("/icons.svg", headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304
