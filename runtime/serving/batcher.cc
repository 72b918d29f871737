#include "runtime/serving/batcher.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <new>

#include "runtime/serving/rows.h"

namespace aoti {

// One call; lives on the stack of its thread.
struct Batcher::Member {
  AtenTensorHandle *inputs, *outputs;
  size_t num_inputs, num_outputs;
  const CallOptions *call;
  std::string *message;
  int64_t rows = 0;
  std::vector<int64_t> key;  // dtypes and all sizes but the rows
  CallStatus status = CallStatus::kFailed;
  bool had_no_memory = false;  // in the call, so that its own thread says so
};

// Calls that will run together. The first member leads.
struct Batcher::Batch {
  std::vector<Member *> members;
  int64_t rows = 0;
  bool is_closed = false;  // nobody joins any more
  bool is_done = false;
  std::condition_variable closed, done;
};

namespace {

// The only dimension of `tensor` with that symbol; -1 when there is none or more than one.
int32_t dim_with(const AotiTensorDesc &tensor, int32_t symbol) {
  int32_t found = -1;
  for (int32_t d = 0; d < tensor.ndim; ++d) {
    if (tensor.dims[d].symbol != symbol) continue;
    if (found >= 0) return -1;
    found = d;
  }
  return found;
}

// The inputs of a run, until it takes them.
class JoinedInputs {
 public:
  JoinedInputs(const AotiModelApi &api, size_t count) : api_(api), handles_(count) {}
  ~JoinedInputs();
  JoinedInputs(const JoinedInputs &) = delete;
  JoinedInputs &operator=(const JoinedInputs &) = delete;
  AtenTensorHandle &operator[](size_t i) { return handles_[i]; }
  AtenTensorHandle *give() {
    is_given_ = true;
    return handles_.data();
  }

 private:
  const AotiModelApi &api_;
  std::vector<AtenTensorHandle> handles_;
  bool is_given_ = false;
};

void delete_handles(const AotiModelApi &api, AtenTensorHandle *handles, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (handles[i] != nullptr) api.delete_tensor_object(handles[i]);
    handles[i] = nullptr;
  }
}

JoinedInputs::~JoinedInputs() {
  if (!is_given_) delete_handles(api_, handles_.data(), handles_.size());
}

struct Release {
  void operator()(SharedTensor *tensor) const { tensor->release(); }
};

}  // namespace

std::unique_ptr<Batcher> Batcher::create(Pool *pool, const BatcherOptions &options, std::string *error) {
  std::unique_ptr<Batcher> batcher(new Batcher(pool, options));
  return batcher->check_model(error) ? std::move(batcher) : nullptr;
}

bool Batcher::check_model(std::string *error) {
  const AotiModelApi &api = pool_->api();
  const AotiModelDesc *desc = api.desc;
  if (desc == nullptr || api.copy_ == nullptr || api.create_tensor_with_deleter == nullptr) {
    *error = "batching needs a library of this compiler's (stock libraries do not describe their sizes)";
    return false;
  }
  if (desc->num_inputs == 0) {
    *error = "model " + std::string(desc->name) + " has no inputs to join";
    return false;
  }
  int32_t symbol = -1;
  for (int32_t i = 0; i < desc->num_inputs; ++i) {
    const AotiTensorDesc &input = desc->inputs[i];
    const std::string label = "input '" + std::string(input.name) + "' of model " + desc->name;
    if (options_.dim < 0 || options_.dim >= input.ndim || input.dims[options_.dim].symbol < 0 ||
        (symbol >= 0 && input.dims[options_.dim].symbol != symbol)) {
      *error = label + ": dimension " + std::to_string(options_.dim) +
               " is not the dynamic size along which calls are joined; export it with torch.export.Dim, the "
               "same for every input";
      return false;
    }
    if (input.is_mutated != 0 || input.device_type != AOTI_DEVICE_CPU) {
      *error = label + (input.is_mutated != 0 ? " is changed by a run" : " is on a GPU") +
               ": its calls cannot be joined";
      return false;
    }
    symbol = input.dims[options_.dim].symbol;
  }
  for (int32_t i = 0; i < desc->num_outputs; ++i) {
    output_dims_.push_back(dim_with(desc->outputs[i], symbol));
    if (output_dims_.back() >= 0) continue;
    *error = "output '" + std::string(desc->outputs[i].name) + "' of model " + desc->name +
             " has no dimension with the rows of the inputs, so it cannot be cut into each call's part";
    return false;
  }
  const int64_t most = desc->inputs[0].dims[options_.dim].hi;
  options_.max_rows = options_.max_rows <= 0 ? most : std::min(options_.max_rows, most);
  return true;
}

