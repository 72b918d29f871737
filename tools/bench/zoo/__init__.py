"""Many architectures of public libraries through the whole compiler: `bazel run //tools/bench/zoo -- --out=/tmp/zoo`."""
