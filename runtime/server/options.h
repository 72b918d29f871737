// The command line of aoti_server.
#ifndef RUNTIME_SERVER_OPTIONS_H_
#define RUNTIME_SERVER_OPTIONS_H_

#include <stdint.h>

#include <string>
#include <vector>

#include "runtime/server/event_loop.h"
#include "runtime/server/log.h"
#include "runtime/server/model_service.h"
#include "runtime/server/session.h"

namespace aoti::server {

struct ServerOptions {
  std::vector<ModelSource> models;
  std::vector<std::string> public_keys;  // files; none: models need no signature
  ModelOptions model;
  std::string host = "127.0.0.1";
  bool has_rest = true, has_grpc = true;
  uint16_t rest_port = 8000, grpc_port = 8001;
  SessionLimits session;
  LoopLimits loop;
  size_t max_bodies_bytes = size_t{1} << 30;
  int io_threads = 1;
  int64_t drain_time_ns = 30'000'000'000;
  Log::Level log_level = Log::kInfo;
  bool wants_help = false;
};

// False with a sentence that names the flag.
bool parse_options(const std::vector<std::string> &arguments, ServerOptions *options, std::string *error);

// What --help prints.
std::string help_text();

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_OPTIONS_H_
