// One connection's protocol as a state machine that knows no sockets: bytes in, bytes out.
//
// The event loop (event_loop.h) owns a Session for each connection, and calls it on one thread only. A test
// or a fuzzer takes the loop's place with a few lines. Time is given, never asked for.
//
//   loop                                          session
//   bytes were read                 ->            receive(data, size, now)
//   the peer sends no more          ->            end_of_input(now)
//   a post of a completion          ->            (the posted function, on the loop's thread)
//   after each of them: room to write ->          produce(&output, now)
//   time_limit_ns() has passed      ->            time_out(now), then produce
//   the server stops                ->            drain(now), then produce
//   wants_close() and all written   ->            destroyed
//   connection lost                 ->            destroyed: cancels its requests
#ifndef RUNTIME_SERVER_SESSION_H_
#define RUNTIME_SERVER_SESSION_H_

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/server/byte_budget.h"
#include "runtime/server/service.h"

namespace aoti::server {

// Bytes that wait to be written, some of them in place in the tensors that models returned.
class Output {
 public:
  void append(std::string bytes);
  void append(Buffer bytes);  // not copied; its owner is kept until they are written

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  // The next piece; valid until consume or append.
  const Buffer &front() const { return pieces_[first_]; }
  // Number `index` of num_pieces() pieces, the next one first: for writev.
  size_t num_pieces() const { return pieces_.size() - first_; }
  const Buffer &piece(size_t index) const { return pieces_[first_ + index]; }
  // The first `count` bytes have been written; count <= size().
  void consume(size_t count);

 private:
  // No std::deque: the sanitizer's runtime is older than its annotations.
  std::vector<Buffer> pieces_;  // from first_ on none is empty
  size_t first_ = 0;            // those before are written
  size_t size_ = 0;
};

class Session;

// The way back to a session from a thread of the service's. Outlives the session; thread-safe.
class Mailbox {
 public:
  virtual ~Mailbox() = default;
  // Calls `letter` with the session, later, on the loop's thread; drops it when the session is gone by then.
  virtual void post(std::function<void(Session *session)> letter) = 0;
};

// What every connection is held to. Times are how long a client may take for something.
struct SessionLimits {
  size_t max_header_bytes = 32 << 10;  // of one request; HTTP/2: of its decoded header list
  size_t max_headers = 100;
  size_t max_body_bytes = 64 << 20;         // of one request
  int64_t header_time_ns = 10'000'000'000;  // from a request's first byte to the end of its headers
  int64_t body_pause_ns = 30'000'000'000;   // without a byte of a body that has begun
  int64_t idle_time_ns = 120'000'000'000;   // between requests
  size_t max_streams = 64;                  // HTTP/2: requests at a time on one connection
  int64_t default_deadline_ns = 0;          // a time from a request's arrival; 0: none
  std::shared_ptr<ByteBudget> bodies;       // of all connections together; null: no bound
};

class Session {
 public:
  virtual ~Session() = default;

  virtual void receive(const uint8_t *data, size_t size, int64_t now_ns) = 0;
  // The peer closed its side; responses may still be wanted.
  virtual void end_of_input(int64_t now_ns) = 0;
  // False: the loop does not read for now (a request is being answered, or output has piled up).
  virtual bool wants_input() const = 0;

  // Appends what may be written. Called when `output` is short (under kOutputLow bytes) and something has
  // happened; appends about kOutputLow bytes at a time where there is more, in pieces of any size.
  virtual void produce(Output *output, int64_t now_ns) = 0;

  // True once nothing more will be produced: the loop closes when `output` is written.
  virtual bool wants_close() const = 0;

  // When time_out is to be called, unless something happens before; 0: never. The loop asks after every call.
  virtual int64_t time_limit_ns() const = 0;
  virtual void time_out(int64_t now_ns) = 0;

  // The server stops: requests that have begun are answered, no others are taken, then wants_close.
  virtual void drain(int64_t now_ns) = 0;
};

constexpr size_t kOutputLow = 256 << 10;

// Makes the session of a new connection. What the factory captures (service, limits, log) outlives it; `peer`
// is the client's address, for logs.
using SessionFactory = std::function<std::unique_ptr<Session>(std::shared_ptr<Mailbox> mailbox,
                                                              const std::string &peer, int64_t now_ns)>;

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_SESSION_H_
