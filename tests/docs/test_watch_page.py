"""The page about watching shows settings that are read, all of them, and events that exist."""

import re
from pathlib import Path

from support import PROJECT

from edgeguard_core.watch.settings import KEYS, load_settings

PAGE = (PROJECT / "docs" / "watch.md").read_text()


def test_the_annotated_settings_are_read_and_show_every_key(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "edgeguard.yaml"
    file.write_text(text)
    found = load_settings(file, environment={})
    assert [key for key in KEYS if found.origin(key) == "default"] == []
    assert found.exclusions[0].conditions.src_ip == "10.0.0.7"


def test_every_event_of_the_code_is_explained():
    source = "".join(
        path.read_text()
        for folder in ("watch", "sources/tail")
        for path in sorted(Path(PROJECT, "edgeguard_core", folder).glob("*.py"))
    )
    reasons = set(re.findall(r'Kind\.(?:SENSOR|AUDIT|DRIFT),\s*"([a-z_]+)"', source))
    reasons |= set(re.findall(r'(?:Note|_tell)\(\s*"(log_[a-z]+)"', source))
    assert len(reasons) > 8
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in PAGE] == []
