#include "runtime/server/model.h"

#include <algorithm>
#include <new>
#include <utility>

#include "runtime/server/model_tensors.h"

namespace aoti::server {
namespace {

// Threads that wait in batches are cheap, but not free.
constexpr int64_t kMaxWorkers = 256;

std::string joined(const std::vector<TensorMetadata> &tensors) {
  std::string text;
  for (const TensorMetadata &tensor : tensors) text += (text.empty() ? "" : ", ") + tensor.name;
  return text;
}

bool describe_tensor(const AotiTensorDesc &desc, const std::string &label, TensorMetadata *tensor,
                     std::string *error) {
  tensor->name = desc.name;
  if (!datatype_of_dtype(desc.dtype, &tensor->datatype)) {
    const char *dtype = aoti_dtype_name(desc.dtype);
    *error = label + " is " + (dtype != nullptr ? dtype : "of an unknown dtype") +
             ", for which the protocol has no datatype";
    return false;
  }
  if (desc.device_type != AOTI_DEVICE_CPU) {
    *error = label + " is on a GPU; this server runs models that were compiled for the CPU";
    return false;
  }
  for (int32_t d = 0; d < desc.ndim; ++d) {
    const AotiDimDesc &dim = desc.dims[d];
    tensor->shape.push_back(dim.lo == dim.hi ? dim.lo : -1);
  }
  return true;
}

// Names are how requests tell tensors apart.
void make_unique(std::vector<TensorMetadata> *tensors) {
  for (size_t i = 0; i < tensors->size(); ++i) {
    const std::string name = (*tensors)[i].name;
    const auto is_taken = [&](const std::string &candidate) {
      return std::any_of(tensors->begin(), tensors->begin() + static_cast<std::ptrdiff_t>(i),
                         [&](const TensorMetadata &earlier) { return earlier.name == candidate; });
    };
    for (int number = 1; is_taken((*tensors)[i].name); ++number) {
      (*tensors)[i].name = name + "_" + std::to_string(number);
    }
  }
}

Status refused(CallStatus status, const std::string &model, size_t max_waiting) {
  switch (status) {
    case CallStatus::kQueueFull:
      return {StatusCode::kResourceExhausted, "model '" + model + "': " + std::to_string(max_waiting) +
                                                  " requests are waiting already; try again later"};
    case CallStatus::kDeadline:
      return {StatusCode::kDeadlineExceeded,
              "model '" + model + "': the deadline passed before the model could run"};
    case CallStatus::kCancelled:
      return {StatusCode::kCancelled, "the request was cancelled"};
    default:
      return {StatusCode::kInternal, "model '" + model + "' failed"};
  }
}

}  // namespace

// A request on its way. Held by the queue's closure, and by the response's tensors, which may lie in its
// inputs.
struct Model::Call {
  std::unique_ptr<InferRequest> request;
  InferDone done;
  std::vector<const Tensor *> inputs;  // in the order of the model's table
  std::vector<InputBytes> bytes;       // the same
  std::vector<size_t> outputs;         // places in metadata().outputs
  std::unique_ptr<InferResponse> response;
};

// What a response's tensors need.
struct Model::Kept {
  std::shared_ptr<const LoadedModel> loaded;
  std::unique_ptr<InferRequest> request;
  std::vector<InputBytes> bytes;
};

std::unique_ptr<Model> Model::create(std::shared_ptr<const LoadedModel> loaded, const std::string &name,
                                     const std::string &version, const ModelOptions &options,
                                     std::string *error) {
  std::unique_ptr<Model> model(new Model(std::move(loaded), name, version));
  return model->describe(error) && model->start(options, error) ? std::move(model) : nullptr;
}

bool Model::describe(std::string *error) {
  const AotiModelDesc *desc = api_.desc;
  if (desc == nullptr) {
    *error =
        "a library of stock AOTInductor does not check its inputs, so requests from a network could make it "
        "read "
        "beyond them; compile the model with aoti_cc_library or compiler.driver";
    return false;
  }
  metadata_.name = name_;
  metadata_.platform = "aotinductor";
  for (int32_t i = 0; i < desc->num_inputs; ++i) {
    metadata_.inputs.emplace_back();
    const std::string label = "input '" + std::string(desc->inputs[i].name) + "'";
    if (!describe_tensor(desc->inputs[i], label, &metadata_.inputs.back(), error)) return false;
    if (desc->inputs[i].strides != nullptr && api_.copy_ == nullptr) {
      *error = label +
               " has a layout of its own, which a library of this old version cannot fill; compile it again";
      return false;
    }
  }
  for (int32_t i = 0; i < desc->num_outputs; ++i) {
    if (desc->outputs[i].dtype == AOTI_OUTPUT_NONE) continue;
    output_places_.push_back(static_cast<size_t>(i));
    metadata_.outputs.emplace_back();
    const std::string label = "output '" + std::string(desc->outputs[i].name) + "'";
    if (!describe_tensor(desc->outputs[i], label, &metadata_.outputs.back(), error)) return false;
  }
  make_unique(&metadata_.inputs);
  make_unique(&metadata_.outputs);
  return true;
}

bool Model::has_state() const {
  const AotiModelDesc &desc = *api_.desc;
  return std::any_of(desc.constants, desc.constants + desc.num_constants,
                     [](const AotiConstantDesc &constant) { return constant.is_mutated != 0; });
}

bool Model::start(const ModelOptions &options, std::string *error) {
  // Each worker runs one request, so the pool's queue is never asked for more than the workers.
  int64_t workers = options.num_instances;
  if (options.max_batch_rows != 1) {
    const int64_t rows = options.max_batch_rows > 0 ? options.max_batch_rows : kMaxWorkers;
    workers = std::min(kMaxWorkers, (workers + 1) * std::min(rows, kMaxWorkers));
  }
  max_waiting_ = options.max_waiting;
  PoolOptions pool;
  pool.num_instances = options.num_instances;
  pool.threads_per_call = options.threads_per_call;
  pool.max_waiting = static_cast<size_t>(workers);
  pool_ = std::make_unique<Pool>(api_, loaded_->container, pool, error);
  if (!error->empty()) return false;
  if (options.max_batch_rows != 1) {
    BatcherOptions batches;
    batches.max_rows = options.max_batch_rows;
    batches.max_delay_ns = options.max_batch_delay_ns;
    batcher_ = Batcher::create(pool_.get(), batches, error);
    if (batcher_ == nullptr) return false;
  }
  queue_ = std::make_unique<CallQueue>(static_cast<int>(workers), options.max_waiting);
  return true;
}

// Finds the request's tensors among the model's.
Status Model::bind(Call *call) const {
  const InferRequest &request = *call->request;
  call->inputs.assign(metadata_.inputs.size(), nullptr);
  for (const Tensor &tensor : request.inputs) {
    const auto found = std::find_if(metadata_.inputs.begin(), metadata_.inputs.end(),
                                    [&](const TensorMetadata &input) { return input.name == tensor.name; });
    if (found == metadata_.inputs.end()) {
      return invalid("model '" + name_ + "' has no input '" + tensor.name + "'; it has " +
                     joined(metadata_.inputs));
    }
    const size_t place = static_cast<size_t>(found - metadata_.inputs.begin());
    if (call->inputs[place] != nullptr) return invalid("input '" + tensor.name + "' is there twice");
    if (tensor.datatype != found->datatype) {
      return invalid("input '" + tensor.name + "' is " + datatype_name(tensor.datatype) + "; expected " +
                     datatype_name(found->datatype));
    }
    if (Status status = check_input(api_.desc->inputs[place], tensor); !status.ok()) return status;
    call->inputs[place] = &tensor;
  }
  for (size_t i = 0; i < call->inputs.size(); ++i) {
    if (call->inputs[i] == nullptr) return invalid("input '" + metadata_.inputs[i].name + "' is missing");
  }
  for (const std::string &name : request.outputs) {
    const auto found = std::find_if(metadata_.outputs.begin(), metadata_.outputs.end(),
                                    [&](const TensorMetadata &output) { return output.name == name; });
    if (found == metadata_.outputs.end()) {
      return invalid("model '" + name_ + "' has no output '" + name + "'; it has " +
                     joined(metadata_.outputs));
    }
    const size_t place = static_cast<size_t>(found - metadata_.outputs.begin());
    if (std::find(call->outputs.begin(), call->outputs.end(), place) != call->outputs.end()) {
      return invalid("output '" + name + "' is asked for twice");
    }
    call->outputs.push_back(place);
  }
  for (size_t i = 0; request.outputs.empty() && i < metadata_.outputs.size(); ++i) call->outputs.push_back(i);
  return {};
}

void Model::infer(std::unique_ptr<InferRequest> request, InferDone done) {
  const auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->done = std::move(done);
  if (Status status = bind(call.get()); !status.ok()) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      counts_.calls += 1;
      counts_.failed += 1;
    }
    call->done(std::move(status), nullptr);
    return;
  }
  const int64_t deadline = call->request->deadline_ns;
  std::shared_ptr<Cancellation> cancellation = call->request->cancellation;
  queue_->push({[this, call](CallStatus status) {
                  // Whatever is short of memory, the request is answered.
                  try {
                    finish(call.get(), status);
                  } catch (const std::bad_alloc &) {
                    call->done({StatusCode::kInternal, "no memory"}, nullptr);
                  }
                },
                deadline, std::move(cancellation)});
}

