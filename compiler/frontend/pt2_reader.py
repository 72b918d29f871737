"""Reads the exported program of a `.pt2` straight into a `ModelGraph`, where it holds nothing but known operators on plain tensors.

torch.export.load does the same for any program, but imports TorchDynamo and builds a program that can be run and traced again: for a
small model that takes longer than all of this compiler. So this reader takes what needs no further treatment, the usual case, and
declines (None) everything else: operators that must be decomposed, mutation, sub-graphs, other devices, sizes from data. Numbers
that are computed from sizes are no nodes of the graph: an argument holds the expression itself.

The format's facts (names of fields, numbers of enums) are those of torch/_export/serde/schema.py, schema version 8.

    {"target": "torch.ops.aten.sin.default", "inputs": [{"arg": {"as_tensor": {"name": "x"}}, "kind": 1}], "outputs": ...}
      ->  %sin = aten.sin.default(x), val = tensor(device="meta", size=(64, 64))
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.fx
import torch.utils._pytree as pytree
from torch._export.serde.schema import ArgumentKind, Layout, MemoryFormat, ScalarType

from compiler.frontend import call_info, input_paths, provenance, signature
from compiler.frontend.pt2_file import Archive
from compiler.frontend.sizes import Sizes
from compiler.ir.aten_ops import IGNORED, KNOWN, PYTORCH_NAMESPACES
from compiler.ir.expr import Expr, IntLike, as_expr
from compiler.ir.graph import GraphConstant, GraphInput, ModelGraph
from compiler.ir.tensor_type import tensor_type

_DTYPES = {
    ScalarType.BYTE: torch.uint8, ScalarType.CHAR: torch.int8, ScalarType.SHORT: torch.int16, ScalarType.INT: torch.int32,
    ScalarType.LONG: torch.int64, ScalarType.HALF: torch.float16, ScalarType.FLOAT: torch.float32, ScalarType.DOUBLE: torch.float64,
    ScalarType.BOOL: torch.bool, ScalarType.BFLOAT16: torch.bfloat16,
}  # fmt: skip
_MEMORY_FORMATS = {
    MemoryFormat.ContiguousFormat: torch.contiguous_format, MemoryFormat.ChannelsLast: torch.channels_last,
    MemoryFormat.ChannelsLast3d: torch.channels_last_3d, MemoryFormat.PreserveFormat: torch.preserve_format,
}  # fmt: skip
_KINDS = {
    "parameter": ("parameter_name", "parameter"),
    "buffer": ("buffer_name", "buffer"),
    "tensor_constant": ("tensor_constant_name", "tensor"),
}

_NUMBERS = ("as_sym_int", "as_sym_float", "as_sym_bool")
# Calls that compute a number from sizes, beside those of Python's operators.
_OF_SIZES = frozenset(
    "torch.ops.aten.sym_size.int torch.ops.aten.sym_stride.int torch.ops.aten.sym_numel.default torch.sym_float torch.sym_max torch.sym_min"
    " torch.sym_int torch.sym_not torch._sym_sqrt torch.sym_sum".split()
)


class _Declined(Exception):
    """The program needs PyTorch's own loader."""


def read(archive: Archive, name: str) -> ModelGraph | None:
    """The graph; None where PyTorch's loader has to read it (also what is malformed: that loader's error says more)."""
    try:
        return _Reader(archive, name).model()
    except (_Declined, KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError):
        return None


