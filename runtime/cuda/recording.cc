#include "runtime/cuda/recording.h"

#include <stdlib.h>
#include <string.h>

namespace aoti_cuda {
namespace {

constexpr int64_t kParamsAlignment = 64;

int32_t num_params(const Kernel &kernel) { return kernel.desc->num_params + kernel.desc->num_scratch_params; }

int64_t param_bytes(const Kernel &kernel, int32_t i) {
  return i < kernel.desc->num_params ? kernel.desc->param_bytes[i] : static_cast<int64_t>(sizeof(void *));
}

// Where a parameter of `bytes` bytes goes when the ones before it end at `offset`: numbers at multiples of
// 16, tensor maps at multiples of 64.
int64_t param_offset(int64_t offset, int64_t bytes) {
  const int64_t align = bytes <= 16 ? 16 : kParamsAlignment;
  return (offset + align - 1) & -align;
}

int64_t params_size(const Kernel &kernel) {
  int64_t offset = 0;
  for (int32_t i = 0; i < num_params(kernel); ++i) {
    offset = param_offset(offset, param_bytes(kernel, i)) + param_bytes(kernel, i);
  }
  return param_offset(offset, kParamsAlignment);
}

bool reserve_params(Recording *r, int64_t bytes) {
  if (r->params_bytes + bytes <= r->params_capacity) return true;
  const int64_t capacity = 2 * (r->params_bytes + bytes) + 1024;
  void *params = nullptr;
  if (posix_memalign(&params, kParamsAlignment, static_cast<size_t>(capacity)) != 0) return false;
  if (r->params_bytes > 0) memcpy(params, r->params, static_cast<size_t>(r->params_bytes));
  free(r->params);
  r->params = static_cast<char *>(params);
  r->params_capacity = capacity;
  return true;
}

bool reserve_op(Recording *r) {
  if (r->num_ops < r->ops_capacity) return true;
  const int32_t capacity = 2 * r->ops_capacity + 16;
  void *ops = realloc(r->ops, sizeof(Op) * static_cast<size_t>(capacity));
  if (ops == nullptr) return false;
  r->ops = static_cast<Op *>(ops);
  r->ops_capacity = capacity;
  return true;
}

// Writes the values at r->params + start; true when any was different before.
bool store_params(Recording *r, const Kernel &kernel, int64_t start, void *const *params) {
  bool changed = false;
  int64_t offset = 0;
  for (int32_t i = 0; i < num_params(kernel); ++i) {
    const int64_t bytes = param_bytes(kernel, i);
    offset = param_offset(offset, bytes);
    char *at = r->params + start + offset;
    if (memcmp(at, params[i], static_cast<size_t>(bytes)) != 0) {
      memcpy(at, params[i], static_cast<size_t>(bytes));
      changed = true;
    }
    offset += bytes;
  }
  return changed;
}

bool same_launch(const Op &a, const Op &b) {
  return a.grid[0] == b.grid[0] && a.grid[1] == b.grid[1] && a.grid[2] == b.grid[2];
}

bool same_memory(const Op &a, const Op &b) {
  return a.to == b.to && a.from == b.from && a.count == b.count && a.value == b.value &&
         a.element_bytes == b.element_bytes;
}

CUresult launch(const Device &device, const Op &op, void *const *params, CUstream stream) {
  const Kernel &kernel = *op.kernel;
  CUlaunchConfig config{op.grid[0],
                        op.grid[1],
                        op.grid[2],
                        static_cast<uint32_t>(kernel.image->threads),
                        1,
                        1,
                        static_cast<uint32_t>(kernel.image->shared_bytes),
                        stream,
                        const_cast<CUlaunchAttribute *>(kernel.attributes),
                        kernel.num_attributes};
  return device.cu->LaunchKernelEx(&config, kernel.function, const_cast<void **>(params), nullptr);
}

CUresult fill(const Device &device, const Op &op, CUstream stream) {
  const size_t count = static_cast<size_t>(op.count);
  switch (op.element_bytes) {
    case 1:
      return device.cu->MemsetD8Async(op.to, static_cast<uint8_t>(op.value), count, stream);
    case 2:
      return device.cu->MemsetD16Async(op.to, static_cast<uint16_t>(op.value), count, stream);
    default:
      return device.cu->MemsetD32Async(op.to, op.value, count, stream);
  }
}

}  // namespace

bool recording_add(Recording *r, const Op &op, void *const *params) {
  if (!reserve_op(r)) return false;
  Op noted = op;
  noted.node = nullptr;
  noted.params = r->params_bytes;
  if (op.kind == OpKind::kLaunch) {
    const int64_t bytes = params_size(*op.kernel);
    if (!reserve_params(r, bytes)) return false;
    memset(r->params + noted.params, 0, static_cast<size_t>(bytes));
    store_params(r, *op.kernel, noted.params, params);
    r->params_bytes += bytes;
  }
  r->ops[r->num_ops++] = noted;
  return true;
}

Match recording_next(Recording *r, const Op &op, void *const *params) {
  if (r->cursor == r->num_ops) return Match::kOther;
  Op *noted = &r->ops[r->cursor];
  if (noted->kind != op.kind || noted->kernel != op.kernel) return Match::kOther;
  ++r->cursor;
  if (op.kind == OpKind::kLaunch) {
    const bool changed = store_params(r, *op.kernel, noted->params, params);
    if (!changed && same_launch(*noted, op)) return Match::kSame;
    for (int i = 0; i < 3; ++i) noted->grid[i] = op.grid[i];
    return Match::kChanged;
  }
  if (same_memory(*noted, op)) return Match::kSame;
  noted->to = op.to;
  noted->from = op.from;
  noted->count = op.count;
  noted->value = op.value;
  noted->element_bytes = op.element_bytes;
  return Match::kChanged;
}

void launch_params(const Recording &r, const Op &op, void **params) {
  int64_t offset = 0;
  for (int32_t i = 0; i < num_params(*op.kernel); ++i) {
    const int64_t bytes = param_bytes(*op.kernel, i);
    offset = param_offset(offset, bytes);
    params[i] = r.params + op.params + offset;
    offset += bytes;
  }
}

CUresult execute(const Device &device, const Op &op, void *const *params, CUstream stream) {
  switch (op.kind) {
    case OpKind::kLaunch:
      return launch(device, op, params, stream);
    case OpKind::kCopy:
      return device.cu->MemcpyDtoDAsync(op.to, op.from, static_cast<size_t>(op.count), stream);
    default:
      return fill(device, op, stream);
  }
}

CUresult recording_execute(const Device &device, const Recording &r, int32_t count, CUstream stream,
                           int32_t *ret_failed) {
  void *params[kMaxLaunchParams];
  for (int32_t i = 0; i < count; ++i) {
    if (r.ops[i].kind == OpKind::kLaunch) launch_params(r, r.ops[i], params);
    const CUresult result = execute(device, r.ops[i], params, stream);
    if (result == kSuccess) continue;
    *ret_failed = i;
    return result;
  }
  return kSuccess;
}

void recording_clear(const Device &device, Recording *r) {
  if (r->executable != nullptr) device.cu->GraphExecDestroy(r->executable);
  if (r->graph != nullptr) device.cu->GraphDestroy(r->graph);
  free(r->ops);
  free(r->params);
  int64_t *symbols = r->symbols;
  const int64_t last_used = r->last_used;
  const char *refused = r->refused;
  *r = Recording{};
  r->symbols = symbols;
  r->last_used = last_used;
  r->refused = refused;
}

}  // namespace aoti_cuda
