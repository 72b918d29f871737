#!/usr/bin/env bash
# Runs the kernel tests as aarch64 programs on a machine with another processor, under qemu-user.
#
#     kernels/cpp/testing/emulate_aarch64.sh QEMU SYSROOT [TARGET...]
#
# QEMU: a statically linked qemu-aarch64 (Debian: qemu-user-static). SYSROOT: the folder whose lib/ has glibc for aarch64 (Debian:
# libc6-arm64-cross, usr/aarch64-linux-gnu). `dpkg -x` of both packages into any folder is enough; nothing is installed.
# TARGET: default //kernels/cpp:all. What was seen: kernels/cpp/README.md.
set -euo pipefail

fail() {
  echo "emulate_aarch64: $1" >&2
  exit 2
}

[[ $# -ge 2 ]] || fail "two arguments are needed, QEMU and SYSROOT; got $#. See the head of this file."
[[ -x $1 && ! -d $1 ]] || fail "QEMU $1 is no program; give a static qemu-aarch64 (Debian: qemu-user-static)."
[[ -e $2/lib/ld-linux-aarch64.so.1 ]] ||
  fail "SYSROOT $2 has no lib/ld-linux-aarch64.so.1; give a folder with glibc for aarch64 (Debian: libc6-arm64-cross)."
qemu=$(realpath "$1") sysroot=$(realpath "$2")
shift 2
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || targets=(//kernels/cpp:all)
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# An emulated test takes 10 to 50 times as long as one on the processor itself.
# Not in the sandbox, which has a /tmp of its own and would not see a QEMU there.
exec ./bazelw test --config=aarch64 --test_lang_filters=cc --test_timeout=900 \
  --strategy=TestRunner=local --run_under="$qemu -L $sysroot" -- "${targets[@]}"
