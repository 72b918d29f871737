#include "runtime/package/shared_object.h"

#include <dlfcn.h>

#include <utility>

namespace aoti {

SharedObject::SharedObject(SharedObject &&other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), file_(std::move(other.file_)) {}

SharedObject &SharedObject::operator=(SharedObject &&other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(file_, other.file_);
  return *this;
}

SharedObject::~SharedObject() {
  if (handle_ == nullptr) return;
  dlclose(handle_);
  if (file_.descriptor() < 0) return;
  // While the library stays (something still uses it), so must its number.
  void *still = dlopen(file_.path().c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (still == nullptr) return;
  dlclose(still);
  file_.leak();
}

bool SharedObject::open(const std::string &path, MemoryFile file, std::string *error) {
  file_ = std::move(file);
  // A name without a slash would be searched for in system folders.
  const std::string file_path = path.find('/') == std::string::npos ? "./" + path : path;
  handle_ = dlopen(file_path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ != nullptr) return true;
  const char *message = dlerror();
  *error = message != nullptr ? message : "no reason given";
  return false;
}

bool SharedObject::open_checked(const std::string &path, const FileCheck *check, std::string *error) {
  if (check == nullptr) return open(path, MemoryFile(), error);
  CheckedFile checked;
  if (!checked.open(path, "a shared library", *check, Bytes(), error)) return false;
  const std::string sealed = checked.file.path();
  return open(sealed, std::move(checked.file), error);
}

void SharedObject::leak() {
  handle_ = nullptr;
  file_.leak();
}

}  // namespace aoti
