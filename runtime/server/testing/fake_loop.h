// Takes the event loop's place in tests and fuzzers of sessions: no sockets, and time is a number.
//
//   FakeLoop loop;
//   loop.start(std::make_unique<HttpSession>(..., loop.mailbox(), "peer", loop.now()));
//   loop.send("GET /v2 HTTP/1.1\r\n\r\n");
//   loop.sent();          // what the session has written since the last call
#ifndef RUNTIME_SERVER_TESTING_FAKE_LOOP_H_
#define RUNTIME_SERVER_TESTING_FAKE_LOOP_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/server/session.h"

namespace aoti::server {

class FakeLoop {
 public:
  // 0 is a session's "never".
  static constexpr int64_t kStart_ns = 1'000'000'000;

  std::shared_ptr<Mailbox> mailbox() { return letters_; }
  int64_t now() const { return now_; }
  Session *session() { return session_.get(); }

  void start(std::unique_ptr<Session> session) {
    session_ = std::move(session);
    pump();
  }

  // As far as the session takes it; the number of bytes taken.
  size_t send(const std::string &bytes, size_t piece = SIZE_MAX) {
    size_t at = 0;
    while (at < bytes.size() && !is_closed() && session_->wants_input()) {
      const size_t count = std::min(piece, bytes.size() - at);
      session_->receive(reinterpret_cast<const uint8_t *>(bytes.data()) + at, count, now_);
      at += count;
      pump();
    }
    return at;
  }

  void end_of_input() {
    session_->end_of_input(now_);
    pump();
  }

  void drain() {
    session_->drain(now_);
    pump();
  }

  // Delivers what has been posted; waits for a letter first when `waits`.
  void deliver(bool waits = false) {
    for (auto &letter : letters_->take(waits)) {
      letter(session_.get());
      pump();
    }
  }

  // Time goes on; the session's time limit is kept.
  void pass(int64_t ns) {
    now_ += ns;
    if (!is_closed() && session_->time_limit_ns() != 0 && now_ >= session_->time_limit_ns()) {
      session_->time_out(now_);
      pump();
    }
  }

  bool is_closed() const { return session_->wants_close(); }
  std::string sent() { return std::exchange(sent_, {}); }

  // The client is gone.
  void lose() { session_ = nullptr; }

 private:
  class Letters : public Mailbox {
   public:
    void post(std::function<void(Session *)> letter) override {
      std::lock_guard<std::mutex> lock(mutex_);
      letters_.push_back(std::move(letter));
      arrived_.notify_one();
    }
    std::vector<std::function<void(Session *)>> take(bool waits) {
      std::unique_lock<std::mutex> lock(mutex_);
      if (waits) arrived_.wait(lock, [this] { return !letters_.empty(); });
      return std::exchange(letters_, {});
    }

   private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<std::function<void(Session *)>> letters_;
  };

  void pump() {
    Output output;
    for (session_->produce(&output, now_); !output.empty(); session_->produce(&output, now_)) {
      while (!output.empty()) {
        const Buffer &piece = output.front();
        sent_.append(reinterpret_cast<const char *>(piece.data), piece.size);
        output.consume(piece.size);
      }
    }
  }

  const std::shared_ptr<Letters> letters_ = std::make_shared<Letters>();
  std::unique_ptr<Session> session_;
  std::string sent_;
  int64_t now_ = kStart_ns;
};

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_TESTING_FAKE_LOOP_H_
