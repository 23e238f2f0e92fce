import json
from pathlib import Path

import numpy as np
import pytest

from edgeguard_core.cli.output import pairs, print_json, print_warnings, say, table


def test_json_is_strict_and_says_its_format(capsys):
    print_json({"a": float("nan"), "b": np.float32(0.5), "c": [float("inf"), (1, None)],
                "d": {1: np.int64(3)}, "e": Path("/x/../y"), "f": True})  # fmt: skip
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {
        "format": 1, "a": None, "b": 0.5, "c": [None, [1, None]], "d": {"1": 3}, "e": "/y",
        "f": True,
    }  # fmt: skip


def test_a_result_with_a_format_of_its_own_keeps_it(capsys):
    print_json({"format": "zeek-tsv"})
    assert json.loads(capsys.readouterr().out) == {"json_format": 1, "format": "zeek-tsv"}


def test_a_file_name_that_no_encoding_knows_is_still_json(capsys):
    print_json({"name": b"caf\xe9".decode(errors="surrogateescape"), "dash": "–"})
    assert json.loads(capsys.readouterr().out)["dash"] == "–"


def test_markup_in_a_cell_is_only_text(capsys):
    table("Labels", ("class", "rows"), [("[red]x[/nope]", 1234), ("\x1b[31m", None)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["[red]x[/nope]", "1,234"]
    assert lines[3].split() == ["\\x1b[31m", "–"]


def test_a_wide_cell_is_whole_where_no_terminal_bounds_it(capsys):
    table("", ("name",), [("x" * 120,)])
    assert "x" * 120 in capsys.readouterr().out


def test_names_and_values_stand_in_two_columns(capsys):
    pairs([("a", 1_000), ("longer", 0.123456), ("none", None)])
    assert capsys.readouterr().out == "a       1,000\nlonger  0.1235\nnone    –\n"


@pytest.mark.parametrize("text", [":smile: [b]x[/b]", "two\nlines"])
def test_a_text_is_said_as_it_is(capsys, text):
    say(text)
    assert capsys.readouterr().out == text + "\n"


def test_each_warning_takes_one_line_of_stderr(capsys):
    print_warnings(["a\nb", "c"])
    out, err = capsys.readouterr()
    assert (out, err) == ("", "warning: a b\nwarning: c\n")
