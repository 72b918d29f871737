#include "runtime/server/event_loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include "runtime/server/socket_address.h"

namespace aoti::server {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr int kReadsPerEvent = 4;  // then the others have their turn
constexpr size_t kPiecesPerWrite = 64;
constexpr int64_t kAcceptPause_ns = 100'000'000;
constexpr uint64_t kWakeId = 0;  // listeners have the numbers after it, then come connections

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

struct EventLoop::Connection {
  uint64_t id = 0;
  int descriptor = -1;
  std::unique_ptr<Session> session;
  Output output;
  uint32_t watched = 0;       // epoll events
  bool input_ended = false;   // the client sends no more
  bool is_lingering = false;  // all is written and our side closed: what comes is thrown away
  bool is_lost = false;
  int64_t blocked_since_ns = 0;  // that the client takes nothing; 0: it takes
  int64_t linger_until_ns = 0;
};

// What other threads have for sessions of this loop.
class EventLoop::Letters {
 public:
  using Letter = std::pair<uint64_t, std::function<void(Session *)>>;

  explicit Letters(int wake) : wake_(wake) {}

  void post(uint64_t id, std::function<void(Session *)> letter) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (wake_ < 0) return;
    letters_.emplace_back(id, std::move(letter));
    if (letters_.size() == 1) wake();
  }

  void wake() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
  }

  std::vector<Letter> take() {
    std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(letters_, {});
  }

  // The loop is gone: its descriptor may be another's soon.
  void close() {
    std::lock_guard<std::mutex> lock(mutex_);
    wake_ = -1;
    letters_.clear();
  }

 private:
  std::mutex mutex_;
  int wake_;
  std::vector<Letter> letters_;
};

namespace {

template <class Letters>
class LoopMailbox : public Mailbox {
 public:
  LoopMailbox(std::shared_ptr<Letters> letters, uint64_t id) : letters_(std::move(letters)), id_(id) {}
  void post(std::function<void(Session *)> letter) override { letters_->post(id_, std::move(letter)); }

 private:
  const std::shared_ptr<Letters> letters_;
  const uint64_t id_;
};

}  // namespace

EventLoop::EventLoop(std::vector<Listener> listeners, const LoopLimits &limits, const Log *log)
    : listeners_(std::move(listeners)), limits_(limits), log_(log), buffer_(kReadBytes) {
  next_id_ = kWakeId + 1 + listeners_.size();
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  letters_ = std::make_shared<Letters>(wake_);
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = kWakeId;
  if (epoll_ < 0 || wake_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) {
    error_ = std::string("an event loop cannot be made: ") + strerror(errno);
  }
}

EventLoop::~EventLoop() {
  for (auto &[id, connection] : connections_) ::close(connection->descriptor);
  connections_.clear();
  letters_->close();
  if (epoll_ >= 0) ::close(epoll_);
  if (wake_ >= 0) ::close(wake_);
}

void EventLoop::drain() {
  wants_drain_ = true;
  letters_->wake();
}

void EventLoop::stop() {
  wants_stop_ = true;
  letters_->wake();
}

void EventLoop::run() {
  epoll_event events[64];
  while (!wants_stop_) {
    if (wants_drain_ && !is_draining_) start_drain();
    if (is_draining_ && connections_.empty()) return;
    watch_listeners();
    const int count = epoll_wait(epoll_, events, 64, wait_ms(monotonic_ns()));
    for (int i = 0; i < count; ++i) {
      const uint64_t id = events[i].data.u64;
      if (id == kWakeId) {
        deliver();
      } else if (id <= listeners_.size()) {
        accept_from(static_cast<size_t>(id - 1));
      } else {
        handle(id, events[i].events);
      }
    }
    pass_time(monotonic_ns());
  }
}

// Listeners are watched while there is room for their connections.
void EventLoop::watch_listeners() {
  const bool wants = !is_draining_ && accept_again_ns_ == 0 && connections_.size() < limits_.max_connections;
  if (wants == is_accepting_) return;
  is_accepting_ = wants;
  for (size_t i = 0; i < listeners_.size(); ++i) {
    epoll_event event = {};
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    event.data.u64 = kWakeId + 1 + i;
    epoll_ctl(epoll_, wants ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listeners_[i].descriptor, &event);
  }
}

