#include "runtime/server/options.h"

#include <getopt.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>

namespace aoti::server {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kMostMs = 1'000'000'000;  // 11 days

struct Flag {
  const char *name, *value, *help;
  // "" or what was expected.
  std::function<std::string(const std::string &value, ServerOptions *options)> set;
};

template <class T>
auto number(T *(*place)(ServerOptions *), int64_t least, int64_t most, int64_t unit = 1) {
  return [=](const std::string &value, ServerOptions *options) -> std::string {
    int64_t given = 0;
    const char *end = value.data() + value.size();
    const auto result = std::from_chars(value.data(), end, given);
    if (result.ec != std::errc() || result.ptr != end || given < least || given > most) {
      return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    }
    *place(options) = static_cast<T>(given * unit);
    return "";
  };
}

auto port(uint16_t *(*place)(ServerOptions *), bool *(*has)(ServerOptions *)) {
  const auto set = number<uint16_t>(place, 0, 65535);
  return [=](const std::string &value, ServerOptions *options) -> std::string {
    *has(options) = value != "off";
    const std::string expected = value == "off" ? "" : set(value, options);
    return expected.empty() ? "" : expected + ", or off";
  };
}

bool is_name(const std::string &text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::string add_model(const std::string &value, ServerOptions *options) {
  const size_t equals = value.find('=');
  const std::string label = value.substr(0, equals);
  const size_t colon = label.find(':');
  ModelSource source;
  source.name = label.substr(0, colon);
  source.version = colon == std::string::npos ? "1" : label.substr(colon + 1);
  source.path = equals == std::string::npos ? "" : value.substr(equals + 1);
  if (!is_name(source.name) || !is_version(source.version) || source.path.empty()) {
    return "NAME=PATH or NAME:VERSION=PATH, NAME of letters, digits, '.', '_' and '-', VERSION a number "
           "above 0";
  }
  options->models.push_back(std::move(source));
  return "";
}

std::string set_level(const std::string &value, ServerOptions *options) {
  const char *const names[] = {"debug", "info", "warning", "error", "none"};
  for (int level = Log::kDebug; level <= Log::kNone; ++level) {
    if (value != names[level]) continue;
    options->log_level = static_cast<Log::Level>(level);
    return "";
  }
  return "debug, info, warning, error or none";
}

#define PLACE(member) [](ServerOptions *options) { return &options->member; }

constexpr int64_t kMany = 1'000'000;
constexpr int64_t kMostBytes = int64_t{1} << 40;

const std::vector<Flag> &flags() {
  static const std::vector<Flag> all = {
      {"model", "NAME[:VERSION]=PATH[#METHOD]",
       "a model library or package to serve; may be given many times. Without VERSION it is version 1; a "
       "request "
       "without a version gets the highest. A package with several methods becomes NAME.METHOD each, or one "
       "with "
       "#METHOD",
       add_model},
      {"host", "ADDRESS", "where to listen; \"\" for all addresses (127.0.0.1)",
       [](const std::string &value, ServerOptions *options) {
         options->host = value;
         return std::string();
       }},
      {"rest-port", "N", "of REST; 0: one that is free, which is printed; off: no REST (8000)",
       port(PLACE(rest_port), PLACE(has_rest))},
      {"grpc-port", "N", "the same of gRPC (8001)", port(PLACE(grpc_port), PLACE(has_grpc))},
      {"instances", "N",
       "runs of each model at a time (the processors that the process may use, over --threads)",
       number<int32_t>(PLACE(model.num_instances), 1, 1024)},
      {"threads", "N", "threads of one run (1)", number<int32_t>(PLACE(model.threads_per_call), 1, 1024)},
      {"max-waiting", "N", "requests of one model that may wait for an instance; others are refused (64)",
       number<size_t>(PLACE(model.max_waiting), 0, kMany)},
      {"timeout-ms", "N", "how long a request may wait that does not say so itself; 0: any time (0)",
       number<int64_t>(PLACE(session.default_deadline_ns), 0, kMostMs, kMs)},
      {"max-batch-rows", "N",
       "dynamic batching: requests that come together run as one, along dimension 0, up to N rows; 0: as "
       "many as the "
       "model allows; 1: no batching (1)",
       number<int64_t>(PLACE(model.max_batch_rows), 0, kMany)},
      {"max-batch-delay-us", "N", "how long the first request of a batch waits for others (2000)",
       number<int64_t>(PLACE(model.max_batch_delay_ns), 0, kMany, 1000)},
      {"device", "NAME", "where models run (cpu)",
       [](const std::string &value, ServerOptions *options) {
         options->model.device = value;
         return std::string();
       }},
      {"verify-weights", "yes|no", "whether to compare the weights of packages with their checksum (no)",
       [](const std::string &value, ServerOptions *options) {
         options->model.verify_weights = value == "yes";
         return std::string(value == "yes" || value == "no" ? "" : "yes or no");
       }},
      {"public-key", "FILE",
       "serve only what a key of this file signed (//tools/sign); may be given many times",
       [](const std::string &value, ServerOptions *options) {
         options->public_keys.push_back(value);
         return std::string(value.empty() ? "a file with public keys" : "");
       }},
      {"max-body-bytes", "N", "of one request (67108864)",
       number<size_t>(PLACE(session.max_body_bytes), 1, kMostBytes)},
      {"max-bodies-bytes", "N",
       "of all requests together, from their arrival until the model has run (1073741824)",
       number<size_t>(PLACE(max_bodies_bytes), 1, kMostBytes)},
      {"max-header-bytes", "N", "of one request (32768)",
       number<size_t>(PLACE(session.max_header_bytes), 256, 16 << 20)},
      {"max-headers", "N", "of one request (100)", number<size_t>(PLACE(session.max_headers), 1, 100'000)},
      {"max-connections", "N", "at a time; others wait in the system's queue (1024)",
       number<size_t>(PLACE(loop.max_connections), 1, kMany)},
      {"max-streams", "N", "gRPC requests at a time on one connection (64)",
       number<size_t>(PLACE(session.max_streams), 1, 100'000)},
      {"io-threads", "N", "threads that read and write connections, and decode requests (1)",
       number<int>(PLACE(io_threads), 1, 256)},
      {"header-time-ms", "N", "for the headers of a request to arrive (10000)",
       number<int64_t>(PLACE(session.header_time_ns), 1, kMostMs, kMs)},
      {"body-pause-ms", "N", "without a byte of a body that has begun (30000)",
       number<int64_t>(PLACE(session.body_pause_ns), 1, kMostMs, kMs)},
      {"idle-time-ms", "N", "between requests of a connection (120000)",
       number<int64_t>(PLACE(session.idle_time_ns), 1, kMostMs, kMs)},
      {"write-pause-ms", "N", "without a byte of a response taken by the client (30000)",
       number<int64_t>(PLACE(loop.write_pause_ns), 1, kMostMs, kMs)},
      {"drain-time-ms", "N", "for requests to end after SIGTERM; then connections are closed (30000)",
       number<int64_t>(PLACE(drain_time_ns), 0, kMostMs, kMs)},
      {"log-level", "LEVEL", "debug (every request), info, warning, error or none (info)", set_level},
  };
  return all;
}

#undef PLACE

int processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

// What getopt_long looks for; its numbers are places in flags().
std::vector<option> long_options() {
  std::vector<option> all;
  for (size_t i = 0; i < flags().size(); ++i) {
    all.push_back({flags()[i].name, required_argument, nullptr, static_cast<int>(i)});
  }
  all.push_back({"help", no_argument, nullptr, 'h'});
  all.push_back({});
  return all;
}

std::string help_lines(const Flag &flag) {
  constexpr size_t kIndent = 30, kWidth = 115;
  std::string text = std::string("  --") + flag.name + "=" + flag.value;
  text += text.size() < kIndent ? std::string(kIndent - text.size(), ' ') : "\n" + std::string(kIndent, ' ');
  size_t column = kIndent;
  const std::string help = flag.help;
  for (size_t begin = 0; begin < help.size();) {
    const std::string word = help.substr(begin, help.find(' ', begin) - begin);
    if (column + 1 + word.size() > kWidth) {
      text += "\n" + std::string(kIndent, ' ');
      column = kIndent;
    }
    text += (column > kIndent ? " " : "") + word;
    column += word.size() + (column > kIndent);
    begin += word.size() + 1;
  }
  return text + "\n";
}

}  // namespace

bool parse_options(const std::vector<std::string> &arguments, ServerOptions *options, std::string *error) {
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), "aoti_server");
  std::vector<char *> argv;
  for (std::string &word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::vector<option> table = long_options();
  const int count = static_cast<int>(words.size());
  options->model.num_instances = 0;
  optind = 0;  // begin anew
  opterr = 0;
  const auto is_unknown = [&](const std::string &word) {
    *error = "unknown argument '" + word + "'; see --help";
    return false;
  };
  for (int found = 0; (found = getopt_long(count, argv.data(), "+:h", table.data(), nullptr)) != -1;) {
    if (found == 'h') {
      options->wants_help = true;
      return true;
    }
    if (found == '?') {
      const std::string &word = words[static_cast<size_t>(optind) - 1];
      return is_unknown(word.compare(0, 2, "--") == 0 ? word : std::string("-") + static_cast<char>(optopt));
    }
    // Without a value: optopt is what it would be.
    const Flag &flag = flags()[static_cast<size_t>(found == ':' ? optopt : found)];
    const std::string value = found == ':' ? "" : optarg;
    const std::string expected = found == ':' ? flag.value : flag.set(value, options);
    if (expected.empty()) continue;
    *error = std::string("--") + flag.name + " '" + value + "': expected " + expected;
    return false;
  }
  if (optind < count) return is_unknown(words[static_cast<size_t>(optind)]);
  if (options->models.empty()) {
    *error = "no model; name one with --model NAME=PATH";
    return false;
  }
  if (!options->has_rest && !options->has_grpc) {
    *error = "--rest-port and --grpc-port are both off: nobody could ask for anything";
    return false;
  }
  options->session.bodies = std::make_shared<ByteBudget>(options->max_bodies_bytes);
  if (options->model.num_instances == 0) {
    options->model.num_instances = std::max(1, processors() / options->model.threads_per_call);
  }
  return true;
}

std::string help_text() {
  std::string text =
      "aoti_server: serves model libraries and packages over the Open Inference Protocol (KServe v2), REST "
      "and gRPC.\n\n"
      "    aoti_server --model NAME=libmodel.so [--model NAME:2=model.pt2] [--rest-port=8000] "
      "[--grpc-port=8001]\n\n"
      "It prints where it listens on stdout and logs JSON lines on stderr. SIGTERM and SIGINT end it: it "
      "takes no new\n"
      "requests, answers those that it has, and exits with 0 (1: --drain-time-ms was over). A second signal "
      "ends it at\n"
      "once. There is no TLS and no authentication: put a proxy in front of it.\n\n";
  for (const Flag &flag : flags()) text += help_lines(flag);
  return text;
}

}  // namespace aoti::server