void Model::finish(Call *call, CallStatus queued) {
  CallStatus outcome = queued;
  Status status;
  if (queued == CallStatus::kOk) {
    status = run(call, &outcome);
  } else {
    status = refused(queued, name_, max_waiting_);
  }
  if (queued == CallStatus::kOk) {
    std::lock_guard<std::mutex> lock(mutex_);
    counts_.calls += 1;
    counts_.failed += outcome == CallStatus::kFailed || outcome == CallStatus::kQueueFull;
    counts_.deadline += outcome == CallStatus::kDeadline;
    counts_.cancelled += outcome == CallStatus::kCancelled;
  }
  InferDone done = std::move(call->done);
  call->done = [](Status, std::unique_ptr<InferResponse>) {};
  done(std::move(status), status.ok() ? std::move(call->response) : nullptr);
}

Status Model::make_inputs(Call *call, std::vector<AtenTensorHandle> *handles) const {
  std::string error;
  for (size_t i = 0; i < call->inputs.size(); ++i) {
    const AotiTensorDesc &desc = api_.desc->inputs[i];
    const size_t align =
        std::max(static_cast<size_t>(desc.align_bytes), datatype_bytes(call->inputs[i]->datatype));
    call->bytes.emplace_back(call->inputs[i]->bytes, align, desc.is_mutated != 0);
    handles->push_back(make_input(api_, desc, *call->inputs[i], call->bytes.back(), &error));
    if (handles->back() != nullptr) continue;
    handles->pop_back();
    for (AtenTensorHandle handle : *handles) api_.delete_tensor_object(handle);
    return {StatusCode::kInternal, error};
  }
  return {};
}

