#include "runtime/package/constant_names.h"

#include <string.h>

#include <utility>

namespace aoti {
namespace {

struct Name {
  const char *own, *fqn;
};

bool read_names(const AotiModelApi &api, AOTInductorModelContainerHandle container, std::vector<Name> *names,
                std::string *error) {
  size_t count = 0;
  bool is_read = api.get_num_constants(container, &count) == AOTI_RUNTIME_SUCCESS;
  for (size_t i = 0; i < count && is_read; ++i) {
    Name name = {};
    is_read = api.get_constant_name(container, i, &name.own) == AOTI_RUNTIME_SUCCESS &&
              api.get_constant_original_fqn(container, i, &name.fqn) == AOTI_RUNTIME_SUCCESS;
    names->push_back(name);
  }
  if (!is_read) *error = std::string("the names of its constants cannot be read: ") + api.last_error();
  return is_read;
}

}  // namespace

bool own_constant_names(const AotiModelApi &api, AOTInductorModelContainerHandle container,
                        std::vector<AOTInductorConstantMapEntry> *pairs, std::string *error) {
  if (api.desc != nullptr) return true;
  std::vector<Name> names;
  if (!read_names(api, container, &names, error)) return false;
  std::vector<AOTInductorConstantMapEntry> found;
  for (const AOTInductorConstantMapEntry &pair : *pairs) {
    const size_t before = found.size();
    for (const Name &name : names) {
      if (strcmp(pair.name, name.fqn) == 0 || strcmp(pair.name, name.own) == 0)
        found.push_back({name.own, pair.handle});
    }
    if (found.size() != before) continue;
    *error = std::string("the library has no constant '") + pair.name +
             "' (AOTInductor writes small ones into the code); it has";
    for (const Name &name : names) *error += std::string(&name == &names[0] ? " '" : ", '") + name.fqn + "'";
    return false;
  }
  *pairs = std::move(found);
  return true;
}

std::string missing_weights(const AotiModelApi &api, AOTInductorModelContainerHandle container) {
  const AOTInductorConstantMapEntry *entries = nullptr;
  size_t count = 0, num_constants = 0;
  if (api.desc != nullptr || api.extract_constants == nullptr ||
      api.get_num_constants(container, &num_constants) != AOTI_RUNTIME_SUCCESS || num_constants == 0 ||
      api.extract_constants(container, &entries, &count, false) != AOTI_RUNTIME_SUCCESS || count != 0) {
    return "";
  }
  return "; its " + std::to_string(num_constants) +
         " constants have no values, because AOTInductor put them into another file: open the package (.pt2) "
         "that it wrote, or give all of them by update_constants before the first run";
}

}  // namespace aoti