// Fills rows and key; false for a call that is not as the table says, which the model itself refuses better.
bool Batcher::describe(AtenTensorHandle *inputs, size_t num_inputs, Member *member) const {
  const AotiModelDesc &desc = *pool_->api().desc;
  TensorShape shape;
  if (num_inputs != static_cast<size_t>(desc.num_inputs)) return false;
  for (size_t i = 0; i < num_inputs; ++i) {
    if (!shape_of(pool_->api(), inputs[i], &shape)) return false;
    if (shape.sizes.size() != static_cast<size_t>(desc.inputs[i].ndim) ||
        shape.dtype != desc.inputs[i].dtype) {
      return false;
    }
    const int64_t rows = shape.sizes[static_cast<size_t>(options_.dim)];
    if (rows < 1 || (i > 0 && rows != member->rows)) return false;
    member->rows = rows;
    shape.sizes.erase(shape.sizes.begin() + options_.dim);
    member->key.insert(member->key.end(), shape.sizes.begin(), shape.sizes.end());
  }
  return true;
}

// Puts the call into the open batch, or makes one that it leads; null where there is no memory for that.
// Called with the lock.
std::shared_ptr<Batcher::Batch> Batcher::join(Member *member, bool *is_leader) {
  const auto close = [this] {
    open_->is_closed = true;
    open_->closed.notify_one();
    open_ = nullptr;
  };
  if (open_ != nullptr &&
      (open_->members[0]->key != member->key || open_->rows + member->rows > options_.max_rows)) {
    close();
  }
  *is_leader = open_ == nullptr;
  std::shared_ptr<Batch> batch = open_;
  try {
    if (*is_leader) batch = std::make_shared<Batch>();
    batch->members.push_back(member);
  } catch (const std::bad_alloc &) {
    return nullptr;
  }
  open_ = batch;
  batch->rows += member->rows;
  if (batch->rows >= options_.max_rows) close();
  return batch;
}

// Waits until the batch is full or its time is over, runs it, wakes its members.
void Batcher::lead(Batch *batch) {
  std::unique_lock<std::mutex> lock(mutex_);
  const std::chrono::steady_clock::time_point end{
      std::chrono::nanoseconds(monotonic_ns() + options_.max_delay_ns)};
  batch->closed.wait_until(lock, end, [&] { return batch->is_closed; });
  if (open_.get() == batch) open_ = nullptr;
  batch->is_closed = true;
  stats_.batches += 1;
  stats_.calls += static_cast<int64_t>(batch->members.size());
  stats_.rows += batch->rows;
  stats_.most_rows = std::max(stats_.most_rows, batch->rows);
  lock.unlock();
  run_batch(batch->members);
  lock.lock();
  batch->is_done = true;
  batch->done.notify_all();
}

void Batcher::run_alone(Member *member) {
  try {
    member->status = pool_->run(member->inputs, member->num_inputs, member->outputs, member->num_outputs,
                                *member->call, member->message);
  } catch (const std::bad_alloc &) {
    member->status = CallStatus::kFailed;
    member->had_no_memory = true;
  }
}

// Ends a call without a run.
void Batcher::refuse(Member *member, CallStatus status, const std::string &message) {
  member->status = status;
  delete_handles(pool_->api(), member->inputs, member->num_inputs);
  std::fill(member->outputs, member->outputs + member->num_outputs, nullptr);
  try {
    *member->message = message;
  } catch (const std::bad_alloc &) {
    member->had_no_memory = true;
  }
}

