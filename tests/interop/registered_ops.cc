// Operators that a person's own extension registers with PyTorch in C++, by the TORCH_LIBRARY of its stable
// interface. It knows nothing of this project.
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace {

using torch::stable::Tensor;

template <typename T>
void Bell(const Tensor &x, double width, bool slope, const std::optional<Tensor> &shift,
          const Tensor &result) {
  const T *in = static_cast<const T *>(x.data_ptr());
  const T *added = shift ? static_cast<const T *>(shift->data_ptr()) : nullptr;
  T *out = static_cast<T *>(result.data_ptr());
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double at = in[i] + (added != nullptr ? added[i] : T(0));
    const double value = std::exp(-at * at / width);
    out[i] = static_cast<T>(slope ? -2 * at / width * value : value);
  }
}

// exp(-x^2 / width) of each element, or its slope; of x + shift where there is a shift. Both are contiguous,
// float32 or float64.
Tensor BellOf(const Tensor &x, double width, const std::string &what, const std::optional<Tensor> &shift) {
  Tensor result = torch::stable::new_empty(x, x.sizes());
  const bool wide = x.scalar_type() == torch::headeronly::ScalarType::Double;
  (wide ? &Bell<double> : &Bell<float>)(x, width, what == "slope", shift, result);
  return result;
}

// The first rows, and the others.
std::vector<Tensor> Cut(const Tensor &x, int64_t rows) {
  Tensor whole = x;
  return {torch::stable::clone(torch::stable::narrow(whole, 0, 0, rows)),
          torch::stable::clone(torch::stable::narrow(whole, 0, rows, x.size(0) - rows))};
}

}  // namespace

STABLE_TORCH_LIBRARY(interop_registered, m) {
  m.def("bell(Tensor x, float width, str what, Tensor? shift=None) -> Tensor");
  m.def("cut(Tensor x, SymInt rows) -> Tensor[]");
}

STABLE_TORCH_LIBRARY_IMPL(interop_registered, CPU, m) {
  m.impl("bell", TORCH_BOX(&BellOf));
  m.impl("cut", TORCH_BOX(&Cut));
}
