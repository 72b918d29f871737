#include "runtime/package/safetensors.h"

#include <algorithm>

#include "runtime/package/constant_names.h"
#include "runtime/package/json.h"

namespace aoti {
namespace {

// The format's own limit, so that a damaged length does not ask for a header of any size.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kMaxDims = 64;
constexpr uint64_t kWidestElement = 8;

struct DtypeName {
  const char *name;
  int32_t dtype;
  uint64_t bytes;
};

constexpr DtypeName kDtypeNames[] = {
    {"BOOL", AOTI_DTYPE_BOOL, 1},
    {"U8", AOTI_DTYPE_UINT8, 1},
    {"I8", AOTI_DTYPE_INT8, 1},
    {"I16", AOTI_DTYPE_INT16, 2},
    {"U16", AOTI_DTYPE_UINT16, 2},
    {"F16", AOTI_DTYPE_FLOAT16, 2},
    {"BF16", AOTI_DTYPE_BFLOAT16, 2},
    {"I32", AOTI_DTYPE_INT32, 4},
    {"U32", AOTI_DTYPE_UINT32, 4},
    {"F32", AOTI_DTYPE_FLOAT32, 4},
    {"F64", AOTI_DTYPE_FLOAT64, 8},
    {"I64", AOTI_DTYPE_INT64, 8},
    {"U64", AOTI_DTYPE_UINT64, 8},
    {"C64", AOTI_DTYPE_COMPLEX64, 8},
    {"F8_E4M3", AOTI_DTYPE_FLOAT8_E4M3FN, 1},
    {"F8_E5M2", AOTI_DTYPE_FLOAT8_E5M2, 1},
    {"F8_E8M0", AOTI_DTYPE_FLOAT8_E8M0FNU, 1},
};

const DtypeName *dtype_of(const Json *name) {
  for (const DtypeName &dtype : kDtypeNames) {
    if (name != nullptr && name->kind == Json::kString && name->text == dtype.name) return &dtype;
  }
  return nullptr;
}

bool fail(const std::string &why, std::string *error) {
  *error = why;
  return false;
}

// Bytes of a tensor; false when they, or its strides, overflow.
bool read_shape(const Json *shape, uint64_t element, std::vector<int64_t> *sizes, uint64_t *bytes) {
  if (shape == nullptr || shape->kind != Json::kArray || shape->items.size() > kMaxDims) return false;
  int64_t extent = static_cast<int64_t>(element);
  bool is_empty = false;
  for (const Json &item : shape->items) {
    uint64_t size = 0;
    if (!item.to_uint64(&size) || size > INT64_MAX) return false;
    sizes->push_back(static_cast<int64_t>(size));
    is_empty |= size == 0;
    if (size != 0 && __builtin_mul_overflow(extent, sizes->back(), &extent)) return false;
  }
  *bytes = is_empty ? 0 : static_cast<uint64_t>(extent);
  return true;
}

bool read_tensor(const std::string &name, const Json &json, const Bytes &data, StoredTensor *tensor,
                 std::string *error) {
  const std::string label = "tensor '" + name + "' ";
  const DtypeName *dtype = dtype_of(json.find("dtype"));
  const Json *offsets = json.find("data_offsets");
  uint64_t bytes = 0, begin = 0, end = 0;
  tensor->name = name;
  if (dtype == nullptr) return fail(label + "has no dtype that is known here", error);
  tensor->dtype = dtype->dtype;
  if (!read_shape(json.find("shape"), dtype->bytes, &tensor->shape, &bytes)) {
    return fail(label + "has no shape that can be", error);
  }
  if (offsets == nullptr || offsets->kind != Json::kArray || offsets->items.size() != 2 ||
      !offsets->items[0].to_uint64(&begin) || !offsets->items[1].to_uint64(&end) || begin > end) {
    return fail(label + "has no pair of offsets", error);
  }
  if (!data.contains(begin, end - begin)) {
    return fail(label + "lies outside the file, which is cut short or damaged", error);
  }
  if (end - begin != bytes) {
    return fail(label + "has " + std::to_string(end - begin) + " bytes; its dtype and shape make " +
                    std::to_string(bytes),
                error);
  }
  tensor->bytes = data.part(begin, bytes);
  return true;
}

// One after the other, from the first byte of the data to the last.
bool check_gaps(const std::vector<StoredTensor> &tensors, const Bytes &data, std::string *error) {
  std::vector<const StoredTensor *> sorted;
  for (const StoredTensor &tensor : tensors) sorted.push_back(&tensor);
  std::sort(sorted.begin(), sorted.end(), [](const StoredTensor *a, const StoredTensor *b) {
    return a->bytes.data != b->bytes.data ? a->bytes.data < b->bytes.data : a->bytes.size < b->bytes.size;
  });
  const uint8_t *next = data.data;
  for (const StoredTensor *tensor : sorted) {
    if (tensor->bytes.data != next)
      return fail("there is a gap or an overlap before tensor '" + tensor->name + "'", error);
    next += tensor->bytes.size;
  }
  return next == data.data + data.size || fail("bytes follow the last tensor", error);
}

}  // namespace

bool read_safetensors(const Bytes &file, std::vector<StoredTensor> *tensors, std::string *error) {
  tensors->clear();
  uint64_t length = 0;
  if (!file.read(0, &length)) return fail("fewer than 8 bytes; expected a safetensors file", error);
  if (length > kMaxHeaderBytes || !file.contains(8, length)) {
    return fail("its header would have " + std::to_string(length) + " bytes; expected a safetensors file",
                error);
  }
  Json header;
  std::string why;
  if (!parse_json(file.part(8, length), &header, &why) || header.kind != Json::kObject) {
    return fail("its header is no JSON object: " + why, error);
  }
  const Bytes data = file.part(8 + length, file.size - 8 - length);
  for (const auto &member : header.members) {
    if (member.first == "__metadata__") continue;
    tensors->emplace_back();
    if (!read_tensor(member.first, member.second, data, &tensors->back(), error)) return false;
  }
  return check_gaps(*tensors, data, error);
}

bool Safetensors::open(const std::string &path, std::string *error) {
  if (!map_.open(path, "a safetensors file", error)) return false;
  if (read_safetensors(map_.bytes(), &tensors_, error)) return true;
  *error = path + ": " + *error;
  return false;
}

namespace {

// Tensors over the file's memory, as the library's functions take them. The format promises no alignment: a
// tensor whose elements are not aligned is copied.
class Views {
 public:
  explicit Views(const AotiModelApi &api) : api_(api) {}
  ~Views() {
    for (const AOTInductorConstantMapEntry &entry : entries_) api_.delete_tensor_object(entry.handle);
  }
  Views(const Views &) = delete;
  Views &operator=(const Views &) = delete;

