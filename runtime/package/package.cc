#include "runtime/package/package.h"

#include <utility>

#include "runtime/package/zip_file.h"

namespace aoti {
namespace {

constexpr char kWhat[] = "a package";

// "'decode', 'prefill'"
std::string names_of(const std::vector<PackageMethod> &methods) {
  std::string names;
  for (const PackageMethod &method : methods) names += (names.empty() ? "'" : ", '") + method.name + "'";
  return names;
}

std::string directory_of(const std::string &path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

AOTInductorModelContainerHandle PackagedMethod::create(size_t num_models, const std::string &device,
                                                       std::string *error) const {
  AOTInductorModelContainerHandle container = nullptr;
  const bool is_placed = !constants_.empty();
  if (is_placed && api().create_with_options == nullptr) {
    *error = library_->path() +
             ": was compiled by a release whose libraries take no weights of a package; compile it again";
    return nullptr;
  }
  const AotiContainerOptions options = {
      sizeof(options), 0, num_models, device.c_str(), nullptr, constants_.data(), constants_.size()};
  const AOTIRuntimeError status =
      is_placed ? api().create_with_options(&container, &options)
                : api().create_with_device(&container, num_models, device.c_str(), nullptr);
  if (status == AOTI_RUNTIME_SUCCESS) {
    if (weights_.data == nullptr || library_->give_weights(container, weights_, error)) return container;
    api().delete_container(container);
    return nullptr;
  }
  *error = library_->path() + ": " + api().last_error();
  return nullptr;
}

std::unique_ptr<Package> Package::open(const std::string &path, const PackageOptions &options,
                                       std::string *error) {
  std::unique_ptr<Package> package(new Package(path, options));
  if (options.library.directory.empty()) package->options_.library.directory = directory_of(path);
  CheckedFile &file = package->file_;
  const bool is_open = package->check() != nullptr
                           ? file.open(path, kWhat, *package->check(), options.library.signature, error)
                           : file.map.open(path, kWhat, error);
  return is_open && package->read(file.map.bytes(), error) ? std::move(package) : nullptr;
}

std::unique_ptr<Package> Package::open_descriptor(int descriptor, const std::string &name,
                                                  const PackageOptions &options, std::string *error) {
  std::unique_ptr<Package> package(new Package(name, options));
  CheckedFile &file = package->file_;
  const bool is_open = package->check() != nullptr ? file.open(descriptor, name, kWhat, *package->check(),
                                                               options.library.signature, error)
                                                   : file.map.open(descriptor, name, kWhat, error);
  return is_open && package->read(file.map.bytes(), error) ? std::move(package) : nullptr;
}

std::unique_ptr<Package> Package::open_memory(const Bytes &bytes, const std::string &name,
                                              const PackageOptions &options, std::string *error) {
  std::unique_ptr<Package> package(new Package(name, options));
  if (package->check() != nullptr) {
    CheckedFile &file = package->file_;
    return file.copy(bytes, name, *package->check(), options.library.signature, error) &&
                   package->read(file.map.bytes(), error)
               ? std::move(package)
               : nullptr;
  }
  if (reinterpret_cast<uintptr_t>(bytes.data) % kWeightsAlignment != 0) {
    *error = name + ": the bytes of a package must begin at a multiple of " +
             std::to_string(kWeightsAlignment) +
             ", where their weights can be used; allocate them with aligned_alloc or mmap";
    return nullptr;
  }
  return package->read(bytes, error) ? std::move(package) : nullptr;
}

bool Package::read(const Bytes &bytes, std::string *error) {
  if (!read_package_index(bytes, &index_, error)) {
    *error = name_ + ": " + *error;
    return false;
  }
  if (options_.verify_weights && zip_crc(index_.weights) != index_.weights_crc) {
    *error = name_ + ": the weights are damaged: their checksum is not the package's; copy it again";
    return false;
  }
  return true;
}

PackagedMethod *Package::method(const std::string &name, std::string *error) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto &loaded : loaded_) {
    if (loaded->name() == name) return loaded.get();
  }
  for (const PackageMethod &method : index_.methods) {
    if (method.name != name) continue;
    const std::string label = name_ + "/" + method.library_name;
    if (zip_crc(method.library) != method.library_crc) {
      *error = label + ": is damaged: its checksum is not the package's; copy the package again";
      return nullptr;
    }
    LoadOptions options = options_.library;
    options.op_calls = method.op_calls;
    options.library_is_checked = options.check != nullptr;
    auto library = load_library_from_memory(method.library, label, options, error);
    if (library == nullptr) return nullptr;
    loaded_.push_back(std::make_unique<PackagedMethod>(method, std::move(library)));
    return loaded_.back().get();
  }
  *error = name_ + ": has no method '" + name + "'; it has " + names_of(index_.methods);
  return nullptr;
}

}  // namespace aoti
