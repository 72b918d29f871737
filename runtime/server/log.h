// Structured logs: one JSON object a line on stderr, with time (UTC), level and event first.
//
//   log.write(Log::kInfo, "request", {{"protocol", "rest"}, {"path", path}, {"status", "200"}});
//   {"time":"2026-11-25T14:00:00.123Z","level":"info","event":"request","protocol":"rest",...}
#ifndef RUNTIME_SERVER_LOG_H_
#define RUNTIME_SERVER_LOG_H_

#include <string>
#include <utility>
#include <vector>

namespace aoti::server {

class Log {
 public:
  enum Level { kDebug, kInfo, kWarning, kError, kNone };
  using Fields = std::vector<std::pair<const char *, std::string>>;

  // Writes events of `least` and above. Thread-safe; a line is one write.
  explicit Log(Level least, int descriptor = 2) : least_(least), descriptor_(descriptor) {}

  bool wants(Level level) const { return level >= least_; }
  void write(Level level, const char *event, const Fields &fields) const;

 private:
  const Level least_;
  const int descriptor_;
};

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_LOG_H_
