"""The codec against a public client's messages: what tritonclient's protocol buffers write and read is what the codec reads and
writes. The codec runs in testing/codec_echo, which gives each request back as its response."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as pb

INVALID, EXHAUSTED = 3, 8
INFER, MODEL_METADATA, SERVER_METADATA, INDEX, MODEL_READY = range(5)
PLENTY = 64 << 20

TYPED = {
    "BOOL": ("bool_contents", [True, False, True]),
    "INT8": ("int_contents", [-128, 0, 127]),
    "INT16": ("int_contents", [-32768, 0, 32767]),
    "INT32": ("int_contents", [-(2**31), -1, 2**31 - 1]),
    "INT64": ("int64_contents", [-(2**63), -1, 2**63 - 1]),
    "UINT8": ("uint_contents", [0, 1, 255]),
    "UINT16": ("uint_contents", [0, 1, 65535]),
    "UINT32": ("uint_contents", [0, 1, 2**32 - 1]),
    "UINT64": ("uint64_contents", [0, 1, 2**64 - 1]),
    "FP32": ("fp32_contents", [0.5, float("inf"), -1e-40]),
    "FP64": ("fp64_contents", [0.1, float("-inf"), 5e-324]),
}


class Codec:
    """testing/codec_echo as a process; a call is a message there and one back."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [os.environ["CODEC_ECHO"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def call(self, kind: int, message: Any, max_bytes: int = PLENTY) -> tuple[int, bytes]:
        data = message if isinstance(message, bytes) else message.SerializeToString()
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(struct.pack("<III", kind, max_bytes, len(data)) + data)
        self.process.stdin.flush()
        code, size = struct.unpack("<II", self.process.stdout.read(8))
        return code, self.process.stdout.read(size)

    def infer(self, request: pb.ModelInferRequest) -> pb.ModelInferResponse:
        code, data = self.call(INFER, request)
        assert code == 0, data
        return pb.ModelInferResponse.FromString(data)

    def refused(self, message: Any, code: int, *parts: str, max_bytes: int = PLENTY) -> None:
        came, text = self.call(INFER, message, max_bytes)
        assert came == code, text
        for part in parts:
            assert part in text.decode()


@pytest.fixture(scope="module")
def codec() -> Iterator[Codec]:
    codec = Codec()
    yield codec
    assert codec.process.stdin
    codec.process.stdin.close()
    assert codec.process.wait(timeout=10) == 0


def request_of(name: str, datatype: str, shape: list[int]) -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name="m", model_version="3", id="me")
    request.inputs.add(name=name, datatype=datatype, shape=shape)
    return request


@pytest.mark.parametrize("datatype", TYPED)
def test_typed_contents_come_back(codec: Codec, datatype: str) -> None:
    field, values = TYPED[datatype]
    request = request_of("x", datatype, [3])
    getattr(request.inputs[0].contents, field).extend(values)
    response = codec.infer(request)
    assert (response.model_name, response.model_version, response.id) == ("m", "3/0", "me")
    [output] = response.outputs
    assert (output.name, output.datatype, list(output.shape)) == ("x", datatype, [3])
    assert output.contents == request.inputs[0].contents
    assert len(response.raw_output_contents) == 0


def test_raw_contents_come_back(codec: Codec) -> None:
    request = request_of("x", "FP32", [2, 300])
    request.inputs.add(name="empty", datatype="INT64", shape=[0, 4])
    request.inputs.add(name="scalar", datatype="BF16", shape=[])
    values = np.arange(600, dtype=np.float32).tobytes()
    request.raw_input_contents.extend([values, b"", b"\x80\x3f"])
    response = codec.infer(request)
    assert [output.name for output in response.outputs] == ["x", "empty", "scalar"]
    assert [list(output.shape) for output in response.outputs] == [[2, 300], [0, 4], []]
    assert list(response.raw_output_contents) == [values, b"", b"\x80\x3f"]
    assert not any(output.HasField("contents") for output in response.outputs)


def test_an_output_without_typed_form_makes_all_raw(codec: Codec) -> None:
    request = request_of("x", "FP32", [1])
    request.inputs[0].contents.fp32_contents.append(2.0)
    request.inputs.add(name="half", datatype="FP16", shape=[0])
    response = codec.infer(request)
    assert list(response.raw_output_contents) == [np.float32(2).tobytes(), b""]


def test_outputs_are_those_asked_for(codec: Codec) -> None:
    request = request_of("x", "BOOL", [1])
    request.inputs[0].contents.bool_contents.append(True)
    request.inputs.add(name="y", datatype="BOOL", shape=[0])
    request.outputs.add(name="y")
    request.outputs.add(name="x")
    assert [output.name for output in codec.infer(request).outputs] == ["y", "x"]


