// The fuzz target of the operators that a stock library calls in the stand-in for libtorch: any operator on
// any tensors of up to four dimensions, in any layout, with any numbers. It fails with a message, or gives
// tensors whose elements all are there. Nothing outside of the operands' memory is touched: each is as large
// as its elements need, to the byte.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <list>
#include <vector>

#include "aoti/compat_ops.h"
#include "aoti/ops.h"
#include "aoti/shim.h"

namespace {

void expect(bool ok) {
  if (!ok) abort();
}

constexpr int32_t kDtypes[] = {
    AOTI_DTYPE_FLOAT32, AOTI_DTYPE_FLOAT64, AOTI_DTYPE_FLOAT16, AOTI_DTYPE_BFLOAT16, AOTI_DTYPE_INT64,
    AOTI_DTYPE_INT32,   AOTI_DTYPE_INT16,   AOTI_DTYPE_INT8,    AOTI_DTYPE_UINT8,    AOTI_DTYPE_BOOL};

// The input as choices; zeros behind its end.
class Choices {
 public:
  Choices(const uint8_t *data, size_t size) : data_(data), end_(data + size) {}
  uint8_t byte() { return data_ < end_ ? *data_++ : 0; }
  bool flag() { return byte() % 2 != 0; }
  int64_t below(int64_t count) { return byte() % count; }

  // Mostly small; now and then one that no memory fits, whatever the machine.
  int64_t number() {
    constexpr int64_t kExtremes[] = {INT64_MIN, INT64_MIN + 1, INT64_MIN / 2, INT64_MIN / 3,
                                     INT64_MAX, INT64_MAX - 1, INT64_MAX / 2, INT64_MAX / 3};
    const uint8_t choice = byte();
    return choice >= 248 ? kExtremes[choice - 248] : choice % 12 - 4;
  }

 private:
  const uint8_t *data_, *const end_;
};

// What one call works on; all of it goes with it.
class Operands {
 public:
  explicit Operands(Choices *choices) : choices_(choices) {}
  ~Operands() {
    for (AtenTensorHandle handle : handles_)
      expect(aoti_torch_delete_tensor_object(handle) == AOTI_TORCH_SUCCESS);
  }
  Operands(const Operands &) = delete;
  Operands &operator=(const Operands &) = delete;

  // Of the dtype that the first one has, unless the input says otherwise: operators refuse most mixtures.
  AtenTensorHandle tensor(int32_t usual_dtype = -1) {
    const uint8_t choice = choices_->byte();
    int32_t dtype = kDtypes[choice % 10];
    if (choice < 200 && usual_dtype >= 0) dtype = usual_dtype;
    if (choice < 200 && usual_dtype < 0 && dtype_ >= 0) dtype = dtype_;
    if (usual_dtype < 0) dtype_ = dtype;
    return add(dtype, sizes());
  }
  AtenTensorHandle *optional(int32_t usual_dtype = -1) {
    if (choices_->flag()) return nullptr;
    tensor(usual_dtype);
    return &handles_.back();
  }
  // One to four numbers.
  std::vector<int64_t> list() {
    std::vector<int64_t> all;
    for (int64_t left = choices_->below(4); left >= 0; --left) all.push_back(choices_->number());
    return all;
  }

 private:
  // Each is often that of the tensor before, so that operands fit each other.
  std::vector<int64_t> sizes() {
    const uint8_t choice = choices_->byte();
    if (choice < 80 && !sizes_.empty()) return sizes_;
    sizes_.resize(choice % 5);
    for (int64_t &size : sizes_) size = choices_->below(6);
    return sizes_;
  }

  AtenTensorHandle add(int32_t dtype, const std::vector<int64_t> &sizes) {
    const size_t element = aoti_torch_dtype_element_size(dtype);
    std::vector<int64_t> strides(sizes.size(), 1);
    const int64_t layout = choices_->below(4);  // row-major, the other way round, repeated, any
    for (size_t d = sizes.size(); d-- > 1;) strides[d - 1] = strides[d] * sizes[d];
    if (layout == 1) std::reverse(strides.begin(), strides.end());
    if (layout == 2 && !strides.empty()) strides[0] = 0;
    for (size_t d = 0; layout == 3 && d < strides.size(); ++d) strides[d] = choices_->below(8);
    int64_t last = 0;
    bool is_empty = false;
    for (size_t d = 0; d < sizes.size(); ++d) {
      is_empty |= sizes[d] == 0;
      last += (sizes[d] - 1) * strides[d];
    }
    memory_.emplace_back(is_empty ? 0 : (static_cast<size_t>(last) + 1) * element);
    fill(dtype, &memory_.back());
    AtenTensorHandle handle = nullptr;
    uint8_t nothing = 0;
    expect(aoti_torch_create_tensor_from_blob(
               is_empty ? &nothing : memory_.back().data(), static_cast<int64_t>(sizes.size()), sizes.data(),
               strides.data(), 0, dtype, AOTI_DEVICE_CPU, 0, &handle) == AOTI_TORCH_SUCCESS);
    handles_.push_back(handle);
    return handle;
  }

