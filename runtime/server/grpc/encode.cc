// Responses: types of service.h -> bytes.
#include <string.h>

#include "runtime/server/grpc/codec.h"
#include "runtime/server/grpc/contents.h"
#include "runtime/server/grpc/wire_message.h"

namespace aoti::server::grpc {
namespace {

constexpr char kRawOutputTag = 6 << 3 | 2;  // raw_output_contents, of a length that follows

void write_shape(const std::vector<int64_t> &shape, Writer *tensor) {
  if (shape.empty()) return;
  memcpy(tensor->resize<int64_t>(3, shape.size()), shape.data(), shape.size() * sizeof(int64_t));
}

void write_metadata(const std::vector<TensorMetadata> &tensors, uint32_t field, Writer *model) {
  for (const TensorMetadata &tensor : tensors) {
    Writer item = model->add_message(field);
    item.set(1, tensor.name);
    item.set(2, datatype_name(tensor.datatype));
    write_shape(tensor.shape, &item);
  }
}

std::string raw_prefix(size_t size) {
  std::string prefix(1, kRawOutputTag);
  for (; size >= 0x80; size >>= 7) prefix += static_cast<char>(size | 0x80);
  return prefix + static_cast<char>(size);
}

bool all_have_typed_form(const std::vector<Tensor> &tensors) {
  for (const Tensor &tensor : tensors) {
    if (!has_typed_form(tensor.datatype)) return false;
  }
  return true;
}

}  // namespace

std::string encode_flag(bool flag) {
  Arena arena(SIZE_MAX);
  Writer writer(&arena, Wire::kFlag);
  writer.set_flag(1, flag);
  return writer.encode();
}

std::string encode_health(bool is_serving) {
  constexpr int32_t kServing = 1, kNotServing = 2;
  Arena arena(SIZE_MAX);
  Writer writer(&arena, Wire::kHealth);
  writer.set_int32(1, is_serving ? kServing : kNotServing);
  return writer.encode();
}

std::string encode_server_metadata(const ServerMetadata &metadata) {
  Arena arena(SIZE_MAX);
  Writer writer(&arena, Wire::kServerMetadata);
  writer.set(1, metadata.name);
  writer.set(2, metadata.version);
  for (const std::string &extension : metadata.extensions) writer.add(3, extension);
  return writer.encode();
}

std::string encode_model_metadata(const ModelMetadata &metadata) {
  Arena arena(SIZE_MAX);
  Writer writer(&arena, Wire::kModelMetadata);
  writer.set(1, metadata.name);
  for (const std::string &version : metadata.versions) writer.add(2, version);
  writer.set(3, metadata.platform);
  write_metadata(metadata.inputs, 4, &writer);
  write_metadata(metadata.outputs, 5, &writer);
  return writer.encode();
}

std::string encode_index(const std::vector<ModelIndexEntry> &models) {
  Arena arena(SIZE_MAX);
  Writer writer(&arena, Wire::kIndex);
  for (const ModelIndexEntry &model : models) {
    Writer item = writer.add_message(1);
    item.set(1, model.name);
    item.set(2, model.version);
    item.set(3, model.state);
  }
  return writer.encode();
}

std::vector<Buffer> encode_infer(const InferResponse &response, bool is_raw) {
  is_raw |= !all_have_typed_form(response.outputs);
  Arena arena(SIZE_MAX);
  Writer writer(&arena, Wire::kInferResponse);
  writer.set(1, response.model);
  writer.set(2, response.version);
  writer.set(3, response.id);
  for (const Tensor &output : response.outputs) {
    Writer tensor = writer.add_message(5);
    tensor.set(1, output.name);
    tensor.set(2, datatype_name(output.datatype));
    write_shape(output.shape, &tensor);
    if (is_raw) continue;
    Writer contents = tensor.set_message(5);
    write_contents(output.bytes, output.datatype, &contents);
  }
  std::vector<Buffer> pieces = {Buffer::of(writer.encode())};
  if (!is_raw) return pieces;
  // A message is its fields one after the other, so that these need not pass through upb.
  for (const Tensor &output : response.outputs) {
    pieces.push_back(Buffer::of(raw_prefix(output.bytes.size)));
    if (output.bytes.size > 0) pieces.push_back(output.bytes);
  }
  return pieces;
}

}  // namespace aoti::server::grpc
