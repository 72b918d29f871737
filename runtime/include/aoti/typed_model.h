// What the generated header of a model is written with: views whose sizes are part of their type, a status
// instead of exceptions, and a model that owns its container. C++17 and later, for host programs (not for
// generated kernels).
//
//   my_model_aoti::Model model;                          // or Model({.num_threads = 2}) in C++20
//   if (!model.ok()) { puts(model.status().message()); return 1; }
//   float x[64][64] = {...}, y[64][64] = {...};
//   auto result = model.run(x, y);                       // a wrong array size does not compile
//   if (!result.ok()) { puts(result.status().message()); return 1; }
//   float first = result.cos()(0, 0);                    // indices are checked
//
// Thread-safety: a Model may be used by any number of threads at once (construction, moving and destruction
// excepted); as many runs as it has instances are computed at the same time, further ones wait. A result
// belongs to the thread that got it and may be handed on. Views own nothing.
#ifndef AOTI_TYPED_MODEL_H_
#define AOTI_TYPED_MODEL_H_

#ifndef __cplusplus
#error "aoti/typed_model.h is for C++; C programs use the table of aoti/model_api.h"
#endif

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <type_traits>
#include <utility>

#include "aoti/model_api.h"

namespace aoti {

// A size that is only known at run time, where a view's type has a number for the others.
inline constexpr int64_t kDynamic = -1;

// ---- Status ----

// Success, or a code that is not 0 and a message for a person. Movable, not copyable.
class Status {
 public:
  Status() = default;
  // A failure; the message is copied. When even that memory is missing, the message says so.
  explicit Status(const char *message) : code_(AOTI_RUNTIME_FAILURE), message_(strdup(message)) {}
  Status(Status &&other) noexcept : code_(other.code_), message_(other.message_) {
    other.code_ = AOTI_RUNTIME_SUCCESS;
    other.message_ = nullptr;
  }
  Status &operator=(Status &&other) noexcept {
    if (this != &other) {
      free(message_);
      code_ = other.code_;
      message_ = other.message_;
      other.code_ = AOTI_RUNTIME_SUCCESS;
      other.message_ = nullptr;
    }
    return *this;
  }
  ~Status() { free(message_); }

  bool ok() const { return code_ == AOTI_RUNTIME_SUCCESS; }
  int32_t code() const { return code_; }
  // "" on success. Lives as long as the status.
  const char *message() const { return ok() ? "" : message_ == nullptr ? "out of memory" : message_; }

 private:
  int32_t code_ = AOTI_RUNTIME_SUCCESS;
  char *message_ = nullptr;
};

// ---- Views ----

template <int64_t... Values>
struct Numbers {
  static constexpr int32_t kCount = sizeof...(Values);
  static constexpr int64_t kValues[kCount + 1] = {Values..., 0};
  static constexpr bool kStatic = ((Values != kDynamic) && ... && true);
  static constexpr int32_t kNumDynamic = (int32_t(Values == kDynamic) + ... + 0);
};

// Strides of a view whose last dimension is contiguous, and so on outwards.
struct RowMajor {
  static constexpr bool kStatic = true;
};

namespace internal {

template <class Shape, class Strides>
constexpr int64_t static_stride(int32_t dim) {
  if constexpr (std::is_same_v<Strides, RowMajor>) {
    int64_t stride = 1;
    for (int32_t d = Shape::kCount - 1; d > dim; --d) stride *= Shape::kValues[d];
    return stride;
  } else {
    return Strides::kValues[dim];
  }
}

[[noreturn]] inline void bad_index(int32_t dim, int64_t index, int64_t size) {
  fprintf(stderr, "aoti: index %lld of dimension %d is out of range: its size is %lld\n", (long long)index,
          (int)dim, (long long)size);
  abort();
}

// Any class with data() and size(), such as std::vector, std::array and std::span.
template <class C>
using DataOf = decltype(std::declval<C &>().data());
template <class C, class T, class = void>
struct IsContainerOf : std::false_type {};
template <class C, class T>
struct IsContainerOf<C, T, std::void_t<DataOf<C>, decltype(std::declval<C &>().size())>>
    : std::is_convertible<DataOf<C>, T *> {};

}  // namespace internal

// Elements of type T with sizes Shape and strides Strides (in elements), kept by somebody else. Nothing is
// checked before use: a view over too few elements, or of sizes that the model does not take, is refused by
// Model::run, with the input's name.
//
// Where a size is kDynamic it comes from run time. One such size follows from the number of elements, several
// are given:
//     TensorView<const float, kDynamic, 8> rows(vector);                    // vector.size() / 8 rows
//     TensorView<const float, kDynamic, kDynamic> table(data, 6, {2, 3});
template <class T, class Shape, class Strides>
class BasicView {
 public:
  static constexpr int32_t kRank = Shape::kCount;
  static constexpr bool kStatic = Shape::kStatic && Strides::kStatic;
  using Element = T;