def test_timeout(codec: Codec) -> None:
    request = request_of("x", "BOOL", [0])
    request.parameters["timeout"].int64_param = 1500
    assert codec.infer(request).model_version == "3/1500000"
    request.parameters["timeout"].uint64_param = 7
    assert codec.infer(request).model_version == "3/7000"
    request.parameters["timeout"].int64_param = 2**63 - 1  # no deadline in anybody's life
    assert codec.infer(request).model_version == "3/0"
    request.parameters["timeout"].int64_param = -1
    codec.refused(request, INVALID, "'timeout' is -1", "microseconds")
    request.parameters["timeout"].string_param = "soon"
    codec.refused(request, INVALID, "'timeout' is no int64")


def test_of_two_values_of_a_parameter_the_later_counts(codec: Codec) -> None:
    first, second = pb.ModelInferRequest(), request_of("x", "BOOL", [0])
    first.parameters["timeout"].int64_param = 1
    second.parameters["timeout"].int64_param = 2
    code, data = codec.call(INFER, first.SerializeToString() + second.SerializeToString())
    assert code == 0
    assert pb.ModelInferResponse.FromString(data).model_version == "3/2000"


def test_refusals_name_what_is_wrong(codec: Codec) -> None:
    codec.refused(request_of("x", "BYTES", [1]), INVALID, "input 'x'", "'BYTES'", "BOOL", "FP64")
    request = request_of("x", "FP16", [1])
    request.inputs[0].contents.fp32_contents.append(1)
    codec.refused(request, INVALID, "input 'x' is FP16", "fp32_contents", "raw_input_contents")
    request = request_of("x", "INT8", [1])
    request.inputs[0].contents.int_contents.extend([1, 128])
    codec.refused(request, INVALID, "input 'x' is INT8", "element 1 is 128", "-128 to 127")
    request.raw_input_contents.append(b"\1\1")
    codec.refused(request, INVALID, "input 'x'", "beside raw_input_contents")
    request.raw_input_contents.append(b"\1\1")
    codec.refused(request, INVALID, "raw_input_contents has 2 elements for 1 inputs")


def test_parameters_that_change_the_result_are_refused(codec: Codec) -> None:
    request = request_of("x", "BOOL", [0])
    request.outputs.add(name="x").parameters["classification"].int64_param = 3
    codec.refused(request, INVALID, "output 'x'", "'classification'")
    request = request_of("x", "BOOL", [0])
    request.inputs[0].parameters["shared_memory_region"].string_param = "r"
    codec.refused(request, INVALID, "input 'x'", "'shared_memory_region'")
    request = request_of("x", "BOOL", [0])
    request.parameters["sequence_id"].int64_param = 1
    codec.refused(request, INVALID, "the request", "'sequence_id'")
    request.parameters["sequence_id"].int64_param = 0
    request.parameters["priority"].uint64_param = 5  # a hint
    assert codec.infer(request).outputs[0].name == "x"


def test_no_message(codec: Codec) -> None:
    codec.refused(b"\x0a\xff", INVALID, "no valid protocol buffer")
    codec.refused(b"\x0a\x02\xff\xfe", INVALID, "no UTF-8")
    codec.refused(b"\x2a\x00" * 100_000, EXHAUSTED, "raw_input_contents", max_bytes=1 << 20)
    assert codec.call(MODEL_READY, b"\x0a\xff")[0] == INVALID


def test_metadata(codec: Codec) -> None:
    code, data = codec.call(MODEL_METADATA, pb.ModelMetadataRequest(name="m", version="7"))
    metadata = pb.ModelMetadataResponse.FromString(data)
    assert code == 0
    assert (metadata.name, list(metadata.versions), metadata.platform) == ("m", ["1", "7"], "aotinductor")
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.inputs] == [
        ("x", "BF16", [-1, 4]),
        ("y", "BOOL", []),
    ]
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.outputs] == [("z", "FP64", [3])]
    code, data = codec.call(SERVER_METADATA, pb.ServerMetadataRequest())
    server = pb.ServerMetadataResponse.FromString(data)
    assert (server.name, server.version, list(server.extensions)) == ("aoti_server", "1.2", ["one", "two"])
    code, data = codec.call(MODEL_READY, pb.ModelReadyRequest(name="m"))
    assert pb.ModelReadyResponse.FromString(data).ready


def test_index(codec: Codec) -> None:
    for ready, state in ((True, "READY"), (False, "ANY")):
        code, data = codec.call(INDEX, pb.RepositoryIndexRequest(ready=ready))
        assert code == 0
        models = pb.RepositoryIndexResponse.FromString(data).models
        assert [(m.name, m.version, m.state) for m in models] == [("m", "1", state), ("n", "2", "READY")]
