// The Python module aoti_runtime: load a model library and run it on anything that speaks DLPack, with no
// copy and without holding Python's lock while the model runs. Neither torch nor numpy is imported.
//
//   import aoti_runtime, numpy as np
//   model = aoti_runtime.load("libmy_model_aoti.so", num_threads=2)
//   out, = model.run(np.ones((64, 64), np.float32), np.ones((64, 64), np.float32))
//   print(np.from_dlpack(out))                     # or torch.from_dlpack(out)
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <fstream>
#include <sstream>

#include "runtime/bindings/call_spec.h"
#include "runtime/bindings/dlpack_exchange.h"
#include "runtime/bindings/dtype.h"
#include "runtime/bindings/model.h"
#include "runtime/bindings/package_module.h"
#include "runtime/package/constant_names.h"

namespace py = pybind11;

namespace aoti {
namespace {

// An input or output as the model's table describes it.
struct TensorInfo {
  std::string name;
  std::string dtype;
  py::tuple shape;
};

py::object dim_object(const AotiDimDesc &dim) {
  if (dim.lo == dim.hi) return py::int_(dim.lo);
  return py::make_tuple(dim.lo, dim.hi == INT64_MAX ? py::object(py::none()) : py::object(py::int_(dim.hi)));
}

TensorInfo info_of(const AotiTensorDesc &tensor) {
  const char *dtype = aoti_dtype_name(tensor.dtype);
  if (tensor.dtype == AOTI_OUTPUT_NONE) return TensorInfo{tensor.name, "none", py::tuple()};
  py::list shape;
  for (int32_t i = 0; i < tensor.ndim; ++i) shape.append(dim_object(tensor.dims[i]));
  return TensorInfo{tensor.name, dtype != nullptr ? dtype : "unknown", py::tuple(shape)};
}

// A stock library knows only the names.
std::vector<TensorInfo> infos(const Model &model, bool inputs) {
  std::vector<TensorInfo> result;
  size_t count = 0;
  const AotiModelApi &api = model.api();
  model.check(inputs ? api.get_num_inputs(model.container(), &count)
                     : api.get_num_outputs(model.container(), &count));
  for (size_t i = 0; i < count; ++i) {
    if (api.desc != nullptr) {
      result.push_back(info_of(inputs ? api.desc->inputs[i] : api.desc->outputs[i]));
      continue;
    }
    const char *name = nullptr;
    model.check(inputs ? api.get_input_name(model.container(), i, &name)
                       : api.get_output_name(model.container(), i, &name));
    result.push_back(TensorInfo{name, "unknown", py::tuple()});
  }
  return result;
}

// "input 0 'x'"
class InputName : public TensorName {
 public:
  InputName(const Model &model, size_t index) : model_(model), index_(index) {}
  std::string text() const override {
    const char *name = nullptr;
    std::string text = "input " + std::to_string(index_);
    if (model_.api().get_input_name(model_.container(), index_, &name) == AOTI_RUNTIME_SUCCESS) {
      text += " '" + std::string(name) + "'";
    }
    return text;
  }

 private:
  const Model &model_;
  size_t index_;
};

class ConstantName : public TensorName {
 public:
  explicit ConstantName(const std::string &name) : name_(name) {}
  std::string text() const override { return "constant '" + name_ + "'"; }

 private:
  const std::string &name_;
};

// Handles of a run's inputs; deleted here unless the run took them.
class InputHandles {
 public:
  explicit InputHandles(const Model &model) : model_(model) {}
  ~InputHandles() {
    for (AtenTensorHandle handle : handles) model_.api().delete_tensor_object(handle);
  }
  InputHandles(const InputHandles &) = delete;
  InputHandles &operator=(const InputHandles &) = delete;

  std::vector<AtenTensorHandle> handles;

