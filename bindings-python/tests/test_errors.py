"""One exception for each row of the error table, and no panic beyond the border."""

from __future__ import annotations

import pickle
import re

import chinwag
import pytest
from chinwag import _chinwag
from chinwag._constants import ERRORS, ErrorInfo
from chinwag.errors import CLASSES
from support import ROOT, child


@pytest.mark.parametrize("row", ERRORS, ids=lambda row: row.code)
def test_every_row_has_its_class(row: ErrorInfo) -> None:
    cls = CLASSES[row.code]
    assert (cls.__name__, cls.code, cls.number) == (row.title, row.code, row.number)
    assert cls.retryable is row.retryable
    assert cls("sentence").maybe_executed is row.maybe_executed
    assert issubclass(cls, chinwag.ChinwagError) and issubclass(cls, row.base)
    assert getattr(chinwag, row.title) is cls and cls.__module__ == "chinwag"
    assert cls.__doc__


def test_there_is_no_class_without_a_row() -> None:
    assert set(CLASSES.values()) == set(chinwag.ChinwagError.__subclasses__())
    assert len(CLASSES) == len(ERRORS)


@pytest.mark.parametrize("cls", CLASSES.values())
def test_errors_travel_between_processes(cls: type[chinwag.ChinwagError]) -> None:
    remote = ("b", "node", "RangeError", "too far", None)
    error = pickle.loads(pickle.dumps(cls("sentence", [("a:1", "refused")], True, remote)))
    assert type(error) is cls and str(error) == "sentence"
    assert error.maybe_executed and error.remote == chinwag.Remote(*remote)
    assert error.attempts == (chinwag.Attempt("a:1", "refused"),)


def test_an_application_can_extend_an_error() -> None:
    class Timeout(chinwag.Timeout):
        pass

    assert Timeout("late").code == "timeout" and Timeout.__module__ == __name__


def test_a_panic_is_an_ordinary_exception() -> None:
    script = "from chinwag import _chinwag\ntry: _chinwag._panic('boo')\n"
    script += "except Exception as e: print(type(e).__name__, e)"
    with child("-c", script) as process:
        status, out, _ = process.end()
    assert (status, out) == (0, "Internal a panic was caught: boo\n")


def test_every_native_function_is_guarded() -> None:
    """What Python can call begins with the guard that catches panics. Only the collector calls
    `__traverse__`, which must leave the interpreter alone."""
    found = 0
    for path in (ROOT / "src").rglob("*.rs"):
        text = path.read_text()
        blocks = re.findall(r"#\[pymethods\]\nimpl \w+ \{\n(.*?)\n\}\n", text, re.DOTALL)
        blocks += re.findall(r"#\[pyfunction\]\n(.*?\n\}\n)", text, re.DOTALL)
        for block in blocks:
            bodies = re.findall(r"\bfn (\w+)[^{]*\{\s*(\w+)\(", block)
            assert len(bodies) == len(re.findall(r"\bfn (?!__traverse__)\w+", block)), path
            for name, first in bodies:
                assert first == "guard", f"{path.name}: {name}"
                found += 1
    assert found > 30
    assert {"Host", "Member", "Ring", "Subscription", "Wake"} <= set(dir(_chinwag))
