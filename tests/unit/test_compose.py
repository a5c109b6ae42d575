"""compose.yaml names what is there: commands, variables, settings. Docker itself is not run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
OURS = {name: told for name, told in COMPOSE["services"].items() if told["image"] == "medialib"}
_EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
KNOWN = set(re.findall(r"^([A-Z0-9_]+)=", _EXAMPLE, re.MULTILINE))


@pytest.mark.parametrize("name", OURS)
def test_each_process_reads_every_setting_and_keeps_its_data_in_the_volume(name):
    service = OURS[name]
    assert service["env_file"] == [{"path": ".env", "required": False}]
    assert service["environment"]["MEDIALIB_DATA_DIR"] == "/data"
    assert "data:/data" in service["volumes"]
    assert set(service["environment"]) - KNOWN <= {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


@pytest.mark.parametrize("name", OURS)
def test_each_command_is_one_of_ours(name):
    words = OURS[name]["command"].split()
    if words[:2] == ["python", "manage.py"]:
        assert words[2] in get_commands()
    else:
        assert words[0] == "celery" or words[:3] == ["python", "-m", "uvicorn"]


def test_whoever_hears_from_a_queue_has_a_process():
    commands = {told["command"] for told in OURS.values()}
    assert {"python manage.py read_notices", "python manage.py read_drops"} <= commands
