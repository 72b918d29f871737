// What happened when: a ring of the last events, written as a trace that Chrome (chrome://tracing) and
// Perfetto (ui.perfetto.dev) show. The format: Google's "Trace Event Format", complete events ("ph":"X").
#ifndef RUNTIME_SERVING_TRACE_H_
#define RUNTIME_SERVING_TRACE_H_

#include <stdint.h>

#include <mutex>
#include <string>
#include <vector>

#include "aoti/model_api.h"

namespace aoti {

struct TraceEvent {
  const char *category;  // "call", "kernel": a literal
  const char *name;      // a literal, or of a library that stays loaded
  const char *origin;    // what it was made of, "aten.mm at m.py:3"; null: nothing to say. As name.
  int64_t begin_ns, end_ns;
  int32_t thread;  // the kernel's number of the thread
};

class Trace {
 public:
  // Keeps the last `capacity` events; earlier ones are counted, not kept.
  explicit Trace(size_t capacity = 1 << 16) : events_(capacity) {}

  // Thread-safe. The calling thread's number is filled in.
  void add(const char *category, const char *name, const char *origin, int64_t begin_ns, int64_t end_ns);

  // Adds each kernel of the container's runs; false with a message where that cannot be. Until detach, or
  // another attach to the container.
  bool attach(const AotiModelApi &api, AOTInductorModelContainerHandle container, std::string *error);
  static void detach(const AotiModelApi &api, AOTInductorModelContainerHandle container);

  // The events in the order in which they ended, as JSON.
  std::string json() const;
  // False with a message; the file is whole or not there.
  bool write(const std::string &path, std::string *error) const;

  size_t size() const;
  int64_t num_lost() const;

 private:
  mutable std::mutex mutex_;
  std::vector<TraceEvent> events_;
  uint64_t added_ = 0;
};

}  // namespace aoti

#endif  // RUNTIME_SERVING_TRACE_H_
