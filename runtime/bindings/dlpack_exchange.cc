#include "runtime/bindings/dlpack_exchange.h"

#include <string.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "runtime/bindings/dtype.h"

namespace py = pybind11;

namespace aoti {
namespace {

constexpr char kName[] = "dltensor", kUsedName[] = "used_dltensor";
constexpr char kVersionedName[] = "dltensor_versioned", kUsedVersionedName[] = "used_dltensor_versioned";

// A tensor taken out of a capsule: its description, and how to give it back.
struct Imported {
  DlTensor tensor;
  void *managed;
  bool versioned;

  void give_back() const {
    // Producers may run Python code in their deleters.
    py::gil_scoped_acquire gil;
    if (versioned) {
      auto *self = static_cast<DlManagedTensorVersioned *>(managed);
      if (self->deleter != nullptr) self->deleter(self);
    } else {
      auto *self = static_cast<DlManagedTensor *>(managed);
      if (self->deleter != nullptr) self->deleter(self);
    }
  }
};

thread_local std::vector<void *> *returned = nullptr;  // of the ReturnLater of this thread

void delete_imported(void *, void *context) {
  Imported *imported = static_cast<Imported *>(context);
  if (returned != nullptr) {
    returned->push_back(imported);
    return;
  }
  imported->give_back();
  delete imported;
}

// Names and values of the protocol, made once: a call that finds them ready takes a tenth of the time.
struct Words {
  py::str device = intern("__dlpack_device__"), dlpack = intern("__dlpack__");
  py::tuple none, version = py::make_tuple(1, 0);
  py::tuple versioned = py::make_tuple(intern("max_version"));
  py::tuple streamed = py::make_tuple(intern("stream"));
  py::tuple both = py::make_tuple(intern("max_version"), intern("stream"));

  static py::str intern(const char *text) {
    return py::reinterpret_steal<py::str>(PyUnicode_InternFromString(text));
  }
};

const Words &words() {
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<Words> storage;
  return storage.call_once_and_store_result([] { return Words(); }).get_stored();
}

// object.name(**{names: values}); a null object where it raised.
template <size_t kValues>
py::object call(const py::handle &object, const py::str &name, const py::tuple &names,
                const std::array<PyObject *, kValues> &values) {
  std::array<PyObject *, kValues + 1> arguments{object.ptr()};
  std::copy(values.begin(), values.end(), arguments.begin() + 1);
  return py::reinterpret_steal<py::object>(
      PyObject_VectorcallMethod(name.ptr(), arguments.data(), 1, kValues == 0 ? nullptr : names.ptr()));
}

// The device of an object that speaks DLPack: the CPU (pinned memory too) or CUDA.
DlDevice device_of(const py::handle &object, const TensorName &what) {
  const py::object answer = call<0>(object, words().device, words().none, {});
  if (!answer) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) throw py::error_already_set();
    PyErr_Clear();
    throw py::type_error(
        what.text() + ": " + std::string(py::str(py::type::of(object))) +
        " does not speak DLPack; expected an array of NumPy, PyTorch or another library that has "
        "__dlpack__ (in NumPy: np.asarray)");
  }
  const py::tuple device = answer;
  const DlDevice given{py::cast<int32_t>(device[0]), py::cast<int32_t>(device[1])};
  if (given.type == kDlCudaHost) return DlDevice{kDlCpu, 0};
  if (given.type != kDlCpu && given.type != kDlCuda) {
    throw py::value_error(what.text() + ": on DLPack device " + std::string(py::str(device)) +
                          "; expected the CPU (1, 0) or CUDA (2, n): copy it there first");
  }
  return given;
}

// Newer producers can hand out read-only memory too, but only when asked for version 1.
py::capsule ask_for_capsule(const py::handle &object, const DlDevice &device, void *stream) {
  const Words &w = words();
  py::object number, capsule;
  if (device.type == kDlCuda) {
    number = py::int_(stream == nullptr ? kDlLegacyStream
                                        : static_cast<int64_t>(reinterpret_cast<intptr_t>(stream)));
    capsule = call<2>(object, w.dlpack, w.both, {w.version.ptr(), number.ptr()});
  } else {
    capsule = call<1>(object, w.dlpack, w.versioned, {w.version.ptr()});
  }
  if (!capsule && PyErr_ExceptionMatches(PyExc_TypeError)) {  // it does not know max_version
    PyErr_Clear();
    capsule = number ? call<1>(object, w.dlpack, w.streamed, {number.ptr()})
                     : call<0>(object, w.dlpack, w.none, {});
  }
  if (!capsule) throw py::error_already_set();
  return capsule;
}