void EventLoop::accept_from(size_t listener) {
  while (is_accepting_ && connections_.size() < limits_.max_connections) {
    sockaddr_storage address;
    socklen_t length = sizeof address;
    const int descriptor = accept4(listeners_[listener].descriptor, reinterpret_cast<sockaddr *>(&address),
                                   &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      open(descriptor, address_text(address), listeners_[listener].factory);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (!would_block(errno)) {
      log_->write(Log::kWarning, "accept", {{"error", strerror(errno)}});
      accept_again_ns_ = monotonic_ns() + kAcceptPause_ns;
    }
    return;
  }
}

void EventLoop::open(int descriptor, const std::string &peer, const SessionFactory &factory) {
  const int one = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  auto connection = std::make_unique<Connection>();
  const int64_t now = monotonic_ns();
  connection->id = next_id_++;
  connection->descriptor = descriptor;
  epoll_event event = {};
  event.data.u64 = connection->id;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    log_->write(Log::kWarning, "accept", {{"error", strerror(errno)}});
    ::close(descriptor);
    return;
  }
  auto mailbox = std::make_shared<LoopMailbox<Letters>>(letters_, connection->id);
  connection->session = factory(std::move(mailbox), peer, now);
  Connection *added = connection.get();
  connections_.emplace(added->id, std::move(connection));
  num_connections_.store(connections_.size(), std::memory_order_relaxed);
  pump(added, now);
}

void EventLoop::handle(uint64_t id, uint32_t events) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  guarded(found->second.get(), [&](Connection *connection, int64_t now) {
    if ((events & EPOLLIN) != 0) read_from(connection, now);
    // An error, or both sides closed: nobody is there to be answered.
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) connection->is_lost = true;
    pump(connection, now);
  });
}

// A request for which there is no memory costs its connection, not the server.
template <class Do>
void EventLoop::guarded(Connection *connection, Do what) {
  const uint64_t id = connection->id;
  try {
    what(connection, monotonic_ns());
  } catch (const std::bad_alloc &) {
    log_->write(Log::kError, "no memory", {});
    const auto found = connections_.find(id);
    if (found != connections_.end()) close(found->second.get());
  }
}

void EventLoop::read_from(Connection *connection, int64_t now) {
  for (int i = 0; i < kReadsPerEvent; ++i) {
    if (connection->input_ended || (!connection->is_lingering && !connection->session->wants_input())) return;
    const ssize_t count = ::recv(connection->descriptor, buffer_.data(), buffer_.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      connection->is_lost |= !would_block(errno);
      return;
    }
    if (count == 0) {
      connection->input_ended = true;
      if (!connection->is_lingering) connection->session->end_of_input(now);
      return;
    }
    if (!connection->is_lingering) {
      connection->session->receive(buffer_.data(), static_cast<size_t>(count), now);
    }
    if (static_cast<size_t>(count) < buffer_.size()) return;
  }
}

// False when nothing more can be written now.
bool EventLoop::write_to(Connection *connection, int64_t now) {
  Output &output = connection->output;
  iovec pieces[kPiecesPerWrite];
  const size_t count = std::min(output.num_pieces(), kPiecesPerWrite);
  for (size_t i = 0; i < count; ++i) {
    pieces[i] = {const_cast<uint8_t *>(output.piece(i).data), output.piece(i).size};
  }
  msghdr message = {};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  const ssize_t written = sendmsg(connection->descriptor, &message, MSG_NOSIGNAL);
  if (written > 0) {
    output.consume(static_cast<size_t>(written));
    connection->blocked_since_ns = 0;
    return true;
  }
  if (written < 0 && errno == EINTR) return true;
  if (written < 0 && !would_block(errno)) connection->is_lost = true;
  if (connection->blocked_since_ns == 0) connection->blocked_since_ns = now;
  return false;
}

