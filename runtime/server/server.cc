#include "runtime/server/server.h"

#include <unistd.h>

#include <chrono>
#include <utility>

#include "runtime/server/grpc/grpc_session.h"
#include "runtime/server/rest/http_session.h"
#include "runtime/server/socket_address.h"
#include "runtime/signature/signature.h"

namespace aoti::server {

Server::Server(const ServerOptions &options, const Log *log)
    : options_(options),
      log_(log),
      rest_(&service_, options.session, [this] { return metrics(); }),
      grpc_(&service_, options.session) {}

Server::~Server() {
  for (const auto &loop : loops_) loop->stop();
  for (std::thread &thread : threads_) thread.join();
  // Sessions go first: they cancel what waits.
  loops_.clear();
  for (const Listener &listener : listeners_) ::close(listener.descriptor);
}

bool Server::start(std::string *error) {
  if (!load(error) || !listen(error)) return false;
  LoopLimits limits = options_.loop;
  const size_t num_loops = static_cast<size_t>(options_.io_threads);
  limits.max_connections = (limits.max_connections + num_loops - 1) / num_loops;
  for (size_t i = 0; i < num_loops; ++i) {
    loops_.push_back(std::make_unique<EventLoop>(listeners_, limits, log_));
    *error = loops_.back()->error();
    if (!error->empty()) return false;
  }
  running_ = options_.io_threads;
  for (const auto &loop : loops_) {
    threads_.emplace_back([this, loop = loop.get()] {
      loop->run();
      running_ -= 1;
    });
  }
  return true;
}

bool Server::load(std::string *error) {
  ModelOptions options = options_.model;
  if (!options_.public_keys.empty()) {
    options.check = SignatureCheck::open(options_.public_keys, error);
    if (options.check == nullptr) return false;
  }
  for (const ModelSource &source : options_.models) {
    const int64_t begin = monotonic_ns();
    if (!service_.add(source, options, error)) return false;
    log_->write(Log::kInfo, "model loaded",
                {{"model", source.name},
                 {"version", source.version},
                 {"path", source.path},
                 {"instances", std::to_string(options_.model.num_instances)},
                 {"time_ms", std::to_string((monotonic_ns() - begin) / 1'000'000)}});
  }
  for (const ModelIndexEntry &entry : service_.models_with_state()) {
    log_->write(Log::kWarning, "model has state",
                {{"model", entry.name},
                 {"version", entry.version},
                 {"what", "requests change it one after the other, and all clients share it"}});
  }
  return true;
}

bool Server::listen(std::string *error) {
  const auto add = [&](const char *protocol, uint16_t port, SessionFactory factory) {
    const int descriptor = listen_on(options_.host, &port, error);
    if (descriptor < 0) return false;
    listeners_.push_back({descriptor, std::move(factory)});
    const bool is_ipv6 = options_.host.find(':') != std::string::npos;
    const std::string host = options_.host.empty() ? "*"
                             : is_ipv6             ? "[" + options_.host + "]"
                                                   : options_.host;
    const std::string address = host + ":" + std::to_string(port);
    addresses_ += std::string(protocol) + " " + address + "\n";
    log_->write(Log::kInfo, "listening", {{"protocol", protocol}, {"address", address}});
    return true;
  };
  return (!options_.has_rest ||
          add("rest", options_.rest_port, http_factory(&rest_, options_.session, log_))) &&
         (!options_.has_grpc ||
          add("grpc", options_.grpc_port, grpc::grpc_factory(&grpc_, options_.session, log_)));
}

std::string Server::addresses() const { return addresses_; }

std::string Server::metrics() const {
  size_t connections = 0;
  for (const auto &loop : loops_) connections += loop->num_connections();
  return "# HELP aoti_connections Connections that are open.\n# TYPE aoti_connections "
         "gauge\naoti_connections " +
         std::to_string(connections) +
         "\n# HELP aoti_ready Whether requests are taken.\n# TYPE aoti_ready gauge\n" + "aoti_ready " +
         (service_.is_ready() ? "1" : "0") + "\n";
}

bool Server::stop(const std::function<bool()> &is_urgent) {
  const int64_t end = monotonic_ns() + options_.drain_time_ns;
  service_.drain();
  for (const auto &loop : loops_) loop->drain();
  while (running_ > 0 && monotonic_ns() < end && !is_urgent()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  size_t connections = 0;
  for (const auto &loop : loops_) connections += loop->num_connections();
  log_->write(Log::kInfo, "stopped", {{"connections_cut_off", std::to_string(connections)}});
  return connections == 0;
}

}  // namespace aoti::server
