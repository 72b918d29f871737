#include "runtime/bindings/package_module.h"

#include <pybind11/stl.h>

#include "runtime/bindings/model.h"
#include "runtime/package/safetensors.h"
#include "runtime/signature/signature.h"

namespace py = pybind11;

namespace aoti {
namespace {

std::shared_ptr<Package> open_package(const std::string &path, bool verify_weights, const std::string &compat,
                                      const std::vector<std::string> &op_libraries,
                                      const std::vector<std::string> &public_keys) {
  std::string error;
  PackageOptions options;
  options.verify_weights = verify_weights;
  options.library.compat_directory = compat;
  options.library.op_libraries = op_libraries;
  options.library.check = check_by(public_keys);
  std::shared_ptr<Package> package = Package::open(path, options, &error);
  if (package == nullptr) throw Error(error);
  return package;
}

std::vector<std::string> method_names(const Package &package) {
  std::vector<std::string> names;
  for (const PackageMethod &method : package.index().methods) names.push_back(method.name);
  return names;
}

py::dict make_session(const py::dict &models, const std::vector<std::string> &shared_state) {
  auto made = std::make_shared<SessionOfModels>();
  std::vector<SessionMethod> methods;
  std::vector<std::string> names;
  for (const auto &item : models) {
    names.push_back(py::cast<std::string>(item.first));
    made->models.push_back(py::cast<std::shared_ptr<Model>>(item.second));
    methods.push_back({names.back(), &made->models.back()->api(), made->models.back()->container()});
  }
  std::string error;
  made->session = Session::create(methods, shared_state, &error);
  if (made->session == nullptr) throw Error(error);
  py::dict result;
  for (size_t i = 0; i < names.size(); ++i) result[py::str(names[i])] = std::make_shared<Model>(made, i);
  return result;
}

void update_constants_from_file(const Model &model, const std::string &path, bool inactive, bool full,
                                const std::string &prefix) {
  Safetensors file;
  std::string error;
  UpdateFromFile options;
  options.inactive = inactive;
  options.full = full;
  options.prefix = prefix;
  if (!file.open(path, &error) || !update_constants(model.api(), model.container(), file, options, &error)) {
    throw Error(error);
  }
}

}  // namespace

std::shared_ptr<const FileCheck> check_by(const std::vector<std::string> &public_keys) {
  if (public_keys.empty()) return nullptr;
  std::string error;
  std::shared_ptr<const FileCheck> check = SignatureCheck::open(public_keys, &error);
  if (check == nullptr) throw Error(error);
  return check;
}

void define_package(py::module_ *module) {
  py::class_<Package, std::shared_ptr<Package>>(
      *module, "Package", "Several methods in one file, which is used in place. Thread-safe.")
      .def(py::init(&open_package), py::arg("path"), py::arg("verify_weights") = false,
           py::arg("torch_compat") = "", py::arg("op_libraries") = std::vector<std::string>(),
           py::arg("public_keys") = std::vector<std::string>(), py::call_guard<py::gil_scoped_release>())
      .def_property_readonly("methods", method_names)
      .def_property_readonly("shared_state", [](const Package &p) { return p.index().shared_state; })
      .def(
          "load",
          [](std::shared_ptr<Package> package, const std::string &method, size_t num_models, int num_threads,
             const std::string &device) {
            return std::make_shared<Model>(std::move(package), method, num_models, num_threads, device);
          },
          py::arg("method"), py::arg("num_models") = 1, py::arg("num_threads") = 0, py::arg("device") = "",
          py::call_guard<py::gil_scoped_release>(),
          "A method as a Model; arguments as of aoti_runtime.load.");
  module->def(
      "session", make_session, py::arg("models"), py::arg("shared_state") = std::vector<std::string>(),
      "The state of one sequence over {name: Model}: gives the same models, whose runs read and change that "
      "state. shared_state: what the models have in common (Package.shared_state).");
  module->def("update_constants_from_file", update_constants_from_file, py::arg("model"), py::arg("path"),
              py::arg("inactive") = false, py::arg("full") = true, py::arg("prefix") = "",
              py::call_guard<py::gil_scoped_release>(),
              "Replaces constants by copies of a safetensors file's tensors. prefix: taken off the names in "
              "the file.");
}

}  // namespace aoti
