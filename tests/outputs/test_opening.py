"""An entry of ``sinks:`` is opened, or refused in one sentence that names what is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edgeguard_core.errors import OutputError
from edgeguard_core.outputs import open_sink


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"jsonl": "a.jsonl", "rotate_megabytes": 5, "keep": 2}, "jsonl a.jsonl"),
        ({"jsonl": "-"}, "jsonl -"),
        ({"syslog": "udp://h"}, "syslog udp://h:514"),
        ({"syslog": "tcp://[::1]:1514", "facility": "auth"}, "syslog tcp://[::1]:1514"),
        ({"syslog": "unix:/dev/log", "message": "json"}, "syslog unix:/dev/log"),
        ({"webhook": "https://u.example/x?k=1", "timeout_s": 3}, "webhook https://u.example/x"),
        ({"mqtt": "mqtts://u:p@h/t", "qos": 2}, "mqtt mqtts://h:8883/t"),
        ({"store": "sqlite:///a.db", "retention_days": 7}, "store sqlite:///a.db"),
        ({"store": "postgresql://u:p@h/d"}, "store postgresql://h/d"),
        ({"jsonl": "-", "kinds": ["alert", "incident"]}, "jsonl -"),
    ],
)
def test_sinks_and_their_names(settings, name, tmp_path):
    sink = open_sink(settings, dead_letters=tmp_path)
    assert sink.name == name
    sink.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "exactly one of jsonl, syslog, webhook, mqtt, store; this entry holds nothing"),
        ({"jsonl": "-", "store": "x"}, "holds jsonl and store"),
        ({"kafka": "x"}, "holds kafka"),
        ("jsonl", "not by 'jsonl'"),
        ({"jsonl": "-", "colour": 1}, "does not know 'colour'"),
        ({"jsonl": ""}, "jsonl is ''"),
        ({"jsonl": 5}, "jsonl is 5"),
        ({"jsonl": "-", "rotate_megabytes": 5}, "for a file"),
        ({"jsonl": "a", "rotate_megabytes": -1}, "rotate_megabytes is -1"),
        ({"jsonl": "a", "keep": "two"}, "keep is 'two'"),
        ({"jsonl": "a", "keep": True}, "keep is True"),
        ({"jsonl": "a", "kinds": []}, "kinds is a list"),
        ({"jsonl": "a", "kinds": "alert"}, "kinds is a list"),
        ({"jsonl": "a", "kinds": ["alerts"]}, "kinds holds 'alerts'"),
        ({"syslog": "h:514"}, "write udp://"),
        ({"syslog": "udp://h:99999"}, "cannot be read"),
        ({"syslog": "udp://h", "facility": "local9"}, "facility is 'local9'"),
        ({"syslog": "udp://h", "message": "xml"}, "message is 'xml'"),
        ({"syslog": "tcp://h", "ca": "x"}, "does not use TLS"),
        ({"syslog": "tls://h", "ca": "/none.pem"}, "/none.pem cannot be used"),
        ({"syslog": "tls://h", "key": "/none.pem"}, "key is given without cert"),
        ({"webhook": "ftp://h"}, "https://HOST/PATH"),
        ({"webhook": "https://u:p@h/"}, "takes no password"),
        ({"webhook": "https://h/", "headers": "x"}, "headers is 'x'"),
        ({"webhook": "https://h/", "headers": {"A": "b\r\nC: d"}}, "one line of ASCII"),
        ({"webhook": "https://h/", "timeout_s": 0}, "timeout_s is 0"),
        ({"mqtt": "mqtt://h"}, "write mqtt://"),
        ({"mqtt": "mqtt://h/a/+/b"}, "write mqtt://"),
        ({"mqtt": "mqtt://h/t", "qos": 3}, "qos is 3"),
        ({"store": "sqlite:///a.db", "retention_days": 0}, "retention_days is 0"),
        ({"store": "postgresql://h/d", "most_megabytes": 5}, "is for SQLite"),
    ],
)
def test_what_cannot_be_is_refused(settings, words, tmp_path):
    with pytest.raises(OutputError, match=r"\.$") as caught:
        open_sink(settings, dead_letters=tmp_path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


LIGHT = """
import sys
from pathlib import Path
from edgeguard_core.outputs import open_sink
from edgeguard_core.clock import SystemClock
from edgeguard_core.outputs.delivery import Delivery
from edgeguard_core.outputs.metrics import MetricsServer
from edgeguard_core.outputs.spool import Spool
folder = Path(sys.argv[1])
sinks = [
    open_sink(entry, dead_letters=folder)
    for entry in ({"jsonl": "-"}, {"syslog": "udp://127.0.0.1"}, {"webhook": "http://h/"})
]
Delivery(Spool(folder, 1 << 20, SystemClock()), sinks, SystemClock()).close(1)
heavy = ("sqlalchemy", "paho", "psycopg", "pandas", "pyarrow", "scipy", "typer", "rich", "yaml")
print([name for name in heavy if name in sys.modules])
"""


def test_a_sink_loads_only_what_it_needs(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("package", "settings", "extra"),
    [
        ("sqlalchemy", {"store": "sqlite:///a.db"}, "edgeguard[store]"),
        ("psycopg", {"store": "postgresql://h/d"}, "edgeguard[postgres]"),
        ("paho", {"mqtt": "mqtt://h/t"}, "edgeguard[mqtt]"),
    ],
)
def test_a_missing_package_is_told_with_the_extra_that_brings_it(package, settings, extra):
    program = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from pathlib import Path\n"
        "from edgeguard_core.errors import OutputError\n"
        "from edgeguard_core.outputs import open_sink\n"
        f"try: open_sink({settings!r}, dead_letters=Path('.'))\n"
        "except OutputError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert f"needs the package {package}" in done.stdout
    assert f"install {extra}." in done.stdout
