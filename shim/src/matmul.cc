// mm, addmm, bmm and baddbmm into an existing output, for libraries that stock AOTInductor made.
//
// All four are out[b] = beta * self[b] + alpha * (left[b] @ right[b]); a matrix is a batch of one. Rows of
// `out` are accumulated in its own dtype over k, the innermost loop runs along n, which compilers vectorise
// when n has unit stride. Half precisions go through copies in float32 and are rounded once, as in PyTorch.
// Generated code of ours does not come here: its products run in kernels/cpp.
#include "aoti/ops.h"

#include "aoti/device.h"
#include "shim/src/error.h"
#include "shim/src/tensor_object.h"

using aoti_shim::check_host_tensor;
using aoti_shim::fail;

namespace {

// A batch of matrices: [batch, rows, columns] with strides; stride 0 where it repeats.
struct Matrices {
  char *data;
  int64_t sizes[3];
  int64_t strides[3];
};

struct Product {
  Matrices out, addend, left, right;  // addend.data is null when beta is 0
  double beta, alpha;
};

Matrices matrices_of(const AtenTensorOpaque *tensor) {
  Matrices m{aoti_shim::data_of(tensor), {1, 1, 1}, {0, 0, 0}};
  for (int64_t i = 0; i < tensor->ndim; ++i) {
    int64_t at = 3 - tensor->ndim + i;
    m.sizes[at] = tensor->sizes[i];
    m.strides[at] = tensor->strides[i];
  }
  return m;
}

template <class T>
void multiply(const Product &p) {
  const int64_t depth = p.left.sizes[2], columns = p.out.sizes[2];
  for (int64_t b = 0; b < p.out.sizes[0]; ++b) {
    for (int64_t i = 0; i < p.out.sizes[1]; ++i) {
      T *out = reinterpret_cast<T *>(p.out.data) + b * p.out.strides[0] + i * p.out.strides[1];
      const T *left =
          reinterpret_cast<const T *>(p.left.data) + b * p.left.strides[0] + i * p.left.strides[1];
      const T *right = reinterpret_cast<const T *>(p.right.data) + b * p.right.strides[0];
      const T *addend =
          reinterpret_cast<const T *>(p.addend.data) + b * p.addend.strides[0] + i * p.addend.strides[1];
      for (int64_t j = 0; j < columns; ++j) {
        out[j * p.out.strides[2]] =
            p.addend.data == nullptr ? T{0} : static_cast<T>(p.beta) * addend[j * p.addend.strides[2]];
      }
      for (int64_t k = 0; k < depth; ++k) {
        const T factor = static_cast<T>(p.alpha) * left[k * p.left.strides[2]];
        const T *row = right + k * p.right.strides[1];
        if (p.out.strides[2] == 1 && p.right.strides[2] == 1) {
          for (int64_t j = 0; j < columns; ++j) out[j] += factor * row[j];
        } else {
          for (int64_t j = 0; j < columns; ++j)
            out[j * p.out.strides[2]] += factor * row[j * p.right.strides[2]];
        }
      }
    }
  }
}

AOTITorchError fail_sizes(const char *function, const char *what, const AtenTensorOpaque *tensor) {
  char sizes[256];
  return fail(function, "%s has sizes %s, which do not fit the other operands", what,
              aoti_shim::format_numbers(tensor->ndim, tensor->sizes, sizes, sizeof sizes));
}

bool is_half(int32_t dtype) { return dtype == AOTI_DTYPE_FLOAT16 || dtype == AOTI_DTYPE_BFLOAT16; }

AOTITorchError check_operand(const char *function, const char *what, AtenTensorHandle tensor,
                             int64_t max_rank, bool exact_rank, int32_t dtype) {
  if (check_host_tensor(function, tensor) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (tensor->dtype != dtype ||
      !(is_half(dtype) || dtype == AOTI_DTYPE_FLOAT32 || dtype == AOTI_DTYPE_FLOAT64)) {
    return fail(
        function,
        "%s has dtype %d beside dtype %d; the lean shim has float16 (5), float32 (6), float64 (7) and "
        "bfloat16 (15), all operands alike: link the model with shim = \"torch\"",
        what, tensor->dtype, dtype);
  }
  if (tensor->ndim > max_rank || (exact_rank && tensor->ndim != max_rank)) {
    return fail(function, "%s has rank %lld; expected %lld", what, (long long)tensor->ndim,
                (long long)max_rank);
  }
  return AOTI_TORCH_SUCCESS;
}

// Makes the addend repeat over out's sizes; false when it cannot.
bool broadcast_addend(const Matrices &out, Matrices *addend) {
  for (int i = 0; i < 3; ++i) {
    if (addend->sizes[i] != out.sizes[i] && addend->sizes[i] != 1) return false;
    if (addend->sizes[i] == 1) addend->strides[i] = 0;
  }
  return true;
}

// A contiguous tensor in float32 with another's sizes, deleted with this object.
class Float32Copy {
 public:
  ~Float32Copy() { aoti_torch_delete_tensor_object(copy); }

  // `original` may be null, and then so is the copy.
  AOTITorchError make(AtenTensorHandle original, bool with_values) {
    if (original == nullptr) return AOTI_TORCH_SUCCESS;
    int64_t strides[3] = {1, 1, 1};
    for (int64_t d = original->ndim - 1; d-- > 0;) strides[d] = strides[d + 1] * original->sizes[d + 1];
    const AOTITorchError made = aoti_torch_empty_strided(original->ndim, original->sizes, strides,
                                                         AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU, 0, &copy);
    return made == AOTI_TORCH_SUCCESS && with_values ? aoti_torch_copy_(copy, original, 0) : made;
  }

  AtenTensorHandle copy = nullptr;
};

AOTITorchError multiply_half(AtenTensorHandle out, AtenTensorHandle self, AtenTensorHandle left,
                             AtenTensorHandle right, double beta, double alpha) {
  Float32Copy wide_out, wide_self, wide_left, wide_right;
  if (wide_out.make(out, false) != AOTI_TORCH_SUCCESS || wide_self.make(self, true) != AOTI_TORCH_SUCCESS ||
      wide_left.make(left, true) != AOTI_TORCH_SUCCESS ||
      wide_right.make(right, true) != AOTI_TORCH_SUCCESS) {
    return AOTI_TORCH_FAILURE;
  }
  Product p{matrices_of(wide_out.copy),
            {nullptr, {1, 1, 1}, {0, 0, 0}},
            matrices_of(wide_left.copy),
            matrices_of(wide_right.copy),
            beta,
            alpha};
  if (wide_self.copy != nullptr) {
    p.addend = matrices_of(wide_self.copy);
    broadcast_addend(p.out, &p.addend);
  }
  multiply<float>(p);
  return aoti_torch_copy_(out, wide_out.copy, 0);
}

// `self` may be null (beta is 0 then). rank is 2 or 3.
AOTITorchError matmul_out(const char *function, int64_t rank, AtenTensorHandle out, AtenTensorHandle self,
                          AtenTensorHandle left, AtenTensorHandle right, double beta, double alpha) {
  if (check_host_tensor(function, out) != AOTI_TORCH_SUCCESS ||
      check_operand(function, "out", out, rank, true, out->dtype) != AOTI_TORCH_SUCCESS ||
      check_operand(function, "the left operand", left, rank, true, out->dtype) != AOTI_TORCH_SUCCESS ||
      check_operand(function, "the right operand", right, rank, true, out->dtype) != AOTI_TORCH_SUCCESS ||
      (self != nullptr &&
       check_operand(function, "self", self, rank, false, out->dtype) != AOTI_TORCH_SUCCESS)) {
    return AOTI_TORCH_FAILURE;
  }
  Product p{
      matrices_of(out), {nullptr, {1, 1, 1}, {0, 0, 0}}, matrices_of(left), matrices_of(right), beta, alpha};
  if (p.right.sizes[0] != p.left.sizes[0] || p.right.sizes[1] != p.left.sizes[2]) {
    return fail_sizes(function, "the right operand", right);
  }
  if (p.out.sizes[0] != p.left.sizes[0] || p.out.sizes[1] != p.left.sizes[1] ||
      p.out.sizes[2] != p.right.sizes[2]) {
    return fail_sizes(function, "out", out);
  }
  if (self != nullptr && beta != 0) {
    p.addend = matrices_of(self);
    if (!broadcast_addend(p.out, &p.addend)) return fail_sizes(function, "self", self);
  }
  if (is_half(out->dtype)) return multiply_half(out, beta != 0 ? self : nullptr, left, right, beta, alpha);
  if (out->dtype == AOTI_DTYPE_FLOAT32) {
    multiply<float>(p);
  } else {
    multiply<double>(p);
  }
  return AOTI_TORCH_SUCCESS;
}

}  // namespace

extern "C" {

AOTITorchError aoti_torch_cpu_mm_out(AtenTensorHandle out, AtenTensorHandle self, AtenTensorHandle mat2) {
  return matmul_out("aoti_torch_cpu_mm_out", 2, out, nullptr, self, mat2, 0, 1);
}

AOTITorchError aoti_torch_cpu_addmm_out(AtenTensorHandle out, AtenTensorHandle self, AtenTensorHandle mat1,
                                        AtenTensorHandle mat2, double beta, double alpha) {
  const char *function = "aoti_torch_cpu_addmm_out";
  if (check_host_tensor(function, self) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  return matmul_out(function, 2, out, self, mat1, mat2, beta, alpha);
}

AOTITorchError aoti_torch_cpu_bmm_out(AtenTensorHandle out, AtenTensorHandle self, AtenTensorHandle mat2) {
  return matmul_out("aoti_torch_cpu_bmm_out", 3, out, nullptr, self, mat2, 0, 1);
}

AOTITorchError aoti_torch_cpu_baddbmm_out(AtenTensorHandle out, AtenTensorHandle self,
                                          AtenTensorHandle batch1, AtenTensorHandle batch2, double beta,
                                          double alpha) {
  const char *function = "aoti_torch_cpu_baddbmm_out";
  if (check_host_tensor(function, self) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  return matmul_out(function, 3, out, self, batch1, batch2, beta, alpha);
}

}  // extern "C"
