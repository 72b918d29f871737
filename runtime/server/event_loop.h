// Connections, by epoll, on one thread: the only file that knows sockets. Several loops may share listeners.
//
//   EventLoop loop({{rest_socket, rest_factory}, {grpc_socket, grpc_factory}}, limits, &log);
//   std::thread thread([&] { loop.run(); });
//   loop.drain(); thread.join();       // from any thread: run ends once every connection is closed
//   loop.stop();                       // or at once
//
// A connection that does not let itself be written to, or does not close, is closed after a time of its own
// here; how long a request may take to arrive is the session's to say (session.h).
#ifndef RUNTIME_SERVER_EVENT_LOOP_H_
#define RUNTIME_SERVER_EVENT_LOOP_H_

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/server/log.h"
#include "runtime/server/session.h"

namespace aoti::server {

// A socket that listens (the caller's, kept open by it) and what speaks on its connections.
struct Listener {
  int descriptor = -1;
  SessionFactory factory;
};

struct LoopLimits {
  size_t max_connections = 1024;            // beyond, clients wait in the kernel's queue
  int64_t write_pause_ns = 30'000'000'000;  // without a byte taken by the client
  int64_t linger_ns = 2'000'000'000;        // for the client to read the end and close
};

class EventLoop {
 public:
  EventLoop(std::vector<Listener> listeners, const LoopLimits &limits, const Log *log);
  ~EventLoop();
  EventLoop(const EventLoop &) = delete;
  EventLoop &operator=(const EventLoop &) = delete;

  // "" unless the system had no descriptors for it.
  const std::string &error() const { return error_; }

  void run();

  // Thread-safe. No new connections; each session is drained; run returns when all are gone.
  void drain();
  // Thread-safe. Run returns soon; connections that are left are closed without more being written.
  void stop();

  // Thread-safe.
  size_t num_connections() const { return num_connections_.load(std::memory_order_relaxed); }

 private:
  struct Connection;
  class Letters;

  void accept_from(size_t listener);
  void open(int descriptor, const std::string &peer, const SessionFactory &factory);
  void handle(uint64_t id, uint32_t events);
  template <class Do>
  void guarded(Connection *connection, Do what);
  void read_from(Connection *connection, int64_t now);
  void pump(Connection *connection, int64_t now);
  bool write_to(Connection *connection, int64_t now);
  void watch(Connection *connection, int64_t now);
  void close(Connection *connection);
  void deliver();
  void start_drain();
  void pass_time(int64_t now);
  void watch_listeners();
  int wait_ms(int64_t now) const;

  const std::vector<Listener> listeners_;
  const LoopLimits limits_;
  const Log *const log_;
  std::string error_;
  int epoll_ = -1, wake_ = -1;
  std::shared_ptr<Letters> letters_;
  std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_;
  uint64_t next_id_;
  std::vector<uint8_t> buffer_;
  bool is_accepting_ = false, is_draining_ = false;
  int64_t accept_again_ns_ = 0;  // when descriptors were short; 0: not
  int64_t next_time_ns_ = 0;     // no connection's time is over before; 0: none
  std::atomic<bool> wants_drain_{false}, wants_stop_{false};
  std::atomic<size_t> num_connections_{0};
};

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_EVENT_LOOP_H_