// Writes what there is, as far as the client takes it, and closes what is done. The connection may be gone
// afterwards.
void EventLoop::pump(Connection *connection, int64_t now) {
  while (!connection->is_lost && !connection->is_lingering) {
    if (connection->output.size() < kOutputLow) connection->session->produce(&connection->output, now);
    if (connection->output.empty() || !write_to(connection, now)) break;
  }
  if (!connection->is_lost && connection->output.empty() && !connection->is_lingering &&
      connection->session->wants_close()) {
    // Closing while there is something to read would take back what was written (TCP's RST).
    shutdown(connection->descriptor, SHUT_WR);
    connection->is_lingering = true;
    connection->linger_until_ns = now + limits_.linger_ns;
  }
  if (connection->is_lost || (connection->is_lingering && connection->input_ended)) {
    close(connection);
    return;
  }
  watch(connection, now);
}

// Tells epoll what is waited for, and when time is over at the latest.
void EventLoop::watch(Connection *connection, int64_t now) {
  const bool reads =
      !connection->input_ended && (connection->is_lingering || connection->session->wants_input());
  uint32_t wanted = reads ? static_cast<uint32_t>(EPOLLIN) : 0;
  if (!connection->output.empty()) wanted |= EPOLLOUT;
  if (wanted != connection->watched) {
    epoll_event event = {};
    event.events = wanted;
    event.data.u64 = connection->id;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection->descriptor, &event);
    connection->watched = wanted;
  }
  int64_t limit = connection->session->time_limit_ns();
  if (connection->is_lingering) limit = connection->linger_until_ns;
  if (connection->blocked_since_ns != 0) {
    const int64_t blocked = connection->blocked_since_ns + limits_.write_pause_ns;
    limit = limit == 0 ? blocked : std::min(limit, blocked);
  }
  if (limit == 0) return;
  limit = std::max(limit, now);
  if (next_time_ns_ == 0 || limit < next_time_ns_) next_time_ns_ = limit;
}

void EventLoop::close(Connection *connection) {
  ::close(connection->descriptor);
  connections_.erase(connection->id);
  num_connections_.store(connections_.size(), std::memory_order_relaxed);
}

void EventLoop::deliver() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_, &count, sizeof count);
  for (Letters::Letter &letter : letters_->take()) {
    const auto found = connections_.find(letter.first);
    if (found == connections_.end()) continue;
    guarded(found->second.get(), [&](Connection *connection, int64_t now) {
      letter.second(connection->session.get());
      pump(connection, now);
    });
  }
}

void EventLoop::start_drain() {
  is_draining_ = true;
  watch_listeners();
  std::vector<uint64_t> ids;
  for (const auto &[id, connection] : connections_) ids.push_back(id);
  for (uint64_t id : ids) {
    guarded(connections_.at(id).get(), [&](Connection *connection, int64_t now) {
      connection->session->drain(now);
      pump(connection, now);
    });
  }
}

void EventLoop::pass_time(int64_t now) {
  if (accept_again_ns_ != 0 && now >= accept_again_ns_) accept_again_ns_ = 0;
  if (next_time_ns_ == 0 || now < next_time_ns_) return;
  next_time_ns_ = 0;
  std::vector<uint64_t> ids;
  for (const auto &[id, connection] : connections_) ids.push_back(id);
  for (uint64_t id : ids) {
    Connection *connection = connections_.at(id).get();
    const int64_t limit = connection->session->time_limit_ns();
    const bool is_blocked =
        connection->blocked_since_ns != 0 && now >= connection->blocked_since_ns + limits_.write_pause_ns;
    if (is_blocked || (connection->is_lingering && now >= connection->linger_until_ns)) {
      connection->is_lost = true;
    } else if (!connection->is_lingering && limit != 0 && now >= limit) {
      connection->session->time_out(now);
    }
    pump(connection, now);  // notes the next time
  }
}

int EventLoop::wait_ms(int64_t now) const {
  int64_t until = next_time_ns_;
  if (accept_again_ns_ != 0) until = until == 0 ? accept_again_ns_ : std::min(until, accept_again_ns_);
  if (until == 0) return -1;
  // A millisecond late rather than many wake-ups early.
  return static_cast<int>(std::clamp<int64_t>((until - now + 999'999) / 1'000'000, 0, 60'000));
}

}  // namespace aoti::server
