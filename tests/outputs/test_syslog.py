"""Syslog messages are what RFC 5424 says, whatever a hostile name holds, on every transport."""

from __future__ import annotations

import datetime
import ipaddress
import json
import re
import socket
import ssl
import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from output_records import alert, event, heartbeat, incident

from edgeguard_core.errors import OutputError
from edgeguard_core.outputs import open_sink
from edgeguard_core.outputs.records import Kind
from edgeguard_core.outputs.syslog_format import severity, syslog_message

# The grammar of RFC 5424, section 6, written down once more.
_HEADER = re.compile(
    rb"<(?P<pri>\d{1,3})>1 (?P<time>\S+) (?P<host>[\x21-\x7e]{1,255}) (?P<app>[\x21-\x7e]{1,48}) "
    rb"(?P<process>[\x21-\x7e]{1,128}) (?P<message>[\x21-\x7e]{1,32}) ",
)
_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
_NAME = re.compile(rb"[\x21\x23-\x3c\x3e-\x5c\x5e-\x7e]{1,32}")


def parsed(message: bytes) -> dict[str, object]:
    """Header fields, ``parameters`` and ``text`` of a message; fails where it is none."""
    header = _HEADER.match(message)
    assert header, message
    assert _TIME.fullmatch(header["time"])
    assert 0 <= int(header["pri"]) <= 191
    at = header.end()
    assert message[at : at + 1] == b"["
    identity = _NAME.match(message, at + 1)
    assert identity
    at = identity.end()
    parameters = {}
    while message[at : at + 1] == b" ":
        name = _NAME.match(message, at + 1)
        assert name
        at = name.end()
        assert message[at : at + 2] == b'="'
        at += 2
        value = bytearray()
        while message[at : at + 1] != b'"':
            if message[at : at + 1] == b"\\" and message[at + 1 : at + 2] in (b'"', b"\\", b"]"):
                at += 1
            else:
                assert message[at : at + 1] != b"]"
            value += message[at : at + 1]
            at += 1
        at += 1
        parameters[name[0].decode()] = value.decode()
    assert message[at : at + 2] == b"] "
    text = message[at + 2 :]
    assert text.startswith(b"\xef\xbb\xbf")
    fields = {key: value.decode() for key, value in header.groupdict().items()}
    return {
        **fields,
        "sd": identity[0].decode(),
        "parameters": parameters,
        "text": text[3:].decode(),
    }


def message_of(record, **how) -> dict[str, object]:
    return parsed(syslog_message(record, hostname="box", process=7, **how))


def test_an_alert_as_a_message():
    found = message_of(alert(1))
    assert found["pri"] == str(16 * 8 + 3)
    assert found["time"] == "2026-03-01T12:00:01.000Z"
    assert (found["host"], found["app"], found["process"], found["message"]) == (
        "box",
        "edgeguard",
        "7",
        "alert",
    )
    assert found["parameters"] == {
        "id": alert(1).id,
        "sensor": "gate",
        "score": "0.5",
        "severity": "80",
        "p_value": "0.001",
        "incident": incident(1).id,
        "host": "10.0.0.7",
        "cause": "spread",
        "src": "10.0.0.7",
        "src_port": "40000",
        "dst": "10.0.0.9",
        "dst_port": "443",
    }
    assert found["text"] == "Flow 1 sends 5 × more than usual."


def test_an_incident_names_its_revision_and_an_event_its_reason():
    assert message_of(incident(4))["parameters"]["revision"] == "4"
    assert message_of(event(1))["parameters"]["reason"] == "log_rotated"
    assert message_of(heartbeat(1))["text"] == "EdgeGuard heartbeat"


def test_the_text_may_be_the_whole_line():
    assert json.loads(message_of(alert(1), message="json")["text"]) == alert(1).body


@pytest.mark.parametrize(
    ("record", "level"),
    [
        (alert(1, severity=95), 2),
        (alert(1, severity=90), 2),
        (alert(1, severity=89), 3),
        (alert(1, severity=70), 3),
        (alert(1, severity=69), 4),
        (alert(1, severity=None), 4),
        (incident(1), 2),
        (event(1, Kind.AUDIT), 5),
        (heartbeat(1), 6),
    ],
)
def test_severities(record, level):
    assert severity(record) == level


