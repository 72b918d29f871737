// What the bodies of unfinished requests may keep in memory together, over all connections and protocols.
//
//   auto share = std::make_shared<BudgetShare>(budget);     // one for each request, kept as long as its
//   bytes if (!share->take(size)) ...                             // before they are kept; refuse the request
#ifndef RUNTIME_SERVER_BYTE_BUDGET_H_
#define RUNTIME_SERVER_BYTE_BUDGET_H_

#include <stddef.h>

#include <atomic>
#include <memory>
#include <utility>

namespace aoti::server {

// Thread-safe.
class ByteBudget {
 public:
  explicit ByteBudget(size_t most) : most_(most) {}

  // False when there is no room for `bytes` more.
  bool take(size_t bytes) {
    size_t taken = taken_.load(std::memory_order_relaxed);
    do {
      if (bytes > most_ - taken) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
    return true;
  }
  void give_back(size_t bytes) { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

  size_t most() const { return most_; }
  size_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  const size_t most_;
  std::atomic<size_t> taken_{0};
};

// What one request took; gives it back at its end.
class BudgetShare {
 public:
  // Without a budget everything is granted.
  explicit BudgetShare(std::shared_ptr<ByteBudget> budget) : budget_(std::move(budget)) {}
  BudgetShare(const BudgetShare &) = delete;
  BudgetShare &operator=(const BudgetShare &) = delete;
  ~BudgetShare() {
    if (budget_ != nullptr) budget_->give_back(taken_);
  }

  bool take(size_t bytes) {
    if (budget_ == nullptr) return true;
    if (!budget_->take(bytes)) return false;
    taken_ += bytes;
    return true;
  }

 private:
  const std::shared_ptr<ByteBudget> budget_;
  size_t taken_ = 0;
};

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_BYTE_BUDGET_H_
