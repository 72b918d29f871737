// Statistics of a pool in Prometheus's text format
// (https://prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4).
#include <inttypes.h>
#include <stdio.h>

#include "runtime/serving/pool.h"

namespace aoti {
namespace {

// Label values end at a quote.
std::string escaped(const std::string &value) {
  std::string result;
  for (char c : value) {
    if (c == '\\' || c == '"') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

class Text {
 public:
  explicit Text(const std::string &model) : model_(escaped(model)) {}

  void family(const char *name, const char *type, const char *help) {
    text_ += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
  }

  void sample(const std::string &name, const std::string &labels, double value) {
    char number[64];
    snprintf(number, sizeof number, "%.17g", value);
    text_ += name + "{model=\"" + model_ + "\"" + labels + "} " + number + "\n";
  }

  // Every second power of two, so that a scrape stays small.
  void histogram(const char *name, const char *help, const LatencyHistogram &times) {
    family(name, "histogram", help);
    int64_t below = 0;
    for (int bucket = 0; bucket < LatencyHistogram::kBuckets - 1; ++bucket) {
      below += times.count_in(bucket);
      if (bucket % 4 != 0) continue;
      char bound[64];
      snprintf(bound, sizeof bound, ",le=\"%.9g\"",
               static_cast<double>(LatencyHistogram::upper_bound_ns(bucket)) / 1e9);
      sample(std::string(name) + "_bucket", bound, static_cast<double>(below));
    }
    sample(std::string(name) + "_bucket", ",le=\"+Inf\"", static_cast<double>(times.count()));
    sample(std::string(name) + "_sum", "", static_cast<double>(times.sum_ns()) / 1e9);
    sample(std::string(name) + "_count", "", static_cast<double>(times.count()));
  }

  const std::string &text() const { return text_; }

 private:
  const std::string model_;
  std::string text_;
};

}  // namespace

std::string Pool::metrics(const std::string &model) const {
  const PoolStats s = stats();
  Text text(model);
  text.family("aoti_calls_total", "counter", "Calls, by how they ended.");
  const int64_t other = s.failed + s.queue_full + s.deadline + s.cancelled;
  text.sample("aoti_calls_total", ",result=\"ok\"", static_cast<double>(s.calls - other));
  text.sample("aoti_calls_total", ",result=\"failed\"", static_cast<double>(s.failed));
  text.sample("aoti_calls_total", ",result=\"queue_full\"", static_cast<double>(s.queue_full));
  text.sample("aoti_calls_total", ",result=\"deadline\"", static_cast<double>(s.deadline));
  text.sample("aoti_calls_total", ",result=\"cancelled\"", static_cast<double>(s.cancelled));
  text.family("aoti_running", "gauge", "Calls that run now.");
  text.sample("aoti_running", "", s.running);
  text.family("aoti_waiting", "gauge", "Calls that wait for an instance now.");
  text.sample("aoti_waiting", "", static_cast<double>(s.waiting));
  text.histogram("aoti_wait_seconds", "How long calls waited for an instance.", s.waited);
  text.histogram("aoti_run_seconds", "How long the model took.", s.ran);
  return text.text();
}

}  // namespace aoti