@settings(deadline=None)
@given(sensor=st.text(), host=st.text(), text=st.text(), hostname=st.text())
def test_no_name_breaks_a_message(sensor, host, text, hostname):
    record = alert(1)
    body = {**record.body, "message": text}
    body["edgeguard"] = {**body["edgeguard"], "incident": {"host": host}}
    record = replace(record, sensor=sensor, body=body)
    message = syslog_message(record, hostname=hostname, process=7)
    found = parsed(message)
    assert b"\n" not in message
    wanted = re.sub(r"[\x00-\x1f\x7f]", " ", host[:256])
    assert found["parameters"]["host"] == wanted


@settings(deadline=None)
@given(piece=st.text(min_size=1, max_size=9), most=st.integers(450, 600))
def test_a_message_that_is_too_long_for_a_datagram_is_cut_between_characters(piece, most):
    record = replace(alert(1), body={**alert(1).body, "message": piece * 300})
    message = syslog_message(record, hostname="box", process=7, most_bytes=most)
    assert len(message) <= most
    parsed(message)
    # JSON is never cut: it gives way to the sentence.
    json_message = syslog_message(
        record, hostname="box", process=7, message="json", most_bytes=most
    )
    assert json_message == message


def test_over_udp_each_record_is_a_datagram(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        address = f"udp://127.0.0.1:{receiver.getsockname()[1]}"
        sink = open_sink({"syslog": address, "facility": "auth"}, dead_letters=tmp_path)
        long = replace(alert(2), body={**alert(2).body, "message": "ß" * 5000})
        sink.send([alert(1), long])
        first, second = (receiver.recv(65536) for _ in range(2))
        assert parsed(first)["pri"] == str(4 * 8 + 3)
        assert len(second) <= 2048
        assert parsed(second)["text"].endswith("ß…")
    sink.send([alert(3)])  # that nobody listens is told by the answer to this
    with pytest.raises(OutputError, match="refused"):
        sink.send([alert(4)])
    sink.close()


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_unix_socket_of_either_kind(tmp_path, kind):
    path = tmp_path / "log"
    sink = open_sink({"syslog": f"unix:{path}"}, dead_letters=tmp_path)
    with pytest.raises(OutputError, match="No such file"):
        sink.send([alert(1)])
    with socket.socket(socket.AF_UNIX, kind) as receiver:
        receiver.bind(str(path))
        if kind == socket.SOCK_STREAM:
            receiver.listen()
        sink.send([alert(1)])
        if kind == socket.SOCK_STREAM:
            with receiver.accept()[0] as connection:
                length, message = connection.recv(65536).split(b" ", 1)
                assert int(length) == len(message)
        else:
            message = receiver.recv(65536)
        assert parsed(message)["parameters"]["id"] == alert(1).id
        sink.close()


@pytest.fixture
def certificate(tmp_path):
    """A certificate of 127.0.0.1 that vouches for itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "collector")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def test_over_tls_the_receiver_must_be_who_it_says(tmp_path, certificate):
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    got = bytearray()

    def serve() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as stream:
                    while block := stream.recv(65536):
                        got.extend(block)
            except OSError:
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve)
        server.start()
        address = f"tls://127.0.0.1:{listener.getsockname()[1]}"
        stranger = open_sink({"syslog": address}, dead_letters=tmp_path)
        with pytest.raises(OutputError, match="cannot be reached"):
            stranger.send([alert(1)])
        stranger.close()
        sink = open_sink({"syslog": address, "ca": str(cert)}, dead_letters=tmp_path)
        sink.send([alert(2)])
        sink.send([alert(3)])
        sink.close()
        server.join(10)
    assert alert(1).id.encode() not in got
    length, rest = bytes(got).split(b" ", 1)
    assert parsed(rest[: int(length)])["parameters"]["id"] == alert(2).id
    assert alert(3).id.encode() in rest
