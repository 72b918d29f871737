// The structs of DLPack, the exchange format of array libraries, as its specification lays them out (versions
// 0.8 and 1.0). Only what the CPU and CUDA need is named.
#ifndef RUNTIME_BINDINGS_DLPACK_H_
#define RUNTIME_BINDINGS_DLPACK_H_

#include <stdint.h>

namespace aoti {

enum DlDeviceType : int32_t { kDlCpu = 1, kDlCuda = 2, kDlCudaHost = 3 };

// Streams of CUDA in __dlpack__: numbers for the two default streams, -1 for "do not wait", else the
// CUstream.
constexpr int64_t kDlLegacyStream = 1, kDlPerThreadStream = 2, kDlNoWait = -1;

enum DlTypeCode : uint8_t {
  kDlInt = 0,
  kDlUint = 1,
  kDlFloat = 2,
  kDlBfloat = 4,
  kDlComplex = 5,
  kDlBool = 6,
};

struct DlDevice {
  int32_t type;
  int32_t id;
};

struct DlDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};

struct DlTensor {
  void *data;
  DlDevice device;
  int32_t ndim;
  DlDataType dtype;
  int64_t *shape;
  int64_t *strides;  // in elements; null: contiguous
  uint64_t byte_offset;
};

// In a capsule named "dltensor".
struct DlManagedTensor {
  DlTensor tensor;
  void *context;
  void (*deleter)(DlManagedTensor *self);
};

// In a capsule named "dltensor_versioned".
struct DlManagedTensorVersioned {
  struct {
    uint32_t major, minor;
  } version;
  void *context;
  void (*deleter)(DlManagedTensorVersioned *self);
  uint64_t flags;
  DlTensor tensor;
};

constexpr uint64_t kDlReadOnly = 1;

}  // namespace aoti

#endif  // RUNTIME_BINDINGS_DLPACK_H_