Imported take(const py::handle &object, const DlDevice &device, void *stream, const TensorName &what) {
  const py::capsule capsule = ask_for_capsule(object, device, stream);
  const char *name = capsule.name();
  if (name != nullptr && strcmp(name, kVersionedName) == 0) {
    auto *managed = capsule.get_pointer<DlManagedTensorVersioned>();
    if (managed->version.major != 1) {
      throw py::value_error(what.text() + ": speaks DLPack " + std::to_string(managed->version.major) +
                            "; expected 1");
    }
    PyCapsule_SetName(capsule.ptr(), kUsedVersionedName);
    return Imported{managed->tensor, managed, true};
  }
  if (name == nullptr || strcmp(name, kName) != 0) {
    throw py::value_error(what.text() + ": its __dlpack__ gave a capsule that is no fresh DLPack tensor");
  }
  auto *managed = capsule.get_pointer<DlManagedTensor>();
  PyCapsule_SetName(capsule.ptr(), kUsedName);
  return Imported{managed->tensor, managed, false};
}

std::vector<int64_t> strides_of(const DlTensor &tensor) {
  std::vector<int64_t> strides(static_cast<size_t>(tensor.ndim), 1);
  if (tensor.strides != nullptr) {
    strides.assign(tensor.strides, tensor.strides + tensor.ndim);
    return strides;
  }
  for (int i = tensor.ndim - 2; i >= 0; --i) {
    const size_t at = static_cast<size_t>(i);
    strides[at] = strides[at + 1] * (tensor.shape[i + 1] > 0 ? tensor.shape[i + 1] : 1);
  }
  return strides;
}

AtenTensorHandle make_handle(const Model &model, Imported *imported, const DlDevice &device,
                             const Dtype &dtype, const TensorName &what, bool *owned) {
  const DlTensor &t = imported->tensor;
  const int32_t type = device.type == kDlCuda ? AOTI_DEVICE_CUDA : AOTI_DEVICE_CPU;
  const int32_t index = device.type == kDlCuda ? device.id : -1;
  const std::vector<int64_t> strides = strides_of(t);
  char *data = t.data == nullptr ? nullptr : static_cast<char *>(t.data) + t.byte_offset;
  AtenTensorHandle handle = nullptr;
  *owned = model.api().create_tensor_with_deleter != nullptr;
  const AOTITorchError status =
      *owned ? model.api().create_tensor_with_deleter(data, t.ndim, t.shape, strides.data(), 0, dtype.number,
                                                      type, index, &handle, 0, nullptr, 0, delete_imported,
                                                      imported)
             : model.api().create_tensor_from_blob_v2(data, t.ndim, t.shape, strides.data(), 0, dtype.number,
                                                      type, index, &handle, 0, nullptr, 0);
  if (status != AOTI_TORCH_SUCCESS) throw Error(what.text() + ": " + model.api().last_tensor_error());
  return handle;
}

// What an exported tensor keeps: the tensor, and the arrays that DLPack points to.
struct Exported {
  std::shared_ptr<Tensor> tensor;
  std::vector<int64_t> shape, strides;
  DlManagedTensor plain;
  DlManagedTensorVersioned versioned;
};

DlTensor describe(Exported *exported) {
  const Tensor &tensor = *exported->tensor;
  const Dtype *dtype = dtype_of_number(tensor.dtype());
  if (dtype == nullptr)
    throw py::buffer_error("DLPack has no dtype for number " + std::to_string(tensor.dtype()));
  exported->shape = tensor.shape();
  exported->strides = tensor.strides();
  return DlTensor{tensor.data(),
                  tensor.device(),
                  static_cast<int32_t>(exported->shape.size()),
                  dtype->dlpack,
                  exported->shape.data(),
                  exported->strides.data(),
                  0};
}

// Runs when a capsule dies that nobody took the tensor out of.
template <class Managed>
void delete_unused(PyObject *capsule, const char *name) {
  if (!PyCapsule_IsValid(capsule, name)) return;
  auto *managed = static_cast<Managed *>(PyCapsule_GetPointer(capsule, name));
  managed->deleter(managed);
}

