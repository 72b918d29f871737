// A package of one or more methods (prefill and decode, encoder and decoder) that share weights and state.
//
//   std::string error;
//   std::unique_ptr<aoti::Package> package = aoti::Package::open("decoder.pt2", {}, &error);
//   aoti::PackagedMethod *decode = package->method("decode", &error);   // loads its library the first time
//   AOTInductorModelContainerHandle model = decode->create(1, "cpu", &error);
//   ... decode->api().run(model, ...); decode->api().delete_container(model);
//
// Nothing is unpacked and nothing is written to a disk: weights are used where they lie in the mapped file,
// so that methods, containers and processes share one copy; a library's code is copied to memory
// (memory_file.h). Packages that stock AOTInductor wrote are read too, a library without libtorch as in
// loader.h; their weights are inside the library.
//
// With LoadOptions::check the whole package is checked before anything of it is read; then it is copied to
// memory first, weights included.
//
// A package outlives its containers. Everything here is thread-safe.
#ifndef RUNTIME_PACKAGE_PACKAGE_H_
#define RUNTIME_PACKAGE_PACKAGE_H_

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/package/loader.h"
#include "runtime/package/package_index.h"

namespace aoti {

struct PackageOptions {
  LoadOptions library;
  // Compare the weights with their checksum: reads all of them. (A library's is always compared: damaged code
  // would crash the program.)
  bool verify_weights = false;
};

// A method whose library is loaded.
class PackagedMethod {
 public:
  PackagedMethod(const PackageMethod &method, std::unique_ptr<LoadedLibrary> library)
      : name_(method.name),
        constants_(method.constants),
        weights_(method.weights),
        library_(std::move(library)) {}

  const std::string &name() const { return name_; }
  const AotiModelApi &api() const { return library_->api(); }
  const LoadedLibrary &library() const { return *library_; }

  // A container on the package's weights, the caller's; null with a message on failure.
  AOTInductorModelContainerHandle create(size_t num_models, const std::string &device,
                                         std::string *error) const;

 private:
  const std::string name_;
  const std::vector<AotiConstantPlace> constants_;
  const Bytes weights_;  // of a stock library; copied into each container
  const std::unique_ptr<LoadedLibrary> library_;
};

class Package {
 public:
  // Null with a message, which begins with the path or `name`, on failure.
  static std::unique_ptr<Package> open(const std::string &path, const PackageOptions &options,
                                       std::string *error);
  // The descriptor stays the caller's and may be closed afterwards.
  static std::unique_ptr<Package> open_descriptor(int descriptor, const std::string &name,
                                                  const PackageOptions &options, std::string *error);
  // The bytes are borrowed: they outlive the package, and begin at a multiple of kWeightsAlignment.
  static std::unique_ptr<Package> open_memory(const Bytes &bytes, const std::string &name,
                                              const PackageOptions &options, std::string *error);

  const PackageIndex &index() const { return index_; }

  // Of a package that was checked (LoadOptions::check): the sealed memory with its bytes, which
  // open_descriptor of another process takes without a copy. -1 for others. Lives as long as the package.
  int descriptor() const { return file_.file.descriptor(); }

  // Loads the method's library unless it is loaded; lives as long as the package. Null with a message that
  // lists the methods when there is none of that name.
  PackagedMethod *method(const std::string &name, std::string *error);

 private:
  Package(const std::string &name, const PackageOptions &options) : name_(name), options_(options) {}
  bool read(const Bytes &bytes, std::string *error);
  const FileCheck *check() const { return options_.library.check.get(); }

  const std::string name_;
  PackageOptions options_;
  CheckedFile file_;  // of a package that is not checked: only the map
  PackageIndex index_;
  std::mutex mutex_;  // held while a library is loaded
  std::vector<std::unique_ptr<PackagedMethod>> loaded_;
};

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_PACKAGE_H_
