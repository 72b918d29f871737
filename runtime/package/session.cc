#include "runtime/package/session.h"

#include <string.h>

#include <algorithm>

namespace aoti {
namespace {

bool contains(const std::vector<std::string> &names, const char *name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The parts of a container's state; none for a library that has no sessions.
std::vector<AotiStatePlace> state_of(const SessionMethod &method) {
  std::vector<AotiStatePlace> parts;
  AotiStatePlace part = {};
  while (method.api->get_state != nullptr &&
         method.api->get_state(method.container, parts.size(), &part) == AOTI_RUNTIME_SUCCESS) {
    parts.push_back(part);
  }
  return parts;
}

}  // namespace

std::unique_ptr<Session> Session::create(const std::vector<SessionMethod> &methods,
                                         const std::vector<std::string> &shared_state, std::string *error) {
  std::unique_ptr<Session> session(new Session);
  for (const SessionMethod &method : methods) {
    if (!session->add(method, shared_state, error)) return nullptr;
  }
  for (const std::string &name : shared_state) {
    const auto is_it = [&](const AotiStatePlace &part) { return name == part.fqn; };
    if (std::any_of(session->state_.begin(), session->state_.end(), is_it)) continue;
    *error = "the state '" + name + "', which methods are to share, is kept by none of them";
    return nullptr;
  }
  if (!session->state_.empty()) return session;
  *error = "no method keeps state from run to run, so that a session would hold nothing";
  return nullptr;
}

Session::~Session() {
  for (size_t i = 0; i < handles_.size(); ++i) {
    if (handles_[i] != nullptr) methods_[i].api->delete_session(handles_[i]);
  }
}

bool Session::add(const SessionMethod &method, const std::vector<std::string> &shared_state,
                  std::string *error) {
  const std::vector<AotiStatePlace> parts = state_of(method);
  std::vector<AotiStatePlace> shared;
  for (const AotiStatePlace &part : parts) {
    if (!contains(shared_state, part.fqn)) continue;
    for (const AotiStatePlace &known : state_) {
      if (strcmp(known.fqn, part.fqn) == 0) shared.push_back(known);
    }
  }
  methods_.push_back(method);
  handles_.push_back(nullptr);  // there is room for the session before there is one
  AotiSessionHandle &handle = handles_.back();
  if (!parts.empty() && method.api->create_session(method.container, shared.data(), shared.size(), &handle) !=
                            AOTI_RUNTIME_SUCCESS) {
    *error = "method '" + method.name + "': " + method.api->last_error();
    return false;
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    AotiStatePlace part = {};
    method.api->get_session_state(handle, i, &part);
    const auto is_it = [&](const AotiStatePlace &known) { return known.data == part.data; };
    if (std::none_of(state_.begin(), state_.end(), is_it)) state_.push_back(part);
  }
  return true;
}

AOTIRuntimeError Session::run(size_t method, AtenTensorHandle *inputs, size_t num_inputs,
                              AtenTensorHandle *outputs, size_t num_outputs, AOTInductorStreamHandle stream,
                              AOTIProxyExecutorHandle proxy_executor) {
  const AotiModelApi &api = *methods_[method].api;
  std::lock_guard<std::mutex> lock(turn_);
  if (handles_[method] == nullptr) {
    return api.run(methods_[method].container, inputs, num_inputs, outputs, num_outputs, stream,
                   proxy_executor);
  }
  return api.run_session(handles_[method], inputs, num_inputs, outputs, num_outputs, stream, proxy_executor);
}

void Session::reset() {
  std::lock_guard<std::mutex> lock(turn_);
  for (size_t i = 0; i < handles_.size(); ++i) {
    if (handles_[i] != nullptr) methods_[i].api->reset_session(handles_[i]);
  }
}

}  // namespace aoti
