// Statistics of pools in Prometheus's text format
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
  explicit Text(const std::vector<ModelStats> &models) : models_(models) {}

  void family(const char *name, const char *type, const char *help) {
    text_ += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
  }

  void sample(const std::string &name, const ModelStats &of, const std::string &labels, double value) {
    char number[64];
    snprintf(number, sizeof number, "%.17g", value);
    text_ += name + "{model=\"" + escaped(of.model) + "\"" + labels + "} " + number + "\n";
  }

  void calls() {
    const char *const name = "aoti_calls_total";
    family(name, "counter", "Calls, by how they ended.");
    for (const ModelStats &of : models_) {
      const PoolStats &s = of.stats;
      const int64_t other = s.failed + s.queue_full + s.deadline + s.cancelled;
      sample(name, of, ",result=\"ok\"", static_cast<double>(s.calls - other));
      sample(name, of, ",result=\"failed\"", static_cast<double>(s.failed));
      sample(name, of, ",result=\"queue_full\"", static_cast<double>(s.queue_full));
      sample(name, of, ",result=\"deadline\"", static_cast<double>(s.deadline));
      sample(name, of, ",result=\"cancelled\"", static_cast<double>(s.cancelled));
    }
  }

  void gauges() {
    family("aoti_running", "gauge", "Calls that run now.");
    for (const ModelStats &of : models_) sample("aoti_running", of, "", of.stats.running);
    family("aoti_waiting", "gauge", "Calls that wait for an instance now.");
    for (const ModelStats &of : models_) {
      sample("aoti_waiting", of, "", static_cast<double>(of.stats.waiting));
    }
  }

  void histograms(const char *name, const char *help, LatencyHistogram PoolStats::*times) {
    family(name, "histogram", help);
    for (const ModelStats &of : models_) histogram(name, of, of.stats.*times);
  }

  const std::string &text() const { return text_; }

 private:
  // Every second power of two, so that a scrape stays small.
  void histogram(const std::string &name, const ModelStats &of, const LatencyHistogram &times) {
    int64_t below = 0;
    for (int bucket = 0; bucket < LatencyHistogram::kBuckets - 1; ++bucket) {
      below += times.count_in(bucket);
      if (bucket % 4 != 0) continue;
      char bound[64];
      snprintf(bound, sizeof bound, ",le=\"%.9g\"",
               static_cast<double>(LatencyHistogram::upper_bound_ns(bucket)) / 1e9);
      sample(name + "_bucket", of, bound, static_cast<double>(below));
    }
    sample(name + "_bucket", of, ",le=\"+Inf\"", static_cast<double>(times.count()));
    sample(name + "_sum", of, "", static_cast<double>(times.sum_ns()) / 1e9);
    sample(name + "_count", of, "", static_cast<double>(times.count()));
  }

  const std::vector<ModelStats> &models_;
  std::string text_;
};

}  // namespace

std::string metrics_text(const std::vector<ModelStats> &models) {
  Text text(models);
  text.calls();
  text.gauges();
  text.histograms("aoti_wait_seconds", "How long calls waited for an instance.", &PoolStats::waited);
  text.histograms("aoti_run_seconds", "How long the model took.", &PoolStats::ran);
  return text.text();
}

std::string Pool::metrics(const std::string &model) const { return metrics_text({{model, stats()}}); }

}  // namespace aoti