 private:
  const Model &model_;
};

// A CUstream as Python libraries give it: an address, 0 or 1 for the default stream, None for that, too.
void *stream_of(const py::object &stream) {
  const int64_t number = stream.is_none() ? 0 : py::cast<int64_t>(stream);
  return number == kDlLegacyStream ? nullptr : reinterpret_cast<void *>(static_cast<intptr_t>(number));
}

py::list run(const std::shared_ptr<Model> &model, const py::args &arguments, const py::object &given_stream) {
  void *const stream = stream_of(given_stream);
  const AotiModelApi &api = model->api();
  InputHandles inputs(*model);
  std::shared_ptr<std::vector<std::shared_ptr<void>>> all_kept;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::shared_ptr<void> kept;
    inputs.handles.push_back(import_tensor(*model, arguments[i], InputName(*model, i), stream, &kept));
    if (kept == nullptr) continue;
    if (all_kept == nullptr) all_kept = std::make_shared<std::vector<std::shared_ptr<void>>>();
    all_kept->push_back(std::move(kept));
  }
  size_t num_outputs = 0;
  model->check(api.get_num_outputs(model->container(), &num_outputs));
  std::vector<AtenTensorHandle> outputs(num_outputs, nullptr), stolen;
  stolen.swap(inputs.handles);
  AOTIRuntimeError status = AOTI_RUNTIME_FAILURE;
  std::string message;
  {
    const ReturnLater inputs_are_returned;
    py::gil_scoped_release no_gil;
    status = model->run(&stolen, &outputs, stream);
    if (status != AOTI_RUNTIME_SUCCESS) message = api.last_error();
  }
  if (status != AOTI_RUNTIME_SUCCESS) throw Error(message + missing_weights(api, model->container()));
  py::list results;
  for (size_t i = 0; i < num_outputs; ++i) {
    auto result = std::make_shared<Tensor>(model, outputs[i], all_kept, stream);
    const bool is_none = api.desc != nullptr && api.desc->outputs[i].dtype == AOTI_OUTPUT_NONE;
    results.append(is_none ? py::object(py::none()) : py::cast(result));
  }
  return results;
}

void update_constants(const Model &model, const py::dict &values, bool inactive, bool full) {
  if (model.api().update_constants == nullptr)
    throw Error("this stock library cannot update constants by name");
  InputHandles handles(model);
  std::vector<std::string> names;
  std::vector<std::shared_ptr<void>> kept(values.size());
  for (const auto &item : values) {
    names.push_back(py::cast<std::string>(item.first));
    handles.handles.push_back(
        import_tensor(model, item.second, ConstantName(names.back()), nullptr, &kept[names.size() - 1]));
  }
  std::vector<AOTInductorConstantMapEntry> pairs;
  for (size_t i = 0; i < names.size(); ++i) pairs.push_back({names[i].c_str(), handles.handles[i]});
  std::string error;
  if (!own_constant_names(model.api(), model.container(), &pairs, &error)) throw Error(error);
  model.check(model.api().update_constants(model.container(), pairs.data(), pairs.size(), inactive, full));
}

std::vector<std::string> constant_names(const Model &model) {
  size_t count = 0;
  std::vector<std::string> names;
  model.check(model.api().get_num_constants(model.container(), &count));
  for (size_t i = 0; i < count; ++i) {
    const char *name = nullptr;
    model.check(model.api().get_constant_original_fqn(model.container(), i, &name));
    names.push_back(name);
  }
  return names;
}

// The manifest that the compiler wrote beside the library; None when it is not there.
py::object manifest(const Model &model) {
  if (model.api().desc == nullptr) return py::none();
  const std::string &path = model.library().path();
  const std::string folder = path.substr(0, path.find_last_of('/') + 1);
  std::ifstream file(folder + model.api().desc->name + ".manifest.json");
  if (!file) return py::none();
  std::stringstream text;
  text << file.rdbuf();
  return py::module_::import("json").attr("loads")(text.str());
}

int get_num_threads(const Model &model) {
  int32_t threads = 0;
  if (model.api().get_num_threads == nullptr)
    throw Error("a stock library does not tell its number of threads");
  model.check(model.api().get_num_threads(model.container(), &threads));
  return threads;
}

void set_num_threads(const Model &model, int threads) {
  if (model.api().set_num_threads == nullptr)
    throw Error("a stock library does not take a number of threads");
  py::gil_scoped_release no_gil;  // waits for runs in other threads
  model.check(model.api().set_num_threads(model.container(), threads));
}

py::object call(const std::shared_ptr<Model> &model, const py::args &args, const py::kwargs &kwargs) {
  const CallSpec &spec = CallSpec::of(*model);
  const py::args tensors = spec.flatten(args, kwargs);
  return spec.unflatten(run(model, tensors, py::none()));
}

void set_seed(const Model &model, uint64_t seed) {
  if (model.api().set_seed == nullptr)
    throw Error("this library was made before models had random numbers, or by stock AOTInductor");
  model.check(model.api().set_seed(model.container(), seed));
}

std::string dtype_name(const Tensor &tensor) {
  const char *name = aoti_dtype_name(tensor.dtype());
  return name != nullptr ? name : "unknown";
}

py::buffer_info buffer_of(const Tensor &tensor) {
  if (tensor.device().type != kDlCpu) {
    throw py::buffer_error("the tensor is on a GPU, which Python's buffers cannot reach; use from_dlpack");
  }
  const Dtype *dtype = dtype_of_number(tensor.dtype());
  if (dtype == nullptr || dtype->format == nullptr) {
    throw py::buffer_error(std::string("Python's buffers have no format for ") + dtype_name(tensor) +
                           "; use from_dlpack");
  }
  const py::ssize_t bytes = dtype->dlpack.bits / 8;
  std::vector<py::ssize_t> shape, strides;
  for (int64_t size : tensor.shape()) shape.push_back(static_cast<py::ssize_t>(size));
  for (int64_t stride : tensor.strides()) strides.push_back(static_cast<py::ssize_t>(stride) * bytes);
  const py::ssize_t ndim = static_cast<py::ssize_t>(shape.size());
  return py::buffer_info(tensor.data(), bytes, dtype->format, ndim, std::move(shape), std::move(strides));
}

std::string tensor_text(const Tensor &tensor) {
  return "<aoti_runtime.Tensor " + dtype_name(tensor) + " " +
         std::string(py::str(py::tuple(py::cast(tensor.shape())))) + ">";
}

void define_tensor(py::module_ *module) {
  py::class_<Tensor, std::shared_ptr<Tensor>>(
      *module, "Tensor", py::buffer_protocol(),
      "A result: hand it to np.from_dlpack, np.asarray or torch.from_dlpack.")
      .def_property_readonly("shape", [](const Tensor &t) { return py::tuple(py::cast(t.shape())); })
      .def_property_readonly(
          "strides", [](const Tensor &t) { return py::tuple(py::cast(t.strides())); }, "In elements.")
      .def_property_readonly("dtype", dtype_name, "E.g. 'float32'.")
      .def(
          "__dlpack__",
          [](const std::shared_ptr<Tensor> &self, const py::object &stream, const py::object &max_version,
             const py::object &dl_device,
             const py::object &copy) { return export_tensor(self, stream, max_version, dl_device, copy); },
          py::kw_only(), py::arg("stream") = py::none(), py::arg("max_version") = py::none(),
          py::arg("dl_device") = py::none(), py::arg("copy") = py::none())
      .def("__dlpack_device__",
           [](const Tensor &t) {
             const DlDevice device = t.device();
             return py::make_tuple(device.type, device.id);
           })
      .def_buffer(buffer_of)
      .def("__repr__", tensor_text);
}

void define_model(py::module_ *module) {
  py::class_<TensorInfo>(*module, "TensorInfo", "An input or output: name, dtype, shape.")
      .def_readonly("name", &TensorInfo::name)
      .def_readonly("dtype", &TensorInfo::dtype)
      .def_readonly("shape", &TensorInfo::shape,
                    "Sizes; a dynamic one is a pair (lowest, highest), highest None when there is no bound.")
      .def("__repr__", [](const TensorInfo &i) {
        return "<TensorInfo " + i.name + ": " + i.dtype + " " + std::string(py::str(i.shape)) + ">";
      });
  py::class_<Model, std::shared_ptr<Model>>(*module, "Model", "A loaded model. Thread-safe.")
      .def("run", run, py::kw_only(), py::arg("stream") = py::none(),
           "Runs the model on objects that speak DLPack, in the order of `inputs`; gives a list of Tensor. "
           "Python's lock "
           "is released meanwhile. Up to num_models runs at once; others wait.")
      .def("__call__", call,
           "Runs the model as it was written: positional and keyword arguments, containers, fixed values; "
           "gives "
           "what the model returns, with Tensor for tensors.")
      .def_property_readonly("inputs", [](const Model &m) { return infos(m, true); })
      .def_property_readonly("outputs", [](const Model &m) { return infos(m, false); })
      .def_property_readonly("name",
                             [](const Model &m) {
                               return m.api().desc != nullptr ? std::string(m.api().desc->name)
                                                              : m.library().path();
                             })
      .def_property_readonly("path", [](const Model &m) { return m.library().path(); })
      .def_property_readonly(
          "isa",
          [](const Model &m) -> py::object {
            if (m.api().isa_name == nullptr) return py::none();
            return py::str(m.api().isa_name());
          },
          "The instruction set whose kernels run.")
      .def_property_readonly("manifest", manifest,
                             "The compiler's manifest, when it lies beside the library.")
      .def("seed", set_seed, py::arg("seed"),
           "Random numbers begin anew: the next run draws what the first run after any other call with this "
           "seed "
           "drew.")
      .def_property("num_threads", get_num_threads, set_num_threads,
                    "Threads that one run may use; 0 sets the default.")
      .def(
          "synchronize",
          [](const Model &m, const py::object &stream) {
            void *const handle = stream_of(stream);
            py::gil_scoped_release no_gil;
            m.check(m.api().synchronize_stream(m.container(), static_cast<AOTInductorStreamHandle>(handle)));
          },
          py::arg("stream") = py::none(), "Waits until the GPU has done what is queued on a stream.")
      .def_property_readonly(
          "cuda_graph_state",
          [](const Model &m) {
            const char *state = nullptr;
            m.check(m.api().get_cuda_graph_state(m.container(), &state));
            return std::string(state);
          },
          "What the last run did: 'graph', 'graph being recorded', or why there was no CUDA graph.")
      .def_property_readonly("constants", constant_names,
                             "Names of parameters and buffers, as in state_dict.")
      .def("update_constants", update_constants, py::arg("values"), py::arg("inactive") = false,
           py::arg("full") = false,
           "Replaces constants by copies of the values given. inactive: in the set that swap_constants makes "
           "active. full: "
           "fail unless all constants that can be replaced are given.")
      .def(
          "reset",
          [](const Model &m) {
            py::gil_scoped_release no_gil;
            m.reset();
          },
          "Puts the first values of a session's state back.")
      .def("swap_constants", [](const Model &m) {
        py::gil_scoped_release no_gil;
        m.check(m.api().swap_constants(m.container()));
      });
}

}  // namespace
}  // namespace aoti

