// The whole server: models, ports, loops on their threads, and its end.
//
//   Server server(options, &log);
//   if (!server.start(&error)) ...
//   puts(server.addresses().c_str());
//   ... a signal ...
//   bool all_answered = server.stop([] { return a second signal came; });
#ifndef RUNTIME_SERVER_SERVER_H_
#define RUNTIME_SERVER_SERVER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/server/event_loop.h"
#include "runtime/server/grpc/methods.h"
#include "runtime/server/log.h"
#include "runtime/server/model_service.h"
#include "runtime/server/options.h"
#include "runtime/server/rest/rest_api.h"

namespace aoti::server {

class Server {
 public:
  // The log outlives it.
  Server(const ServerOptions &options, const Log *log);
  ~Server();
  Server(const Server &) = delete;
  Server &operator=(const Server &) = delete;

  // Loads the models, then listens, then serves. False with a message; nothing goes on then.
  bool start(std::string *error);

  // One line for each port: "rest 127.0.0.1:8000".
  std::string addresses() const;

  // Answers what has begun, for drain_time_ns at most or until is_urgent() says so, which is asked every few
  // milliseconds; then closes. True when nothing was cut off.
  bool stop(const std::function<bool()> &is_urgent);

 private:
  bool load(std::string *error);
  bool listen(std::string *error);
  std::string metrics() const;

  const ServerOptions options_;
  const Log *const log_;
  ModelService service_;
  RestApi rest_;
  grpc::Methods grpc_;
  std::string addresses_;
  std::vector<Listener> listeners_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::thread> threads_;
  std::atomic<int> running_{0};  // loops
};

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_SERVER_H_
