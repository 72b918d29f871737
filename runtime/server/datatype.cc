#include "runtime/server/datatype.h"

#include "aoti/dtypes.h"

namespace aoti::server {
namespace {

struct Row {
  const char *name;
  size_t bytes;
  int32_t dtype;
};

// In the order of Datatype. BF16 is not in the protocol's list; Triton, OpenVINO and tritonclient have it.
constexpr Row kRows[] = {
    {"BOOL", 1, AOTI_DTYPE_BOOL},     {"UINT8", 1, AOTI_DTYPE_UINT8},   {"UINT16", 2, AOTI_DTYPE_UINT16},
    {"UINT32", 4, AOTI_DTYPE_UINT32}, {"UINT64", 8, AOTI_DTYPE_UINT64}, {"INT8", 1, AOTI_DTYPE_INT8},
    {"INT16", 2, AOTI_DTYPE_INT16},   {"INT32", 4, AOTI_DTYPE_INT32},   {"INT64", 8, AOTI_DTYPE_INT64},
    {"FP16", 2, AOTI_DTYPE_FLOAT16},  {"BF16", 2, AOTI_DTYPE_BFLOAT16}, {"FP32", 4, AOTI_DTYPE_FLOAT32},
    {"FP64", 8, AOTI_DTYPE_FLOAT64},
};

const Row &row(Datatype datatype) { return kRows[static_cast<size_t>(datatype)]; }

template <class Is>
bool find(Datatype *datatype, Is is) {
  for (size_t i = 0; i < sizeof kRows / sizeof *kRows; ++i) {
    if (!is(kRows[i])) continue;
    *datatype = static_cast<Datatype>(i);
    return true;
  }
  return false;
}

}  // namespace

const char *datatype_name(Datatype datatype) { return row(datatype).name; }

bool datatype_of_name(std::string_view name, Datatype *datatype) {
  return find(datatype, [&](const Row &row) { return name == row.name; });
}

size_t datatype_bytes(Datatype datatype) { return row(datatype).bytes; }

int32_t datatype_dtype(Datatype datatype) { return row(datatype).dtype; }

bool datatype_of_dtype(int32_t dtype, Datatype *datatype) {
  return find(datatype, [&](const Row &row) { return dtype == row.dtype; });
}

bool tensor_bytes(Datatype datatype, const std::vector<int64_t> &shape, size_t *bytes) {
  // The sizes but 0 must fit by themselves, so that no stride overflows in an empty tensor either.
  int64_t product = static_cast<int64_t>(datatype_bytes(datatype));
  bool is_empty = false;
  for (int64_t size : shape) {
    if (size < 0) return false;
    is_empty |= size == 0;
    if (size > 0 && __builtin_mul_overflow(product, size, &product)) return false;
  }
  *bytes = is_empty ? 0 : static_cast<size_t>(product);
  return true;
}

}  // namespace aoti::server
