#!/usr/bin/env bash
# Builds targets twice from scratch, in two copies of the source tree and two Bazel output bases, and compares the bytes.
# //tests/hermetic does the same for one small model within one build; this one also fetches and builds everything anew
# (two times 5 minutes and 6 GB in the temporary folder).
#
#   tools/bazel/check_reproducible.sh [TARGET...]      default: the three models of models/
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || targets=(//models:my_model_aoti //models:resnet18_aoti //models:minilm_aoti)

scratch=$(mktemp -d)
cleanup() {
  for copy in "$scratch"/first/tree "$scratch"/second/a/deeper/tree; do
    if [[ -d $copy ]]; then (cd "$copy" && ./bazelw --output_base="$copy/../base" shutdown) >/dev/null 2>&1 || true; fi
  done
  chmod -R u+w "$scratch" && rm -rf "$scratch"
}
trap cleanup EXIT

build() {
  local copy=$1
  mkdir -p "$copy"
  tar -C "$root" --exclude='./bazel-*' --exclude=./.git --exclude=./user.bazelrc --exclude='.*_cache' --exclude=__pycache__ -cf - . | tar -C "$copy" -xf -
  (
    cd "$copy"
    ./bazelw --output_base="$copy/../base" build --noshow_progress "${targets[@]}" >&2
    # what a user gets: libraries (the weights are in them) and headers, by path below the output folder
    ./bazelw --output_base="$copy/../base" cquery --noshow_progress --ui_event_filters=-info --output=files \
      "set(${targets[*]})" 2>/dev/null | while read -r file; do
      (cd bazel-bin && sha256sum "${file#bazel-out/*/bin/}")
    done | sort -k2
  )
}

echo "first build, in $scratch/first/tree" >&2
build "$scratch/first/tree" >"$scratch/first.sums"
echo "second build, in $scratch/second/a/deeper/tree" >&2
build "$scratch/second/a/deeper/tree" >"$scratch/second.sums"
[[ -s $scratch/first.sums ]] || { echo "check_reproducible: the build gave no files to compare" >&2; exit 1; }
if ! diff "$scratch/first.sums" "$scratch/second.sums"; then
  echo "check_reproducible: the two builds differ, see above" >&2
  exit 1
fi
cat "$scratch/first.sums"
echo "check_reproducible: $(wc -l <"$scratch/first.sums") files, the same bytes in both builds" >&2
