// Reads a safetensors file in place: names, dtypes, shapes, and where each tensor's bytes lie.
//
// What enters: the bytes of a file (safetensors format, version 0.x: 8 bytes length of the header, header in
// JSON, data). What leaves: its tensors, each row-major and inside the file, in the order of the header; or
// false with what is wrong. Nothing is copied, and what nobody asks for is not read. As the format demands,
// tensors neither overlap nor leave gaps.
//
//   aoti::Safetensors file;
//   if (!file.open("model.safetensors", &error)) ...
//   for (const aoti::StoredTensor &t : file.tensors()) printf("%s\n", t.name.c_str());
//   if (!update_constants(api, container, file, {}, &error)) ...
#ifndef RUNTIME_PACKAGE_SAFETENSORS_H_
#define RUNTIME_PACKAGE_SAFETENSORS_H_

#include <string>
#include <vector>

#include "aoti/model_api.h"
#include "runtime/package/bytes.h"

namespace aoti {

struct StoredTensor {
  std::string name;
  int32_t dtype = 0;  // AOTI_DTYPE_*
  std::vector<int64_t> shape;
  Bytes bytes;
};

// False with a message in *error.
bool read_safetensors(const Bytes &file, std::vector<StoredTensor> *tensors, std::string *error);

// A mapped file.
class Safetensors {
 public:
  // False with a message that begins with the path.
  bool open(const std::string &path, std::string *error);
  const std::vector<StoredTensor> &tensors() const { return tensors_; }

 private:
  FileMap map_;
  std::vector<StoredTensor> tensors_;
};

struct UpdateFromFile {
  bool inactive = false;  // the inactive set in place of the active one
  bool full = true;       // refuse a file that lacks a parameter or buffer of the model
  // Use the file's memory in place of a copy: for constants that the library keeps as the file does. The file
  // must stay open as long as the set is used.
  bool in_place = false;
  std::string prefix;  // taken off the names in the file; those without it are left out
};

// Replaces constants by the file's tensors of the same names. All or none; false with a message.
bool update_constants(const AotiModelApi &api, AOTInductorModelContainerHandle container,
                      const Safetensors &file, const UpdateFromFile &options, std::string *error);

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_SAFETENSORS_H_