  // Integers are small in the main: most are indices.
  void fill(int32_t dtype, std::vector<uint8_t> *bytes) {
    const bool is_any = choices_->below(8) == 0;
    const uint8_t seed = choices_->byte();
    for (size_t i = 0; i < bytes->size(); ++i) {
      const uint8_t value = static_cast<uint8_t>(seed * (i + 1) + i / 7);
      (*bytes)[i] = dtype == AOTI_DTYPE_BOOL ? value % 2 : value;
    }
    if (dtype != AOTI_DTYPE_INT64 || is_any) return;
    for (size_t i = 0; i + 8 <= bytes->size(); i += 8) {
      const int64_t value = (seed + static_cast<int64_t>(i / 8) * 5) % 7 - (seed % 16 == 0);
      memcpy(bytes->data() + i, &value, sizeof value);
    }
  }

  Choices *const choices_;
  int32_t dtype_ = -1;
  std::vector<int64_t> sizes_;
  std::list<std::vector<uint8_t>> memory_;
  std::list<AtenTensorHandle> handles_;
};

// Every element can be read; deletes the tensor.
void read_and_delete(AtenTensorHandle tensor) {
  int64_t ndim = 0, *sizes = nullptr, *strides = nullptr, last = 0;
  int32_t dtype = 0;
  void *data = nullptr;
  expect((aoti_torch_get_dim(tensor, &ndim) | aoti_torch_get_sizes(tensor, &sizes) |
          aoti_torch_get_strides(tensor, &strides) | aoti_torch_get_dtype(tensor, &dtype) |
          aoti_torch_get_data_ptr(tensor, &data)) == AOTI_TORCH_SUCCESS);
  bool is_empty = false;
  for (int64_t d = 0; d < ndim; ++d) {
    expect(sizes[d] >= 0 && strides[d] >= 0);
    is_empty |= sizes[d] == 0;
  }
  for (int64_t d = 0; d < ndim && !is_empty; ++d) last += (sizes[d] - 1) * strides[d];
  const size_t bytes = is_empty ? 0 : (static_cast<size_t>(last) + 1) * aoti_torch_dtype_element_size(dtype);
  if (bytes > 0) {
    const std::vector<uint8_t> copy(static_cast<uint8_t *>(data), static_cast<uint8_t *>(data) + bytes);
    volatile uint8_t seen = copy[bytes - 1];
    static_cast<void>(seen);
  }
  expect(aoti_torch_delete_tensor_object(tensor) == AOTI_TORCH_SUCCESS);
}

AOTITorchError call_rows(int64_t which, Choices *c, Operands *o, AtenTensorHandle *ret) {
  const AtenTensorHandle self = o->tensor();
  int32_t dtype = kDtypes[c->below(10)], stable = 1;
  switch (which) {
    case 0:
      return aoti_torch_cpu_cumsum(self, c->number(), c->flag() ? &dtype : nullptr, &ret[0]);
    case 1:
      return aoti_torch_cpu_sort_stable(self, c->flag() ? &stable : nullptr, c->number(), c->flag(), &ret[0],
                                        &ret[1]);
    case 2: {
      const int64_t k = c->number(), dim = c->number();
      return aoti_torch_cpu_topk(self, k, dim, c->flag(), c->flag(), &ret[0], &ret[1]);
    }
    case 3:
      return aoti_torch_cpu_masked_select(self, o->tensor(AOTI_DTYPE_BOOL), &ret[0]);
    case 4:
      return aoti_torch_cpu_nonzero(self, &ret[0]);
    default: {
      const char *side = c->flag() ? "left" : "right";
      const AtenTensorHandle values = o->tensor();
      AtenTensorHandle *sorter = c->below(16) == 0 ? o->optional(AOTI_DTYPE_INT64) : nullptr;
      return aoti_torch_cpu_searchsorted_Tensor(self, values, c->flag(), c->flag(),
                                                c->flag() ? &side : nullptr, sorter, &ret[0]);
    }
  }
}

AOTITorchError call_products(int64_t which, Choices *c, Operands *o) {
  const AtenTensorHandle out = o->tensor(), self = o->tensor(), a = o->tensor(), b = o->tensor();
  const double beta = static_cast<double>(c->below(3)), alpha = static_cast<double>(c->below(3));
  switch (which) {
    case 0:
      return aoti_torch_cpu_mm_out(out, a, b);
    case 1:
      return aoti_torch_cpu_bmm_out(out, a, b);
    case 2:
      return aoti_torch_cpu_addmm_out(out, self, a, b, beta, alpha);
    default:
      return aoti_torch_cpu_baddbmm_out(out, self, a, b, beta, alpha);
  }
}

AOTITorchError call_selections(Choices *c, Operands *o, AtenTensorHandle *ret) {
  constexpr const char *kReductions[] = {"sum", "prod", "mean", "amax", "amin", "median"};
  if (c->flag()) {
    const AtenTensorHandle out = o->tensor(), self = o->tensor();
    const AtenTensorHandle index = o->tensor(AOTI_DTYPE_INT64), src = o->tensor();
    return aoti_torch_cpu_scatter_reduce_two_out(out, self, c->number(), index, src, kReductions[c->below(6)],
                                                 c->flag());
  }
  const AtenTensorHandle weight = o->tensor(), indices = o->tensor(AOTI_DTYPE_INT64);
  const AtenTensorHandle offsets = o->tensor(AOTI_DTYPE_INT64);
  const int64_t mode = c->number(), padding = c->number();
  AtenTensorHandle *weights = o->optional();
  return aoti_torch_cpu__embedding_bag(weight, indices, offsets, c->below(8) == 0, mode, c->below(8) == 0,
                                       weights, c->flag(), padding, &ret[0], &ret[1], &ret[2], &ret[3]);
}

AOTITorchError call_layers(int64_t which, Choices *c, Operands *o, AtenTensorHandle *ret) {
  const AtenTensorHandle input = o->tensor(), first = o->tensor(), second = o->tensor();
  if (which == 0) {
    const std::vector<int64_t> stride = o->list(), padding = o->list(), dilation = o->list(),
                               more = o->list();
    AtenTensorHandle *bias = o->optional();
    const auto size = [](const std::vector<int64_t> &list) { return static_cast<int64_t>(list.size()); };
    return aoti_torch_cpu_convolution(input, first, bias, stride.data(), size(stride), padding.data(),
                                      size(padding), dilation.data(), size(dilation), c->flag(), more.data(),
                                      size(more), c->number(), &ret[0]);
  }
  if (which == 1) {
    double scale = 0.25;
    const double dropout = c->below(16) == 0 ? 0.5 : 0;
    AtenTensorHandle *mask = o->optional();
    return aoti_torch_cpu__scaled_dot_product_flash_attention_for_cpu(
        input, first, second, dropout, c->flag(), mask, c->flag() ? &scale : nullptr, &ret[0], &ret[1]);
  }
  const AtenTensorHandle third = o->tensor(), fourth = o->tensor(), hx = o->tensor(), cx = o->tensor();
  const int64_t hidden = c->number(), layers = c->number(), mode = c->below(4);
  return aoti_torch_cpu_mkldnn_rnn_layer(input, first, second, third, fourth, hx, cx, c->flag(), nullptr, 0,
                                         mode, hidden, layers, c->flag(), c->below(8) == 0, c->below(8) == 0,
                                         c->below(8) == 0, &ret[0], &ret[1], &ret[2], &ret[3]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Choices choices(data, size);
  Operands operands(&choices);
  AtenTensorHandle ret[4] = {};
  const int64_t which = choices.below(15);
  const AOTITorchError status = which < 6    ? call_rows(which, &choices, &operands, ret)
                                : which < 10 ? call_products(which - 6, &choices, &operands)
                                : which < 12 ? call_selections(&choices, &operands, ret)
                                             : call_layers(which - 12, &choices, &operands, ret);
  if (status != AOTI_TORCH_SUCCESS) expect(aoti_torch_get_last_error()[0] != '\0');
  for (AtenTensorHandle tensor : ret) {
    if (tensor == nullptr) continue;
    expect(status == AOTI_TORCH_SUCCESS);
    read_and_delete(tensor);
  }
  return 0;
}
