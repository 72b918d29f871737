#include "runtime/serving/benchmark/bench.h"

#include <stdio.h>
#include <string.h>

#include <algorithm>

namespace pool_benchmark {
namespace {

void fill(Input *input, int64_t numel) {
  const size_t count = static_cast<size_t>(numel);
  const auto repeat = [&](auto one) {
    input->bytes.resize(count * sizeof one);
    for (size_t i = 0; i < count; ++i) memcpy(input->bytes.data() + i * sizeof one, &one, sizeof one);
  };
  if (input->dtype == AOTI_DTYPE_FLOAT32) {
    repeat(1.0f);
  } else if (input->dtype == AOTI_DTYPE_INT64) {
    repeat(int64_t{1});
  } else if (input->dtype == AOTI_DTYPE_INT32) {
    repeat(int32_t{1});
  } else {
    input->bytes.assign(count * 16, 0);
  }
}

}  // namespace

std::vector<Input> make_inputs(const AotiModelDesc &desc, int64_t rows) {
  std::vector<Input> inputs;
  for (int32_t i = 0; i < desc.num_inputs; ++i) {
    const AotiTensorDesc &table = desc.inputs[i];
    Input input;
    input.dtype = table.dtype;
    int64_t numel = 1;
    for (int32_t d = 0; d < table.ndim; ++d) {
      input.sizes.push_back(std::clamp(rows, table.dims[d].lo, table.dims[d].hi));
      numel *= input.sizes.back();
    }
    input.strides.assign(input.sizes.size(), 1);
    for (size_t d = input.sizes.size(); d-- > 1;) input.strides[d - 1] = input.strides[d] * input.sizes[d];
    fill(&input, numel);
    inputs.push_back(std::move(input));
  }
  return inputs;
}

void Bench::make(AtenTensorHandle *handles) const {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Input &in = inputs[i];
    api.create_tensor_from_blob_v2(const_cast<uint8_t *>(in.bytes.data()),
                                   static_cast<int64_t>(in.sizes.size()), in.sizes.data(), in.strides.data(),
                                   0, in.dtype, AOTI_DEVICE_CPU, 0, &handles[i], 0, nullptr, 0);
  }
}

int64_t median(std::vector<int64_t> times) {
  std::nth_element(times.begin(), times.begin() + static_cast<long>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

bool verdict(bool ok) {
  printf(": %s\n", ok ? "pass" : "FAIL");
  return ok;
}

}  // namespace pool_benchmark
