#include "runtime/serving/trace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace aoti {
namespace {

int32_t thread_number() {
  static thread_local const int32_t number = static_cast<int32_t>(syscall(SYS_gettid));
  return number;
}

void append_string(const char *text, std::string *json) {
  json->push_back('"');
  for (const char *c = text; *c != '\0'; ++c) {
    char escaped[8];
    if (*c == '"' || *c == '\\') {
      json->push_back('\\');
      json->push_back(*c);
    } else if (static_cast<unsigned char>(*c) < 0x20) {
      snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(*c));
      *json += escaped;
    } else {
      json->push_back(*c);
    }
  }
  json->push_back('"');
}

// Times are in microseconds there.
void append_event(const TraceEvent &event, std::string *json) {
  char numbers[160];
  *json += "{\"ph\":\"X\",\"cat\":";
  append_string(event.category, json);
  *json += ",\"name\":";
  append_string(event.name, json);
  snprintf(numbers, sizeof numbers, ",\"pid\":%d,\"tid\":%d,\"ts\":%.3f,\"dur\":%.3f",
           static_cast<int>(getpid()), static_cast<int>(event.thread),
           static_cast<double>(event.begin_ns) / 1e3,
           static_cast<double>(event.end_ns - event.begin_ns) / 1e3);
  *json += numbers;
  if (event.origin != nullptr) {
    *json += ",\"args\":{\"origin\":";
    append_string(event.origin, json);
    *json += "}";
  }
  *json += "}";
}

}  // namespace

void Trace::add(const char *category, const char *name, const char *origin, int64_t begin_ns,
                int64_t end_ns) {
  const TraceEvent event = {category, name, origin, begin_ns, end_ns, thread_number()};
  std::lock_guard<std::mutex> lock(mutex_);
  events_[added_ % events_.size()] = event;
  added_ += 1;
}

size_t Trace::size() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return std::min<uint64_t>(added_, events_.size());
}

int64_t Trace::num_lost() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return added_ > events_.size() ? static_cast<int64_t>(added_ - events_.size()) : 0;
}

bool Trace::attach(const AotiModelApi &api, AOTInductorModelContainerHandle container, std::string *error) {
  const AotiTracer tracer = {
      [](void *self, const char *kernel, const char *origins, int64_t begin, int64_t end) {
        static_cast<Trace *>(self)->add("kernel", kernel, origins, begin, end);
      },
      this};
  if (api.set_tracer == nullptr) {
    *error = "this library cannot tell of its kernels; compile it again with this release";
    return false;
  }
  if (api.set_tracer(container, &tracer) == AOTI_RUNTIME_SUCCESS) return true;
  *error = api.last_error();
  return false;
}

void Trace::detach(const AotiModelApi &api, AOTInductorModelContainerHandle container) {
  if (api.set_tracer != nullptr) api.set_tracer(container, nullptr);
}

std::string Trace::json() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::string json = "{\"traceEvents\":[";
  const uint64_t kept = std::min<uint64_t>(added_, events_.size());
  for (uint64_t i = added_ - kept; i < added_; ++i) {
    json += i == added_ - kept ? "\n" : ",\n";
    append_event(events_[i % events_.size()], &json);
  }
  return json + "\n],\"displayTimeUnit\":\"ms\"}\n";
}

bool Trace::write(const std::string &path, std::string *error) const {
  const std::string text = json(), partial = path + ".partial";
  FILE *file = fopen(partial.c_str(), "wb");
  const bool written = file != nullptr && fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = file != nullptr && fclose(file) == 0;
  if (written && closed && rename(partial.c_str(), path.c_str()) == 0) return true;
  *error = "cannot write the trace " + path + ": " + strerror(errno);
  if (file != nullptr) unlink(partial.c_str());
  return false;
}

}  // namespace aoti