  // The number of elements of a view of static sizes.
  static constexpr int64_t static_numel() {
    int64_t n = 1;
    for (int32_t d = 0; d < kRank; ++d) n *= Shape::kValues[d];
    return n;
  }

  BasicView() = default;

  // `numel` elements beginning at `data`, which must be as many as the sizes say.
  BasicView(T *data, size_t numel) : data_(data), given_(static_cast<int64_t>(numel)) { set_static(); }

  // With all sizes, static ones too: {data, numel, {2, 8}}.
  BasicView(T *data, size_t numel, const int64_t (&sizes)[kRank > 0 ? kRank : 1]) : BasicView(data, numel) {
    set_sizes(sizes);
  }

  // With sizes and strides, for a memory order that the type does not say.
  BasicView(T *data, size_t numel, const int64_t (&sizes)[kRank > 0 ? kRank : 1],
            const int64_t (&strides)[kRank > 0 ? kRank : 1])
      : BasicView(data, numel) {
    set_layout(sizes, strides);
  }

  // An array of any rank with exactly the right number of elements, e.g. float[64][64].
  template <class Array, std::enable_if_t<std::is_array_v<Array> &&
                                              std::is_convertible_v<std::remove_all_extents_t<Array> *, T *>,
                                          int> = 0>
  BasicView(Array &array) : BasicView(reinterpret_cast<T *>(&array), sizeof(Array) / sizeof(T)) {
    static_assert(kStatic,
                  "a view with dynamic sizes is made from a pointer, a number of elements and sizes");
    static_assert(!kStatic || sizeof(Array) / sizeof(T) == static_cast<size_t>(static_numel()),
                  "the array has another number of elements than the tensor");
  }

  // A vector, array or span; its size is checked when the view is used.
  template <class C, std::enable_if_t<!std::is_array_v<C> && internal::IsContainerOf<C, T>::value, int> = 0>
  BasicView(C &&container) : BasicView(container.data(), container.size()) {
    static_assert(kStatic || (Shape::kNumDynamic == 1 && Strides::kStatic),
                  "a view with several dynamic sizes is made from a pointer, a number of elements and sizes");
  }

  // A view of elements that must not be written, from one of elements that may.
  template <class U, std::enable_if_t<std::is_same_v<const U, T>, int> = 0>
  BasicView(const BasicView<U, Shape, Strides> &other) : data_(other.data()), given_(other.given()) {
    set_layout(other.sizes(), other.strides());
  }

  T *data() const { return data_; }
  const int64_t *sizes() const { return sizes_; }
  const int64_t *strides() const { return strides_; }
  int64_t size(int32_t dim) const {
    if (dim < 0 || dim >= kRank) internal::bad_index(0, dim, kRank);
    return sizes_[dim];
  }
  // The number of elements that the sizes make, and how many there are in memory according to who made the
  // view.
  int64_t numel() const {
    int64_t n = 1;
    for (int32_t d = 0; d < kRank; ++d) n *= sizes_[d];
    return n;
  }
  int64_t given() const { return given_; }

