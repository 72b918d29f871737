#include "shim/src/storage.h"

#include <stdlib.h>

#include "aoti/device.h"

namespace aoti_shim {
namespace {

constexpr size_t kAlignment = 64;

void free_data(void *data, void *) { free(data); }

}  // namespace

Storage *storage_adopt(void *data, int64_t bytes, StorageDeleter deleter, void *deleter_context) {
  Storage *storage = static_cast<Storage *>(malloc(sizeof(Storage)));
  if (storage == nullptr) return nullptr;
  *storage = Storage{1, data, bytes, deleter, deleter_context, AOTI_DEVICE_CPU, -1};
  return storage;
}

Storage *storage_allocate(int64_t bytes) {
  void *data = nullptr;
  if (bytes > 0 && posix_memalign(&data, kAlignment, static_cast<size_t>(bytes)) != 0) return nullptr;
  Storage *storage = storage_adopt(data, bytes, free_data, nullptr);
  if (storage == nullptr) free(data);
  return storage;
}

Storage *storage_retain(Storage *storage) {
  __atomic_fetch_add(&storage->references, 1, __ATOMIC_RELAXED);
  return storage;
}

void storage_release(Storage *storage) {
  if (storage == nullptr) return;
  // Release: this thread's writes to the data come before the free. Acquire: the freeing thread sees all of
  // them.
  if (__atomic_fetch_sub(&storage->references, 1, __ATOMIC_ACQ_REL) != 1) return;
  if (storage->deleter != nullptr) storage->deleter(storage->data, storage->deleter_context);
  free(storage);
}

}  // namespace aoti_shim
