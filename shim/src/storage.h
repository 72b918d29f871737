// Memory shared by tensors, with an atomic reference count.
//
// Invariants: references >= 1 while anybody can reach the storage; data is null exactly when bytes is 0 or
// the caller gave null for a tensor without elements; the deleter runs once, when the last reference goes.
#ifndef SHIM_SRC_STORAGE_H_
#define SHIM_SRC_STORAGE_H_

#include <stdint.h>

namespace aoti_shim {

using StorageDeleter = void (*)(void *data, void *context);

struct Storage {
  int64_t references;
  void *data;
  int64_t bytes;
  StorageDeleter deleter;  // null: memory of a caller
  void *deleter_context;
  int32_t device_type;   // AOTI_DEVICE_CPU or AOTI_DEVICE_CUDA
  int32_t device_index;  // -1 on the CPU, as in PyTorch
};

// A storage of `bytes` uninitialised bytes, 64-byte aligned, with one reference. Null when memory runs out.
Storage *storage_allocate(int64_t bytes);

// A storage over memory that exists, on the CPU, with one reference; deleter may be null. Null when memory
// runs out (the deleter has not been called then).
Storage *storage_adopt(void *data, int64_t bytes, StorageDeleter deleter, void *deleter_context);

// Adds a reference and gives the storage back.
Storage *storage_retain(Storage *storage);

// Drops a reference; the last one frees. Null is accepted.
void storage_release(Storage *storage);

}  // namespace aoti_shim

#endif  // SHIM_SRC_STORAGE_H_
