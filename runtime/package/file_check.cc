#include "runtime/package/file_check.h"

namespace aoti {
namespace {

constexpr char kSealed[] = "sealed memory";

bool check_sealed(const std::string &name, const FileCheck &check, const Bytes &signature,
                  CheckedFile *checked, std::string *error) {
  return checked->map.open(checked->file.descriptor(), name, kSealed, error) &&
         check.check(checked->map.bytes(), name, signature, error);
}

}  // namespace

bool CheckedFile::copy(const Bytes &bytes, const std::string &name, const FileCheck &check,
                       const Bytes &signature, std::string *error) {
  return file.create(bytes, name, error) && check_sealed(name, check, signature, this, error);
}

bool CheckedFile::open(int descriptor, const std::string &name, const char *what, const FileCheck &check,
                       const Bytes &signature, std::string *error) {
  if (MemoryFile::is_sealed(descriptor)) {
    return file.duplicate(descriptor, name, error) && check_sealed(name, check, signature, this, error);
  }
  FileMap source;
  return source.open(descriptor, name, what, error) && copy(source.bytes(), name, check, signature, error);
}

bool CheckedFile::open(const std::string &path, const char *what, const FileCheck &check,
                       const Bytes &signature, std::string *error) {
  FileMap source;
  return source.open(path, what, error) && copy(source.bytes(), path, check, signature, error);
}

}  // namespace aoti