  bool add(const char *name, const StoredTensor &tensor) {
    std::vector<int64_t> strides(tensor.shape.size(), 1);
    for (size_t i = strides.size(); i-- > 1;)
      strides[i - 1] = strides[i] * std::max<int64_t>(tensor.shape[i], 1);
    entries_.push_back(AOTInductorConstantMapEntry{name, nullptr});  // first: else the tensor could be lost
    const uint8_t *data = tensor.bytes.data;
    if (reinterpret_cast<uintptr_t>(data) % kWidestElement != 0) {
      copies_.emplace_back(tensor.bytes.size / kWidestElement + 1);
      memcpy(copies_.back().data(), data, tensor.bytes.size);
      data = reinterpret_cast<const uint8_t *>(copies_.back().data());
    }
    return api_.create_tensor_from_blob_v2(const_cast<uint8_t *>(data),
                                           static_cast<int64_t>(tensor.shape.size()), tensor.shape.data(),
                                           strides.data(), 0, tensor.dtype, AOTI_DEVICE_CPU, 0,
                                           &entries_.back().handle, 0, nullptr, 0) == AOTI_TORCH_SUCCESS;
  }

  const std::vector<AOTInductorConstantMapEntry> &entries() const { return entries_; }

 private:
  const AotiModelApi &api_;
  std::vector<AOTInductorConstantMapEntry> entries_;
  std::vector<std::vector<uint64_t>> copies_;
};

}  // namespace

bool update_constants(const AotiModelApi &api, AOTInductorModelContainerHandle container,
                      const Safetensors &file, const UpdateFromFile &options, std::string *error) {
  const auto update = options.in_place ? api.update_user_managed_constants : api.update_constants;
  if (update == nullptr) return fail("this stock library cannot update constants by name", error);
  Views views(api);
  for (const StoredTensor &tensor : file.tensors()) {
    if (tensor.name.rfind(options.prefix, 0) != 0) continue;
    if (options.in_place && reinterpret_cast<uintptr_t>(tensor.bytes.data) % kWidestElement != 0) {
      return fail("tensor '" + tensor.name +
                      "' is not aligned in the file, so it cannot be used in place; update by copy",
                  error);
    }
    if (!views.add(tensor.name.c_str() + options.prefix.size(), tensor)) {
      return fail("tensor '" + tensor.name + "': " + api.last_tensor_error(), error);
    }
  }
  auto entries = views.entries();
  if (entries.empty()) return fail("no tensor's name begins with '" + options.prefix + "'", error);
  std::string why;
  if (!own_constant_names(api, container, &entries, &why)) return fail(why, error);
  if (update(container, entries.data(), entries.size(), options.inactive, options.full) ==
      AOTI_RUNTIME_SUCCESS) {
    return true;
  }
  return fail(api.last_error(), error);
}

}  // namespace aoti