  // The element at these indices, one for each dimension; prints and aborts when one is out of range. Inner
  // loops that have checked their bounds use data().
  template <class... I>
  T &operator()(I... index) const {
    static_assert(sizeof...(I) == static_cast<size_t>(kRank), "one index for each dimension");
    const int64_t position[kRank + 1] = {static_cast<int64_t>(index)..., 0};
    int64_t offset = 0;
    for (int32_t d = 0; d < kRank; ++d) {
      if (position[d] < 0 || position[d] >= sizes_[d]) internal::bad_index(d, position[d], sizes_[d]);
      offset += position[d] * strides_[d];
    }
    return data_[offset];
  }

  // For generated code: sizes and strides that were found at run time.
  void set_layout(const int64_t *sizes, const int64_t *strides) {
    for (int32_t d = 0; d < kRank; ++d) {
      sizes_[d] = sizes[d];
      strides_[d] = strides[d];
    }
  }

 private:
  void set_static() {
    if constexpr (kStatic) {
      for (int32_t d = 0; d < kRank; ++d) {
        sizes_[d] = Shape::kValues[d];
        strides_[d] = internal::static_stride<Shape, Strides>(d);
      }
    } else {
      // The one dynamic size: as many as there are elements for. Several: none, until they are given.
      int64_t others = 1;
      for (int64_t size : Shape::kValues) others *= size > 0 ? size : 1;
      int64_t sizes[kRank + 1];
      for (int32_t d = 0; d < kRank; ++d) {
        sizes[d] = Shape::kValues[d] != kDynamic ? Shape::kValues[d]
                   : Shape::kNumDynamic == 1     ? given_ / others
                                                 : 0;
      }
      set_sizes(sizes);
    }
  }
  void set_sizes(const int64_t *sizes) {
    int64_t stride = 1;
    for (int32_t d = kRank - 1; d >= 0; --d) {
      sizes_[d] = sizes[d];
      if constexpr (std::is_same_v<Strides, RowMajor>) {
        strides_[d] = stride;
      } else {
        strides_[d] = Strides::kValues[d];
      }
      stride *= sizes[d] > 0 ? sizes[d] : 1;
    }
  }

  T *data_ = nullptr;
  int64_t given_ = 0;
  int64_t sizes_[kRank + 1] = {};
  int64_t strides_[kRank + 1] = {};
};

// The usual view: TensorView<const float, 64, 64>.
template <class T, int64_t... Sizes>
using TensorView = BasicView<T, Numbers<Sizes...>, RowMajor>;

// A view of another memory order: StridedView<const float, Numbers<2, 3>, Numbers<1, 2>> is column-major.
template <class T, class Shape, class Strides>
using StridedView = BasicView<T, Shape, Strides>;

// ---- Models ----

struct ModelOptions {
  // Threads that one run may use; 0: AOTI_NUM_THREADS, else as many as the process has processors.
  int32_t num_threads = 0;
  // Runs that are computed at the same time, sharing one copy of the weights; more wait for one to finish.
  int32_t num_instances = 1;
  // Where a weights file beside the library is looked for first; null: in the library's own folder.
  const char *weights_dir = nullptr;
};

// An input as the C interface takes it.
struct InputArgument {
  const char *name;
  const void *data;
  int64_t given;  // elements in memory
  int32_t dtype;
  int32_t rank;
  const int64_t *sizes;
  const int64_t *strides;
};

// The output tensors of a run. Owns them; movable.
template <int32_t kCount>
class OutputTensors {
 public:
  OutputTensors() = default;
  OutputTensors(OutputTensors &&other) noexcept { swap(other); }
  OutputTensors &operator=(OutputTensors &&other) noexcept {
    swap(other);
    return *this;
  }
  ~OutputTensors() {
    for (AtenTensorHandle handle : handles_) {
      if (handle != nullptr) api_->delete_tensor_object(handle);
    }
  }

