"""A receiver believes the library's own calls, and no forged, changed or repeated one."""

from __future__ import annotations

import pytest

from medialib.client.webhooks import TOLERANCE_SECONDS, WrongSignature, verify_webhook
from medialib.webhooks import sign

SECRET, BODY, NOW = "whsec_a", b'{"id": 1}', 1_800_000_000


def header(moment=NOW, *, body=BODY, secret=SECRET):
    return f"t={moment},v1={sign(secret.encode(), moment, body)}"


@pytest.mark.parametrize("late", [0, TOLERANCE_SECONDS, -TOLERANCE_SECONDS])
def test_what_the_library_signs_is_believed(late):
    verify_webhook(BODY, header(), SECRET, now=NOW + late)
    verify_webhook(BODY, f"v1=00, {header()}, v2=more", SECRET, now=NOW + late)


@pytest.mark.parametrize("late", [TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1, 86_400 * 365])
def test_a_call_that_is_sent_again_later_is_refused(late):
    with pytest.raises(WrongSignature, match="too old"):
        verify_webhook(BODY, header(), SECRET, now=NOW + late)


def test_a_replay_does_not_become_new_by_another_time():
    fresh = header().replace(f"t={NOW}", f"t={NOW + 1000}")
    with pytest.raises(WrongSignature, match="not that of this body"):
        verify_webhook(BODY, fresh, SECRET, now=NOW + 1000)
    with pytest.raises(WrongSignature, match="can't be read"):
        verify_webhook(BODY, f"t={NOW + 1000},{header()}", SECRET, now=NOW + 1000)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "",
        "v1=",
        "t=,v1=",
        f"t={NOW}",
        f"t={NOW},v1=",
        f"t={NOW},v1=\u00e9",
        f"t=-{NOW},v1=00",
        "t=\u0661\u0662,v1=00",
        f"t={'9' * 5000},v1=00",
        header(secret="whsec_b"),
        header(body=BODY + b" "),
        header()[:-1],
    ],
)
def test_what_is_not_signed_by_the_library_is_refused(wrong):
    with pytest.raises(WrongSignature):
        verify_webhook(BODY, wrong, SECRET, now=NOW)
