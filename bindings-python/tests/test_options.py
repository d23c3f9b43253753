"""Options: every kind in Python's own types, as text, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import chinwag
import pytest
from chinwag import OptionName
from typing import get_args
from support import quick


def start(**options: Any) -> chinwag.blocking.Node:
    return chinwag.blocking.start(**quick(**options))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("seeds", []),
        ("seeds", ()),
        ("seeds", "127.0.0.1:1,127.0.0.1:2"),
        ("seeds", (seed for seed in ["127.0.0.1:1"])),
        ("tags", {"role": "web"}),
        ("tags", "role=web"),
        ("meta", b"\xff\x00"),
        ("meta", bytearray(b"raw")),
        ("probe_interval", 1),
        ("probe_interval", 0.25),
        ("probe_interval", "250ms"),
        ("probe_interval", timedelta(milliseconds=250)),
        ("push_pull_interval", 0),
        ("insecure", True),
        ("insecure", "true"),
        ("handle_signals", False),
        ("event_buffer", 1),
        ("event_buffer", "16"),
        ("profile", "wan"),
        ("delegate_versions", "2,5,5"),
        ("cluster", "prod"),
        ("cluster", None),
        ("advertise", "127.0.0.1:9"),
    ],
)
def test_a_value_of_the_right_kind_is_taken(option: str, value: object) -> None:
    start(**{option: value}).close()


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("name", 5, 'option "name" is 5, expected a str'),
        ("keys", {"hunter2": 2}, "not base64"),
        ("keys", [b"hunter2"], 'option "keys" is of another type, expected a sequence of str'),
        ("cookie", b"hunter2", 'option "cookie" is of another type, expected a str'),
        ("cookie", "hunter2", "too short"),
        ("name", "", "name"),
        ("name", "x" * 129, "name"),
        ("bind", ("127.0.0.1", 0), "127.0.0.1:7946"),
        ("bind", "nowhere", "nowhere"),
        ("bind", "0.0.0.0:0", "insecure"),
        ("seeds", 5, "a sequence of str"),
        ("seeds", [5], "a sequence of str"),
        ("tags", {"port": 80}, "a dict of str to str"),
        ("tags", ["role"], "a dict of str to str"),
        ("meta", 5, "bytes"),
        ("probe_interval", -1, "seconds as a number from 0"),
        ("probe_interval", float("nan"), "seconds as a number from 0"),
        ("probe_interval", float("inf"), "seconds as a number from 0"),
        ("probe_interval", timedelta(seconds=-1), "seconds as a number from 0"),
        ("probe_interval", True, "seconds as a number from 0"),
        ("probe_interval", "soon", "soon"),
        ("probe_interval", 1e9, "a day"),
        ("insecure", 1, "True or False"),
        ("insecure", "yes", "yes"),
        ("event_buffer", 0, "1 to 1048576"),
        ("event_buffer", -1, "an int from 0"),
        ("event_buffer", 2**70, "an int from 0"),
        ("event_buffer", 1.5, "an int from 0"),
        ("event_buffer", True, "an int from 0"),
        ("profile", "quick", "lan, wan, local, fast"),
        ("profile", 1, "one of the listed words"),
        ("delegate_versions", "5,2,5", "2,5,5"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(option: str, value: object, expected: str) -> None:
    with pytest.raises(chinwag.BadConfig) as failure:
        start(**{option: value})
    assert expected in str(failure.value)
    assert "hunter2" not in str(failure.value)
    assert failure.value.code == "bad_config"


def test_an_unknown_option_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match='"probe_intervall"; did you mean "probe_interval"'):
        start(probe_intervall=1)
    with pytest.raises(chinwag.BadConfig, match="unknown"):
        start(colour=None)


def test_tags_and_meta_exclude_each_other() -> None:
    with pytest.raises(chinwag.BadConfig, match="exclude"):
        start(tags={"a": "b"}, meta=b"c")


def test_every_option_is_known_to_the_library() -> None:
    for option in get_args(OptionName):
        with pytest.raises(chinwag.BadConfig) as failure:
            start(**{option: object()})
        shown = "of another type" if option in ("keys", "cookie") else "<object object"
        assert f'option "{option}" is {shown}' in str(failure.value)
