// A session over one or more methods: the state of one sequence (a KV cache), which its runs read and change.
//
//   const std::vector<aoti::SessionMethod> methods = {{"prefill", &a->api(), prefill}, {"decode", &b->api(),
//   decode}}; auto session = aoti::Session::create(methods, package->index().shared_state, &error);
//   session->run(0, ...);                   // prefill fills the cache
//   session->run(1, ...);                   // decode goes on with it
//
// Many sessions run on one set of containers at the same time; runs of one session take turns. Shared state
// is one piece of memory for all methods that have it, never copied between them.
#ifndef RUNTIME_PACKAGE_SESSION_H_
#define RUNTIME_PACKAGE_SESSION_H_

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "aoti/model_api.h"

namespace aoti {

// A container that the session runs on; it outlives the session.
struct SessionMethod {
  std::string name;
  const AotiModelApi *api;
  AOTInductorModelContainerHandle container;
};

class Session {
 public:
  // Methods without state need no session, but may be among them. Null with a message when a state of
  // `shared_state` is kept by no method, or differently by two.
  static std::unique_ptr<Session> create(const std::vector<SessionMethod> &methods,
                                         const std::vector<std::string> &shared_state, std::string *error);
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  // As AotiModelApi.run, on method number `method`.
  AOTIRuntimeError run(size_t method, AtenTensorHandle *inputs, size_t num_inputs, AtenTensorHandle *outputs,
                       size_t num_outputs, AOTInductorStreamHandle stream,
                       AOTIProxyExecutorHandle proxy_executor);

  // Puts the first values back.
  void reset();

  // Every part of the state, shared ones once.
  const std::vector<AotiStatePlace> &state() const { return state_; }
  const std::vector<SessionMethod> &methods() const { return methods_; }

 private:
  Session() = default;
  bool add(const SessionMethod &method, const std::vector<std::string> &shared_state, std::string *error);

  std::vector<SessionMethod> methods_;
  std::vector<AotiSessionHandle> handles_;  // null for a method without state
  std::vector<AotiStatePlace> state_;
  std::mutex turn_;  // a run on one method waits for that on another
};

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_SESSION_H_