PYBIND11_MODULE(aoti_runtime, module) {
  module.doc() = "Loads and runs compiled models; needs neither torch nor numpy.";
  py::register_exception<aoti::Error>(module, "Error", PyExc_RuntimeError);
  aoti::define_tensor(&module);
  aoti::define_model(&module);
  aoti::define_package(&module);
  module.def(
      "load",
      [](const std::string &path, size_t num_models, int num_threads, const std::string &compat,
         const std::string &device, const std::vector<std::string> &op_libraries,
         const std::vector<std::string> &public_keys) {
        py::gil_scoped_release no_gil;
        aoti::LoadOptions options;
        options.check = aoti::check_by(public_keys);
        options.compat_directory = compat;
        options.op_libraries = op_libraries;
        return std::make_shared<aoti::Model>(path, options, num_models, num_threads, device);
      },
      py::arg("path"), py::arg("num_models") = 1, py::arg("num_threads") = 0, py::arg("torch_compat") = "",
      py::arg("device") = "", py::arg("op_libraries") = std::vector<std::string>(),
      py::arg("public_keys") = std::vector<std::string>(),
      "Loads a model library. num_models: runs at a time. num_threads: threads of one run (0: "
      "AOTI_NUM_THREADS, else the "
      "processors available). torch_compat: folder of the stand-ins for libtorch, for libraries that stock "
      "AOTInductor "
      "made; op_libraries: kernels of operators that those call by name. device: 'cpu', 'cuda', 'cuda:1'; "
      "what the "
      "library was compiled for where it is not given. public_keys: files of keys (tools/sign); where there "
      "are any, only files signed by one of them are loaded.");
}
