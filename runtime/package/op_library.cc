#include "runtime/package/op_library.h"

#include <dlfcn.h>
#include <string.h>

namespace aoti {

bool OpLibraries::open(const std::vector<std::string> &paths, const FileCheck *check, std::string *error) {
  handles_.reserve(paths.size());  // once a library is loaded, nothing may fail before it has an owner
  lists_.reserve(paths.size());
  for (const std::string &path : paths) {
    handles_.emplace_back();
    if (!handles_.back().open_checked(path, check, error)) {
      *error = "cannot load the library of operators " + path + ": " + *error;
      return false;
    }
    const auto registered = reinterpret_cast<const AotiOpRegistration *(*)()>(
        dlsym(handles_.back().handle(), "aoti_registered_ops"));
    if (registered == nullptr) {
      *error =
          path +
          ": no library of operators: it does not export aoti_registered_ops; link it with //shim:op_library";
      return false;
    }
    lists_.push_back(registered());
  }
  return true;
}

const AotiOpRegistration *OpLibraries::find(const std::string &name) const {
  for (const AotiOpRegistration *list : lists_) {
    for (const AotiOpRegistration *r = list; r != nullptr; r = r->next) {
      if (strcspn(r->schema, "(") == name.size() && name.compare(0, name.size(), r->schema, name.size()) == 0)
        return r;
    }
  }
  return nullptr;
}

}  // namespace aoti
