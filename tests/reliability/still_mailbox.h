// A mailbox that needs no memory of its own: what fails is the connection's.
#ifndef TESTS_RELIABILITY_STILL_MAILBOX_H_
#define TESTS_RELIABILITY_STILL_MAILBOX_H_

#include <array>
#include <functional>
#include <utility>

#include "runtime/server/session.h"

namespace faults {

class StillMailbox : public aoti::server::Mailbox {
 public:
  using Letter = std::function<void(aoti::server::Session *)>;

  void post(Letter letter) override { letters_.at(count_++) = std::move(letter); }
  void deliver(aoti::server::Session *session) {
    for (; delivered_ < count_; ++delivered_) std::exchange(letters_[delivered_], nullptr)(session);
  }

 private:
  std::array<Letter, 8> letters_;
  size_t count_ = 0, delivered_ = 0;
};

}  // namespace faults

#endif  // TESTS_RELIABILITY_STILL_MAILBOX_H_