  bool ok() const { return status_.ok(); }
  const Status &status() const { return status_; }

 protected:
  // A number that depends on the sizes of the run's inputs.
  template <class T>
  T number(int32_t index) const {
    return *view<BasicView<const T, Numbers<>, RowMajor>>(index).data();
  }

  template <class View>
  View view(int32_t index) const {
    void *data = nullptr;
    int64_t *sizes = nullptr, *strides = nullptr, numel = 0;
    AtenTensorHandle handle = handles_[index];
    if (handle == nullptr || api_->get_data_ptr(handle, &data) != 0 || api_->get_numel(handle, &numel) != 0 ||
        api_->get_sizes(handle, &sizes) != 0 || api_->get_strides(handle, &strides) != 0) {
      fprintf(stderr, "aoti: an output of a run that failed was asked for: %s\n", status_.message());
      abort();
    }
    View view(static_cast<typename View::Element *>(data), static_cast<size_t>(numel));
    view.set_layout(sizes, strides);
    return view;
  }

 private:
  friend class ModelBase;
  void swap(OutputTensors &other) {
    for (int32_t i = 0; i < kCount; ++i) {
      AtenTensorHandle handle = handles_[i];
      handles_[i] = other.handles_[i];
      other.handles_[i] = handle;
    }
    const AotiModelApi *api = api_;
    api_ = other.api_;
    other.api_ = api;
    Status status(static_cast<Status &&>(status_));
    status_ = static_cast<Status &&>(other.status_);
    other.status_ = static_cast<Status &&>(status);
  }

  const AotiModelApi *api_ = nullptr;
  Status status_;
  AtenTensorHandle handles_[kCount > 0 ? kCount : 1] = {};
};

// Owns a container of the model behind `api`. Movable; the source of a move is not ok().
class ModelBase {
 public:
  ModelBase(const ModelBase &) = delete;
  ModelBase &operator=(const ModelBase &) = delete;
  ModelBase(ModelBase &&other) noexcept { swap(other); }
  ModelBase &operator=(ModelBase &&other) noexcept {
    swap(other);
    return *this;
  }
  ~ModelBase() {
    if (container_ != nullptr) api_->delete_container(container_);
  }

  bool ok() const { return container_ != nullptr; }
  const Status &status() const { return status_; }

  // Threads that one run may use, from the next run on; 0 for the default. Waits for runs in progress.
  Status set_num_threads(int32_t num_threads) const {
    if (!ok()) return Status("the model was not loaded");
    if (api_->set_num_threads == nullptr) return Status("this library cannot change its number of threads");
    return api_->set_num_threads(container_, num_threads) == 0 ? Status() : Status(api_->last_error());
  }

  // Random numbers begin anew: the next run draws what the first run after any other call with this seed
  // drew.
  Status seed(uint64_t seed) const {
    if (!ok()) return Status("the model was not loaded");
    const bool has = api_->struct_size > offsetof(AotiModelApi, set_seed) && api_->set_seed != nullptr;
    if (!has) return Status("this library was made before models had random numbers");
    return api_->set_seed(container_, seed) == 0 ? Status() : Status(api_->last_error());
  }

  // The table and the container, for what has no C++ form here. Borrowed.
  const AotiModelApi *api() const { return api_; }
  AOTInductorModelContainerHandle container() const { return container_; }

 protected:
  ModelBase(const AotiModelApi *api, const ModelOptions &options) : api_(api) {
    char text[256];
    if (api->abi_version != AOTI_MODEL_ABI_VERSION || api->struct_size < AOTI_MODEL_API_FIRST_SIZE) {
      snprintf(text, sizeof text,
               "the library speaks version %u of the model ABI (a table of %u bytes), this program was built "
               "for version "
               "%u (%u bytes): build both from the same release",
               api->abi_version, api->struct_size, AOTI_MODEL_ABI_VERSION, AOTI_MODEL_API_FIRST_SIZE);
      status_ = Status(text);
      return;
    }
    if (options.num_instances < 1) {
      snprintf(text, sizeof text, "num_instances must be at least 1, got %d", (int)options.num_instances);
      status_ = Status(text);
      return;
    }
    const size_t instances = static_cast<size_t>(options.num_instances);
    if (api->create_with_device(&container_, instances, "cpu", options.weights_dir) != 0) {
      status_ = Status(api->last_error());
      container_ = nullptr;
      return;
    }
    if (options.num_threads == 0) return;
    status_ = set_num_threads(options.num_threads);
    if (status_.ok()) return;
    api_->delete_container(container_);
    container_ = nullptr;
  }