Status Model::run(Call *call, CallStatus *outcome) {
  std::vector<AtenTensorHandle> inputs, outputs(static_cast<size_t>(api_.desc->num_outputs), nullptr);
  inputs.reserve(call->inputs.size());
  call->bytes.reserve(call->inputs.size());
  *outcome = CallStatus::kFailed;
  if (Status status = make_inputs(call, &inputs); !status.ok()) return status;
  CallOptions options;
  options.deadline_ns = call->request->deadline_ns;
  options.cancellation = call->request->cancellation.get();
  std::string message;
  *outcome =
      batcher_ != nullptr
          ? batcher_->run(inputs.data(), inputs.size(), outputs.data(), outputs.size(), options, &message)
          : pool_->run(inputs.data(), inputs.size(), outputs.data(), outputs.size(), options, &message);
  if (*outcome == CallStatus::kFailed) {
    const bool is_at_fault = !fits_table(*api_.desc, call->inputs);
    return {is_at_fault ? StatusCode::kInvalidArgument : StatusCode::kInternal, message};
  }
  if (*outcome != CallStatus::kOk) return refused(*outcome, name_, max_waiting_);
  call->response = std::make_unique<InferResponse>();
  call->response->model = name_;
  call->response->version = version_;
  call->response->id = call->request->id;
  // The response's tensors may lie in the request's, and are the library's to free.
  const auto kept = std::make_shared<Kept>(Kept{loaded_, std::move(call->request), std::move(call->bytes)});
  bool ok = true;
  for (size_t place : call->outputs) {
    Tensor tensor;
    tensor.name = metadata_.outputs[place].name;
    tensor.datatype = metadata_.outputs[place].datatype;
    AtenTensorHandle &handle = outputs[output_places_[place]];
    ok = take_output(api_, std::exchange(handle, nullptr), kept, &tensor, &message) && ok;
    call->response->outputs.push_back(std::move(tensor));
  }
  for (AtenTensorHandle handle : outputs) {
    if (handle != nullptr) api_.delete_tensor_object(handle);
  }
  if (!ok) *outcome = CallStatus::kFailed;
  return ok ? Status() : Status{StatusCode::kInternal, message};
}

PoolStats Model::stats() const {
  PoolStats stats = queue_->stats();
  const PoolStats pool = pool_->stats();
  std::lock_guard<std::mutex> lock(mutex_);
  stats.calls = counts_.calls + stats.queue_full + stats.deadline + stats.cancelled;
  stats.failed = counts_.failed;
  stats.deadline += counts_.deadline;
  stats.cancelled += counts_.cancelled;
  stats.running = pool.running;
  stats.ran = pool.ran;
  return stats;
}

}  // namespace aoti::server
