"""The wire between QGIS and the backend: what goes in comes out, and garbage is called garbage."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.service.protocol import (
    Failure,
    Log,
    Message,
    Progress,
    Request,
    Result,
    decode,
    decode_request,
    encode,
    encode_request,
)

text = st.text(st.characters(), max_size=30)  # lone surrogates too: undecodable file names
numbers = st.integers() | st.floats(allow_nan=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
values = st.dictionaries(text, plain, max_size=4)
messages = st.one_of(
    st.builds(Progress, st.floats(0, 100), text),
    st.builds(Log, text),
    st.builds(Result, values),
    st.builds(Failure, text, text, st.integers(1, 255)),
)


@given(messages)
def test_a_message_comes_back_from_one_ascii_line(message: Message) -> None:
    line = encode(message)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert decode(line) == message


@given(st.builds(Request, text, values))
def test_a_request_comes_back_from_one_ascii_line(request: Request) -> None:
    line = encode_request(request)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert decode_request(line) == request


@given(text | plain.map(json.dumps))
def test_whatever_else_comes_is_a_value_error(line: str) -> None:
    with pytest.raises(ValueError, match="not a protocol message"):
        decode(line)
    with pytest.raises(ValueError, match=r"request|protocol"):
        decode_request(line)


@pytest.mark.parametrize(
    "line",
    [
        '{"type": "result"}',
        '{"type": ["result"], "value": {}}',
        '{"type": "log", "message": "x", "more": 1}',
        "[" * 100_000,
        "",
    ],
)
def test_near_misses_are_no_messages(line: str) -> None:
    with pytest.raises(ValueError, match="not a protocol message"):
        decode(line)


@pytest.mark.parametrize(
    "line",
    [
        '{"job": 1}',
        '{"job": "predict", "parameters": []}',
        '{"parameters": {}}',
        "[" * 100_000,
        '{"job": "predict"',
        "null",
    ],
)
def test_near_misses_are_no_requests(line: str) -> None:
    with pytest.raises(ValueError, match="request"):
        decode_request(line)


def test_another_protocol_version_is_refused_by_number() -> None:
    with pytest.raises(ValueError, match=r"protocol 99 asked for, 1 spoken"):
        decode_request('{"job": "predict", "parameters": {}, "protocol": 99}')
