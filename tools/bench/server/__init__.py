"""Load on the server: `bazel run //tools/bench/server:load`."""
