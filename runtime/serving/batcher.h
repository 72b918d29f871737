// Dynamic batching: calls that come at about the same time become one run, along a dimension of the inputs.
//
//   auto batcher = aoti::Batcher::create(&pool, {.dim = 0, .max_rows = 32, .max_delay_ns = 2'000'000},
//   &error); batcher->run(inputs, 2, outputs, 1, call, &message);     // as Pool::run
//
// The first call of a batch waits for others, max_delay_ns at most, then runs all on its own thread: no
// thread is added. Only calls that differ in nothing but their number of rows go together. Outputs are views
// of the batch's outputs, each with its own call's rows.
//
// Each call gets what it would get alone (up to rounding: kernels may add in another order): a batch that
// fails is run again one by one, so that a bad call fails alone. This holds for models whose rows do not
// depend on each other, which only their author knows.
#ifndef RUNTIME_SERVING_BATCHER_H_
#define RUNTIME_SERVING_BATCHER_H_

#include <memory>
#include <string>
#include <vector>

#include "runtime/serving/pool.h"

namespace aoti {

struct BatcherOptions {
  int32_t dim = 0;           // of every input: where calls are joined; its size must be one dynamic size
  int64_t max_rows = 0;      // of a batch; 0: what the model allows
  int64_t max_delay_ns = 0;  // how long the first call of a batch waits for others
};

struct BatcherStats {
  int64_t calls = 0, batches = 0, rows = 0, most_rows = 0, run_again = 0;
};

class Batcher {
 public:
  // Null with a message when the model's sizes do not allow it. The pool outlives the batcher.
  static std::unique_ptr<Batcher> create(Pool *pool, const BatcherOptions &options, std::string *error);

  // As Pool::run, std::bad_alloc included, which only the call itself gets. A call whose deadline passes or
  // that is cancelled before its batch begins does not run.
  CallStatus run(AtenTensorHandle *inputs, size_t num_inputs, AtenTensorHandle *outputs, size_t num_outputs,
                 const CallOptions &call, std::string *message);

  BatcherStats stats() const;

 private:
  struct Member;
  struct Batch;

  Batcher(Pool *pool, const BatcherOptions &options) : pool_(pool), options_(options) {}
  bool check_model(std::string *error);
  bool describe(AtenTensorHandle *inputs, size_t num_inputs, Member *member) const;
  std::shared_ptr<Batch> join(Member *member, bool *is_leader);
  void lead(Batch *batch);
  void run_batch(const std::vector<Member *> &members);
  bool run_joined(const std::vector<Member *> &members, const CallOptions &call, CallStatus *status,
                  std::string *message);
  bool join_and_cut(const std::vector<Member *> &members, const CallOptions &call, CallStatus *status,
                    std::string *message);
  void run_alone(Member *member);
  void refuse(Member *member, CallStatus status, const std::string &message);

  Pool *const pool_;
  BatcherOptions options_;
  std::vector<int32_t> output_dims_;  // where each output has the rows
  mutable std::mutex mutex_;          // of all below and of the batches; not held while a model runs
  std::shared_ptr<Batch> open_;       // the one that calls join
  BatcherStats stats_;
};

}  // namespace aoti

#endif  // RUNTIME_SERVING_BATCHER_H_
