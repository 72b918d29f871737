#include "runtime/server/log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

namespace aoti::server {
namespace {

constexpr const char *kLevelNames[] = {"debug", "info", "warning", "error", "none"};

// Bytes that are no ASCII stay: a reader of logs must live with what clients send in either case.
void append_quoted(std::string *line, const std::string &text) {
  *line += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      *line += '\\';
      *line += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      *line += escape;
    } else {
      *line += c;
    }
  }
  *line += '"';
}

std::string utc_now() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts;
  gmtime_r(&now.tv_sec, &parts);
  char text[64];
  const size_t length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(text + length, sizeof text - length, ".%03dZ", static_cast<int>(now.tv_nsec / 1'000'000));
  return text;
}

}  // namespace

void Log::write(Level level, const char *event, const Fields &fields) const {
  if (!wants(level)) return;
  std::string line = "{\"time\":\"" + utc_now() + "\",\"level\":\"" + kLevelNames[level] + "\",\"event\":";
  append_quoted(&line, event);
  for (const auto &[name, value] : fields) {
    line += ',';
    append_quoted(&line, name);
    line += ':';
    append_quoted(&line, value);
  }
  line += "}\n";
  // A log that cannot be written has nobody to tell.
  [[maybe_unused]] const ssize_t written = ::write(descriptor_, line.data(), line.size());
}

}  // namespace aoti::server
