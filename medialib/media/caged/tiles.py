"""Cut a storyboard that we made ourselves into its tiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image


def tiles(
    request: dict[str, Any],
    source: BinaryIO,
    emit: Callable[[dict[str, Any]], None],
    folder: Path,
) -> dict[str, Any]:
    """Write `tile-<n>.jpg` for each tile, left to right and top to bottom."""
    del emit
    width, height = int(request["tile_width"]), int(request["tile_height"])
    names = []
    with Image.open(source, formats=["JPEG"]) as sheet:
        sheet.load()
        for number in range(int(request["tiles"])):
            row, column = divmod(number, int(request["columns"]))
            left, top = column * width, row * height
            name = f"tile-{number}.jpg"
            tile = sheet.crop((left, top, left + width, top + height))
            tile.save(folder / name, format="JPEG", quality=80)
            names.append(name)
    return {"names": names}