class _Reader:
    def __init__(self, archive: Archive, name: str) -> None:
        self.archive = archive
        self.name = name
        module = archive.model["graph_module"]
        self.source: dict[str, Any] = module["graph"]
        self.signature: dict[str, Any] = module["signature"]
        self.calls: list[dict[str, Any]] = module["module_call_graph"]
        self.graph = torch.fx.Graph()
        self.nodes: dict[str, torch.fx.Node] = {}
        ranges = archive.model.get("range_constraints") or {}
        taken = [name for name, _ in self._user_inputs()]
        self.sizes = Sizes({k: (r["min_val"], r["max_val"]) for k, r in ranges.items()}, taken)

    def model(self) -> ModelGraph:
        if self.source.get("custom_obj_values"):
            raise _Declined("custom_obj_values")
        self._relate_sizes()
        inputs, constants = self._placeholders()
        for described in self.source["nodes"]:
            self._call(described)
        returned = tuple(self._argument(arg) for arg in self.source["outputs"])
        if self.sizes.has_data:
            raise _Declined("sizes that depend on data")
        self.graph.output(returned)
        module = torch.fx.GraphModule({}, self.graph)
        provenance.attach(module)
        specs = self.calls[0]["signature"]
        outputs = self._outputs(returned, pytree.treespec_loads(specs["out_spec"]), inputs)
        return ModelGraph(
            name=self.name,
            module=module,
            inputs=[GraphInput(i, i, signature.first_use(self.nodes[i])) for i in inputs],
            constants=constants,
            outputs=outputs,
            data=self._data(constants),
            in_spec=specs["in_spec"],
            out_spec=specs["out_spec"],
            call_info=call_info.of_file(specs, self.signature["input_specs"]),
            guards=self.sizes.guards,
            meta={"torch": str(self.archive.model.get("torch_version", ""))},
        )

    def _user_inputs(self) -> list[tuple[str, Mapping[str, Any]]]:
        """(kind, argument) of each leaf of the inputs; the name for a tensor."""
        found = []
        for spec in self.signature["input_specs"]:
            if "user_input" in spec or "constant_input" in spec:
                ((kind, described),) = (spec.get("user_input") or {"arg": {"constant": {}}})["arg"].items()
                found.append((described["name"] if kind == "as_tensor" else "", described))
        return found

    def _relate_sizes(self) -> None:
        """Takes in export's guards, before anything else is said in sizes."""
        specs = self.calls[0]["signature"]
        texts = self.archive.model.get("guards_code") or []
        if not texts:
            return
        names = input_paths.paths(pytree.treespec_loads(specs["in_spec"]), specs["forward_arg_names"])
        inputs = {}
        for paths, (name, _) in zip(names, self._user_inputs(), strict=True):
            if name:
                described = self.source["tensor_values"][name]
                layout = [[as_expr(v) for v in values] for values in self._layout(described)]
                inputs.update(dict.fromkeys(paths, layout))
        self.sizes.relate(inputs, texts)

    # -- signature ---------------------------------------------------------------------------------------------------

    def _placeholders(self) -> tuple[list[str], list[GraphConstant]]:
        """Makes the placeholders; returns the names of the inputs, and the constants."""
        inputs: list[str] = []
        constants: list[GraphConstant] = []
        for spec in self.signature["input_specs"]:
            ((kind, described),) = spec.items()
            if kind == "user_input":
                inputs += self._user_input(described["arg"])
            elif kind in _KINDS:
                key, ours = _KINDS[kind]
                name = described["arg"]["name"]
                self._placeholder(name)
                constants.append(GraphConstant(name, described[key], ours))
            elif kind != "constant_input":
                raise _Declined(kind)
        return inputs, constants

    def _user_input(self, arg: Mapping[str, Any]) -> list[str]:
        """The name of a tensor input; nothing for a value that export fixed."""
        ((kind, described),) = arg.items()
        if kind in _NUMBERS:
            raise _Declined("a number that a caller chooses")
        if kind != "as_tensor":
            return []
        self._placeholder(described["name"])
        return [described["name"]]

    def _placeholder(self, name: str) -> None:
        node = self.nodes[name] = self.graph.placeholder(name)
        # FX avoids names such as `input`; the signature's name is the one that counts.
        node.name = name
        node.meta["val"] = self._meta(name)

    def _outputs(self, returned: Sequence[Any], spec: Any, inputs: Sequence[str]) -> list[Any]:
        if any(set(s) != {"user_output"} for s in self.signature["output_specs"]):
            raise _Declined("mutation")
        return signature.name_outputs(spec, returned, inputs, [signature.stride_of(r) for r in returned])

    def _data(self, constants: Sequence[GraphConstant]) -> dict[str, torch.Tensor]:
        index: dict[str, tuple[str, Any]] = {}
        for folder in ("weights", "constants"):
            config = self.archive.json(f"data/{folder}/model_{folder}_config.json") or {"config": {}}
            index.update((fqn, (folder, entry)) for fqn, entry in config["config"].items())
        storages: dict[str, torch.Tensor] = {}
        found: dict[str, torch.Tensor] = {}
        for constant in constants:
            folder, entry = index[constant.fqn]
            if entry["use_pickle"]:
                raise _Declined("pickled tensor")
            file = f"data/{folder}/{entry['path_name']}"
            if file not in storages:
                storages[file] = self.archive.storage(file)
            tensor = _view(storages[file], entry["tensor_meta"])
            said = self.nodes[constant.placeholder].meta["val"]
            if (tensor.dtype, tuple(tensor.shape)) != (said.dtype, tuple(said.shape)):
                raise _Declined(f"{constant.fqn} is not of the graph's type")
            found[constant.fqn] = tensor
        return found

    # -- nodes -------------------------------------------------------------------------------------------------------

    def _call(self, described: Mapping[str, Any]) -> None:
        if self._is_number(described):
            return
        target = _operator(described["target"])
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for given in described["inputs"]:
            value = self._argument(given["arg"])
            if given["kind"] == ArgumentKind.POSITIONAL:
                args.append(value)
            else:
                kwargs[given["name"]] = value
        node = self.graph.create_node("call_function", target, tuple(args), kwargs, described.get("name"))
        trace = described["metadata"].get("stack_trace")
        if trace:
            node.meta["stack_trace"] = trace
        self._results(node, described["outputs"], trace)

    def _is_number(self, described: Mapping[str, Any]) -> bool:
        """Whether the call computes a number from sizes, or states something of one: it needs no node."""
        trace = described["metadata"].get("stack_trace")
        if described["target"] == "torch.ops.aten._assert_scalar.default":
            stated = self._argument(described["inputs"][0]["arg"])
            for guard in stated if isinstance(stated, list) else []:
                self.sizes.state(replace(guard, origin=provenance.location(trace)))
            return True
        if not described["outputs"] or not all(k in _NUMBERS for o in described["outputs"] for k in o):
            return False
        if described["target"] not in _OF_SIZES and not described["target"].startswith(
            ("_operator.", "math.")
        ):
            raise _Declined(described["target"])
        return True

    def _number(self, kind: str, value: Mapping[str, Any]) -> Any:
        """A symbolic argument: an expression, a float made of sizes, or a list of conditions."""
        if "as_name" not in value:
            return next(iter(value.values()))
        name = value["as_name"]
        table, read = {
            "as_sym_int": ("sym_int_values", self.sizes.expr),
            "as_sym_float": ("sym_float_values", self.sizes.number),
            "as_sym_bool": ("sym_bool_values", self.sizes.conditions),
        }[kind]
        described = self.source[table][name]
        if "as_expr" not in described:
            return next(iter(described.values()))
        return _plain(read(described["as_expr"]["expr_str"]))

    def _layout(self, described: Mapping[str, Any]) -> tuple[list[IntLike], list[IntLike]]:
        """Sizes and strides of a tensor."""

        def read(values: Sequence[Mapping[str, Any]], convert: Callable[[str], Expr]) -> list[IntLike]:
            return [convert(v["as_expr"]["expr_str"]) if "as_expr" in v else int(v["as_int"]) for v in values]

        return read(described["sizes"], self.sizes.expr), read(described["strides"], self.sizes.stride)

    def _results(self, node: torch.fx.Node, outputs: Sequence[Mapping[str, Any]], trace: str | None) -> None:
        """Names the results: the node itself, or one getitem for each of several."""
        assert isinstance(node.target, torch._ops.OpOverload)
        returns = node.target._schema.returns
        if not returns:
            node.meta["val"] = None
            return
        if len(returns) == 1 and isinstance(returns[0].type, torch.TensorType):
            name = outputs[0]["as_tensor"]["name"]
            node.meta["val"] = self._meta(name)
            self.nodes[name] = node
            return
        names = [
            t["name"] for o in outputs for t in (o["as_tensors"] if "as_tensors" in o else [o["as_tensor"]])
        ]
        node.meta["val"] = tuple(self._meta(n) for n in names)
        for position, name in enumerate(names):
            item = self.nodes[name] = self.graph.create_node(
                "call_function", operator.getitem, (node, position), {}, name
            )
            item.meta["val"] = node.meta["val"][position]
            if trace:
                item.meta["stack_trace"] = trace

    def _argument(self, arg: Mapping[str, Any]) -> Any:
        ((kind, value),) = arg.items()
        readers: dict[str, Callable[[Any], Any]] = {
            "as_none": lambda v: None, "as_tensor": lambda v: self.nodes[v["name"]], "as_int": int, "as_float": float, "as_bool": bool,
            "as_string": str, "as_ints": lambda v: [int(n) for n in v], "as_floats": lambda v: [float(n) for n in v], "as_bools": list,
            "as_tensors": lambda v: [self.nodes[t["name"]] for t in v], "as_optional_tensors": lambda v: [self._argument(t) for t in v],
            "as_scalar_type": lambda v: _DTYPES[ScalarType(v)], "as_memory_format": lambda v: _MEMORY_FORMATS[MemoryFormat(v)],
            "as_layout": _layout, "as_device": lambda v: torch.device(v["type"]),
        }  # fmt: skip
        if kind in _NUMBERS:
            return self._number(kind, value)
        if kind == "as_sym_ints":
            return [self._number("as_sym_int", v) for v in value]
        if kind not in readers:
            raise _Declined(kind)
        return readers[kind](value)

    def _meta(self, name: str) -> torch.Tensor:
        """A tensor without data, of the size and strides that export saw."""
        described = self.source["tensor_values"][name]
        if described["device"]["type"] != "cpu":
            raise _Declined("device")
        _layout(described["layout"])
        return tensor_type(_DTYPES[ScalarType(described["dtype"])], *self._layout(described))


