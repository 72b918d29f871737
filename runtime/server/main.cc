// aoti_server: see options.cc, or --help.
#include <signal.h>
#include <stdio.h>

#include <string>
#include <vector>

#include "runtime/server/options.h"
#include "runtime/server/server.h"

using namespace aoti::server;

namespace {

// Of the process, before any thread is made: signals are taken by main alone.
sigset_t block_signals() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return ends;
}

}  // namespace

int main(int argc, char **argv) {
  ServerOptions options;
  std::string error;
  if (!parse_options(std::vector<std::string>(argv + 1, argv + argc), &options, &error)) {
    fprintf(stderr, "aoti_server: %s\n", error.c_str());
    return 2;
  }
  if (options.wants_help) {
    fputs(help_text().c_str(), stdout);
    return 0;
  }
  const sigset_t ends = block_signals();
  const Log log(options.log_level);
  Server server(options, &log);
  if (!server.start(&error)) {
    fprintf(stderr, "aoti_server: %s\n", error.c_str());
    return 1;
  }
  fputs(server.addresses().c_str(), stdout);
  fflush(stdout);
  int signal_number = 0;
  sigwait(&ends, &signal_number);
  log.write(Log::kInfo, "stopping", {{"signal", std::to_string(signal_number)}});
  const timespec at_once = {0, 0};
  const bool all_answered = server.stop([&] { return sigtimedwait(&ends, nullptr, &at_once) > 0; });
  return all_answered ? 0 : 1;
}