// Every member has its status afterwards, whatever memory there is: other threads wait for that.
void Batcher::run_batch(const std::vector<Member *> &members) {
  std::vector<Member *> together;
  try {
    together.reserve(members.size());
  } catch (const std::bad_alloc &) {
    for (Member *member : members) run_alone(member);
    return;
  }
  CallOptions call = *members[0]->call;
  call.cancellation = nullptr;
  const int64_t now = monotonic_ns();
  for (Member *member : members) {
    const CallOptions &own = *member->call;
    const bool is_over = (own.deadline_ns != 0 && now >= own.deadline_ns) ||
                         (own.cancellation != nullptr && own.cancellation->is_cancelled());
    if (is_over) {
      run_alone(member);  // the pool refuses it
      continue;
    }
    together.push_back(member);
    // The last deadline counts: a batch that is late for one is not for another.
    const bool unlimited = call.deadline_ns == 0 || own.deadline_ns == 0;
    call.deadline_ns = unlimited ? 0 : std::max(call.deadline_ns, own.deadline_ns);
  }
  CallStatus status = CallStatus::kFailed;
  std::string message;
  if (together.size() > 1 && run_joined(together, call, &status, &message)) return;
  if (together.size() > 1 && status != CallStatus::kFailed) {
    for (Member *member : together) refuse(member, status, message);
    return;
  }
  if (together.size() > 1) {
    std::lock_guard<std::mutex> lock(mutex_);
    stats_.run_again += static_cast<int64_t>(together.size());
  }
  for (Member *member : together) run_alone(member);
}

// One run for all; true when every member has its outputs. The members' inputs are kept on failure.
bool Batcher::run_joined(const std::vector<Member *> &members, const CallOptions &call, CallStatus *status,
                         std::string *message) {
  const AotiModelApi &api = pool_->api();
  const size_t num_outputs = output_dims_.size();
  for (Member *member : members) std::fill(member->outputs, member->outputs + num_outputs, nullptr);
  bool ok = false;
  try {
    ok = join_and_cut(members, call, status, message);
  } catch (const std::bad_alloc &) {
    *status = CallStatus::kFailed;
  }
  for (Member *member : members) {
    if (!ok) delete_handles(api, member->outputs, num_outputs);
    if (ok) delete_handles(api, member->inputs, member->num_inputs);
    member->status = ok ? CallStatus::kOk : *status;
  }
  return ok;
}

// The same; on failure, or where memory fails, some members have outputs.
bool Batcher::join_and_cut(const std::vector<Member *> &members, const CallOptions &call, CallStatus *status,
                           std::string *message) {
  const AotiModelApi &api = pool_->api();
  const size_t num_inputs = members[0]->num_inputs, num_outputs = output_dims_.size();
  JoinedInputs inputs(api, num_inputs);
  std::vector<AtenTensorHandle> outputs(num_outputs), parts;
  std::vector<std::unique_ptr<SharedTensor, Release>> wholes(num_outputs);
  for (size_t i = 0; i < num_inputs; ++i) {
    parts.clear();
    for (const Member *member : members) parts.push_back(member->inputs[i]);
    inputs[i] = join_rows(api, parts, options_.dim);
    if (inputs[i] == nullptr) return false;
  }
  *status = pool_->run(inputs.give(), num_inputs, outputs.data(), num_outputs, call, message);
  if (*status != CallStatus::kOk) return false;
  *status = CallStatus::kFailed;
  for (size_t o = 0; o < num_outputs; ++o) {
    try {
      wholes[o].reset(SharedTensor::make(api, outputs[o]));
    } catch (const std::bad_alloc &) {
      delete_handles(api, outputs.data() + o, num_outputs - o);
      return false;
    }
  }
  for (size_t o = 0; o < num_outputs; ++o) {
    int64_t row = 0;
    for (Member *member : members) {
      member->outputs[o] = wholes[o]->rows(output_dims_[o], row, member->rows);
      if (member->outputs[o] == nullptr) return false;
      row += member->rows;
    }
  }
  *status = CallStatus::kOk;
  return true;
}

CallStatus Batcher::run(AtenTensorHandle *inputs, size_t num_inputs, AtenTensorHandle *outputs,
                        size_t num_outputs, const CallOptions &call, std::string *message) {
  Member member{inputs, outputs, num_inputs, num_outputs, &call, message};
  bool is_leader = false, can_join = false;
  try {
    can_join = num_outputs == output_dims_.size() && describe(inputs, num_inputs, &member);
  } catch (const std::bad_alloc &) {
    // it runs alone, for which memory may suffice
  }
  std::unique_lock<std::mutex> lock(mutex_);
  const std::shared_ptr<Batch> batch = can_join ? join(&member, &is_leader) : nullptr;
  if (batch == nullptr || is_leader) lock.unlock();
  if (batch == nullptr) {
    run_alone(&member);
  } else if (is_leader) {
    lead(batch.get());
  } else {
    batch->done.wait(lock, [&] { return batch->is_done; });
  }
  if (member.had_no_memory) throw std::bad_alloc();
  return member.status;
}

BatcherStats Batcher::stats() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return stats_;
}

}  // namespace aoti
