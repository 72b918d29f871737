#include "models/semantic_search/command_line.h"

#include <cerrno>
#include <cstdlib>
#include <set>
#include <string_view>
#include <vector>

#include "models/semantic_search/utf8.h"

namespace semantic_search {

const char kUsage[] =
    "usage: semantic_search --query TEXT [--top N] [--threads N] FILE\n"
    "\n"
    "Prints the lines of FILE, a UTF-8 text file, that are closest in meaning to TEXT, best first: the "
    "cosine of the\n"
    "two embeddings (1 is the same meaning, 0 is unrelated), the line's number and the line.\n"
    "\n"
    "  --query TEXT    what to look for\n"
    "  --top N         how many lines to print, 1 or more (10)\n"
    "  --threads N     how many threads compute, 0 for as many as the process may use (0)\n"
    "  --help          this text\n";

namespace {

constexpr long kMaxTop = 1000000000;
constexpr long kMaxThreads = 1024;

bool ParseNumber(const std::string &name, const std::string &text, long min, long max, long *value,
                 std::string *error) {
  char *end = nullptr;
  errno = 0;
  *value = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || errno != 0 || *value < min || *value > max) {
    *error = "--" + name + "=" + text + ": expected a whole number from " + std::to_string(min) + " to " +
             std::to_string(max);
    return false;
  }
  return true;
}

bool SetFlag(const std::string &name, const std::string &value, Options *options, std::string *error) {
  long number = 0;
  if (name == "query") {
    options->query = value;
  } else if (name == "top") {
    if (!ParseNumber(name, value, 1, kMaxTop, &number, error)) return false;
    options->top = static_cast<size_t>(number);
  } else {
    if (!ParseNumber(name, value, 0, kMaxThreads, &number, error)) return false;
    options->threads = static_cast<int>(number);
  }
  return true;
}

bool Check(const Options &options, const std::vector<std::string> &files, std::string *error) {
  if (options.query.find_first_not_of(" \t\r\n") == std::string::npos) {
    *error = "--query is missing or blank: say what to look for, for example --query \"how to bake bread\"";
  } else if (FindInvalidUtf8(options.query) != std::string_view::npos) {
    *error = "--query is not UTF-8";
  } else if (files.size() != 1) {
    *error = files.empty() ? "FILE is missing: name a text file"
                           : "expected one FILE, got " + files[0] + " and " + files[1];
    if (files.size() > 1) *error += " (put quotes around a query of several words)";
  } else {
    return true;
  }
  return false;
}

}  // namespace

bool ParseCommandLine(int argc, const char *const *argv, Options *options, std::string *error) {
  static const std::set<std::string> kFlags = {"query", "top", "threads"};
  std::set<std::string> seen;
  std::vector<std::string> files;
  bool flags_end = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (flags_end || argument.substr(0, 2) != "--") {
      files.push_back(argument);
      continue;
    }
    if (argument == "--") {
      flags_end = true;
      continue;
    }
    if (argument == "--help") {
      options->help = true;
      return true;
    }
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (kFlags.count(name) == 0) {
      *error = "unknown flag --" + name + "; there are --query, --top, --threads and --help";
      return false;
    }
    if (!seen.insert(name).second) {
      *error = "--" + name + " is given twice";
      return false;
    }
    if (equals == std::string::npos && i + 1 == argc) {
      *error = "--" + name + " needs a value";
      return false;
    }
    const std::string value = equals == std::string::npos ? argv[++i] : argument.substr(equals + 1);
    if (!SetFlag(name, value, options, error)) return false;
  }
  if (!Check(*options, files, error)) return false;
  options->file = files[0];
  return true;
}

}  // namespace semantic_search
