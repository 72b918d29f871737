#include "runtime/bindings/dtype.h"

#include "aoti/dtypes.h"

namespace aoti {
namespace {

constexpr Dtype kDtypes[] = {
    {AOTI_DTYPE_FLOAT32, {kDlFloat, 32, 1}, "f"},
    {AOTI_DTYPE_FLOAT64, {kDlFloat, 64, 1}, "d"},
    {AOTI_DTYPE_FLOAT16, {kDlFloat, 16, 1}, "e"},
    {AOTI_DTYPE_BFLOAT16, {kDlBfloat, 16, 1}, nullptr},
    {AOTI_DTYPE_INT64, {kDlInt, 64, 1}, "q"},
    {AOTI_DTYPE_INT32, {kDlInt, 32, 1}, "i"},
    {AOTI_DTYPE_INT16, {kDlInt, 16, 1}, "h"},
    {AOTI_DTYPE_INT8, {kDlInt, 8, 1}, "b"},
    {AOTI_DTYPE_UINT8, {kDlUint, 8, 1}, "B"},
    {AOTI_DTYPE_UINT16, {kDlUint, 16, 1}, "H"},
    {AOTI_DTYPE_UINT32, {kDlUint, 32, 1}, "I"},
    {AOTI_DTYPE_UINT64, {kDlUint, 64, 1}, "Q"},
    {AOTI_DTYPE_BOOL, {kDlBool, 8, 1}, "?"},
    {AOTI_DTYPE_COMPLEX64, {kDlComplex, 64, 1}, "Zf"},
    {AOTI_DTYPE_COMPLEX128, {kDlComplex, 128, 1}, "Zd"},
};

}  // namespace

const Dtype *dtype_of_number(int32_t number) {
  for (const Dtype &dtype : kDtypes) {
    if (dtype.number == number) return &dtype;
  }
  return nullptr;
}

const Dtype *dtype_of_dlpack(const DlDataType &type) {
  for (const Dtype &dtype : kDtypes) {
    if (dtype.dlpack.code == type.code && dtype.dlpack.bits == type.bits && type.lanes == 1) return &dtype;
  }
  return nullptr;
}

}  // namespace aoti
