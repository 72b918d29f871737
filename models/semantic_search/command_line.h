// The command line of semantic_search.
//
// Enters: argc, argv. Leaves: checked options, or a sentence that says which argument is wrong and what was
// expected.

#ifndef MODELS_SEMANTIC_SEARCH_COMMAND_LINE_H_
#define MODELS_SEMANTIC_SEARCH_COMMAND_LINE_H_

#include <cstddef>
#include <string>

namespace semantic_search {

extern const char kUsage[];

struct Options {
  std::string query;
  std::string file;
  size_t top = 10;
  int threads = 0;  // 0: as many as the process may use
  bool help = false;
};

// Accepts --name=value and --name value, before or after FILE; "--" ends the flags. Returns false with
// `error` set if an argument is unknown, missing, doubled or out of range. With --help nothing else is
// required.
bool ParseCommandLine(int argc, const char *const *argv, Options *options, std::string *error);

}  // namespace semantic_search

#endif  // MODELS_SEMANTIC_SEARCH_COMMAND_LINE_H_