  template <int32_t kCount>
  void run(const InputArgument *inputs, int32_t num_inputs, OutputTensors<kCount> *result) const {
    result->api_ = api_;
    result->status_ = run_handles(inputs, num_inputs, result->handles_, kCount);
  }

 private:
  static constexpr int32_t kMaxOnStack = 64;

  Status run_handles(const InputArgument *inputs, int32_t num_inputs, AtenTensorHandle *outputs,
                     int32_t num_outputs) const {
    if (!ok()) return Status(status_.ok() ? "the model was moved away" : status_.message());
    AtenTensorHandle on_stack[kMaxOnStack];
    AtenTensorHandle *handles = on_stack;
    if (num_inputs > kMaxOnStack) {
      handles =
          static_cast<AtenTensorHandle *>(malloc(sizeof(AtenTensorHandle) * static_cast<size_t>(num_inputs)));
      if (handles == nullptr) return Status("out of memory");
    }
    Status status;
    int32_t made = 0;
    while (made < num_inputs && status.ok()) {
      status = make_handle(inputs[made], &handles[made]);
      if (status.ok()) ++made;
    }
    if (!status.ok()) {
      for (int32_t i = 0; i < made; ++i) api_->delete_tensor_object(handles[i]);
    } else if (api_->run(container_, handles, static_cast<size_t>(num_inputs), outputs,
                         static_cast<size_t>(num_outputs), nullptr, nullptr) != 0) {
      status = Status(api_->last_error());
    }
    if (handles != on_stack) free(handles);
    return status;
  }

  // Elements that a tensor of this layout reaches.
  static int64_t reach(const InputArgument &input) {
    int64_t last = 0;
    for (int32_t d = 0; d < input.rank; ++d) {
      if (input.sizes[d] <= 0) return 0;
      last += (input.sizes[d] - 1) * input.strides[d];
    }
    return last + 1;
  }

  Status make_handle(const InputArgument &input, AtenTensorHandle *handle) const {
    char text[256];
    const int64_t wanted = reach(input);
    if (input.given != wanted || (input.data == nullptr && wanted != 0)) {
      snprintf(text, sizeof text, "input '%s': expected %lld elements, got %s%lld", input.name,
               (long long)wanted, input.data == nullptr ? "a null pointer and " : "", (long long)input.given);
      return Status(text);
    }
    // 0: the strided layout, the only one that a view has.
    if (api_->create_tensor_from_blob_v2(const_cast<void *>(input.data), input.rank, input.sizes,
                                         input.strides, 0, input.dtype, AOTI_DEVICE_CPU, 0, handle, 0,
                                         nullptr, 0) != 0) {
      return Status(api_->last_error());
    }
    return Status();
  }

  void swap(ModelBase &other) {
    const AotiModelApi *api = api_;
    api_ = other.api_;
    other.api_ = api;
    AOTInductorModelContainerHandle container = container_;
    container_ = other.container_;
    other.container_ = container;
    Status status(static_cast<Status &&>(status_));
    status_ = static_cast<Status &&>(other.status_);
    other.status_ = static_cast<Status &&>(status);
  }

  const AotiModelApi *api_ = nullptr;
  AOTInductorModelContainerHandle container_ = nullptr;
  Status status_;
};

}  // namespace aoti

#endif  // AOTI_TYPED_MODEL_H_
