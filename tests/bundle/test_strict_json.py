import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.bundle import strict_json

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Lone surrogates are no text that UTF-8 could hold.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", max_size=3), json_values, max_size=4))
def test_what_is_dumped_is_loaded_again_exactly(document):
    assert strict_json.load(strict_json.dump(document)) == document


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "1e999"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"[1]", "not a JSON object"),
        (b'{"a": 1', "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"a":' + b"[" * 200_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),  # more digits than Python converts
    ],
)
def test_anything_but_a_strict_object_is_refused_with_the_reason(content, reason):
    with pytest.raises(ValueError, match=reason):
        strict_json.load(content)


def test_a_number_that_is_not_finite_is_never_written():
    with pytest.raises(ValueError, match="Out of range"):
        strict_json.dump({"a": float("inf")})