def _operator(target: str) -> torch._ops.OpOverload:
    """The operator of a name, which must be a known one."""
    name = target.removeprefix("torch.ops.")
    namespace, operation, overload = name.split(".")
    if name not in KNOWN and name not in IGNORED and namespace in PYTORCH_NAMESPACES:
        raise _Declined(name)
    found = getattr(getattr(getattr(torch.ops, namespace), operation), overload)
    assert isinstance(found, torch._ops.OpOverload)
    return found


def _layout(value: int) -> torch.layout:
    if Layout(value) != Layout.Strided:
        raise _Declined("layout")
    return torch.strided


def _plain(value: Any) -> Any:
    """A constant expression as a Python number."""
    return value.value() if isinstance(value, Expr) and value.is_const else value


def _sizes(values: Sequence[Mapping[str, int]]) -> list[int]:
    return [v["as_int"] for v in values]


def _view(storage: torch.Tensor, described: Mapping[str, Any]) -> torch.Tensor:
    """The tensor that lies in these bytes. Sizes that do not fit raise RuntimeError."""
    dtype = _DTYPES[ScalarType(described["dtype"])]
    if storage.data_ptr() % dtype.itemsize:
        storage = storage.clone()
    elements = storage.view(dtype) if storage.numel() else torch.empty(0, dtype=dtype)
    return elements.as_strided(
        _sizes(described["sizes"]), _sizes(described["strides"]), described["storage_offset"]["as_int"]
    )