template <class Managed>
void delete_exported(Managed *self) {
  delete static_cast<Exported *>(self->context);
}

void check_request(const DlDevice &device, const py::object &dl_device, const py::object &copy) {
  if (!dl_device.is_none() && (py::cast<int32_t>(py::tuple(dl_device)[0]) != device.type ||
                               py::cast<int32_t>(py::tuple(dl_device)[1]) != device.id)) {
    throw py::buffer_error("the tensor is on DLPack device (" + std::to_string(device.type) + ", " +
                           std::to_string(device.id) + ") and cannot be handed out on another device");
  }
  if (!copy.is_none() && py::cast<bool>(copy)) {
    throw py::buffer_error(
        "handing out a copy is not supported; take the tensor without copy=True, then copy it");
  }
}

// Keeps what the consumer does on its stream after what made the tensor.
void order_streams(const Tensor &tensor, const py::object &stream) {
  if (tensor.device().type != kDlCuda) return;
  const int64_t number = stream.is_none() ? kDlLegacyStream : py::cast<int64_t>(stream);
  if (number == kDlNoWait) return;
  void *waiting =
      number == kDlLegacyStream ? nullptr : reinterpret_cast<void *>(static_cast<intptr_t>(number));
  if (waiting == tensor.stream()) return;
  const Model &model = *tensor.model();
  model.check(model.api().stream_wait_stream(model.container(), static_cast<AOTInductorStreamHandle>(waiting),
                                             static_cast<AOTInductorStreamHandle>(tensor.stream())));
}

}  // namespace

ReturnLater::ReturnLater() { returned = &tensors_; }

ReturnLater::~ReturnLater() {
  returned = nullptr;
  for (void *imported : tensors_) delete_imported(nullptr, imported);
}

AtenTensorHandle import_tensor(const Model &model, const py::handle &object, const TensorName &what,
                               void *stream, std::shared_ptr<void> *kept) {
  const DlDevice device = device_of(object, what);
  auto imported = std::make_unique<Imported>(take(object, device, stream, what));
  const Dtype *dtype = dtype_of_dlpack(imported->tensor.dtype);
  bool owned = false;
  AtenTensorHandle handle = nullptr;
  try {
    if (dtype == nullptr) {
      const DlDataType &type = imported->tensor.dtype;
      throw py::value_error(what.text() + ": DLPack type code " + std::to_string(type.code) + " with " +
                            std::to_string(type.bits) + " bits is not a dtype that models take");
    }
    handle = make_handle(model, imported.get(), device, *dtype, what, &owned);
  } catch (...) {
    imported->give_back();
    throw;
  }
  Imported *released = imported.release();
  if (!owned)
    *kept = std::shared_ptr<void>(released, [](void *context) { delete_imported(nullptr, context); });
  return handle;
}

py::object export_tensor(const std::shared_ptr<Tensor> &tensor, const py::object &stream,
                         const py::object &max_version, const py::object &dl_device, const py::object &copy) {
  check_request(tensor->device(), dl_device, copy);
  order_streams(*tensor, stream);
  auto exported = std::make_unique<Exported>();
  exported->tensor = tensor;
  const DlTensor description = describe(exported.get());
  if (max_version.is_none() || py::cast<int>(py::tuple(max_version)[0]) < 1) {
    exported->plain = DlManagedTensor{description, exported.get(), delete_exported<DlManagedTensor>};
    PyObject *capsule = PyCapsule_New(&exported->plain, kName,
                                      [](PyObject *self) { delete_unused<DlManagedTensor>(self, kName); });
    if (capsule == nullptr) throw py::error_already_set();
    exported.release();
    return py::reinterpret_steal<py::object>(capsule);
  }
  exported->versioned = DlManagedTensorVersioned{
      {1, 0}, exported.get(), delete_exported<DlManagedTensorVersioned>, 0, description};
  PyObject *capsule = PyCapsule_New(&exported->versioned, kVersionedName, [](PyObject *self) {
    delete_unused<DlManagedTensorVersioned>(self, kVersionedName);
  });
  if (capsule == nullptr) throw py::error_already_set();
  exported.release();
  return py::reinterpret_steal<py::object>(capsule);
}

}  // namespace aoti
