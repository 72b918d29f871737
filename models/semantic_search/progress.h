// Tells a waiting person on stderr how far a long loop is.

#ifndef MODELS_SEMANTIC_SEARCH_PROGRESS_H_
#define MODELS_SEMANTIC_SEARCH_PROGRESS_H_

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>

namespace semantic_search {

// Silent for the first second and for whoever is done by then. Rewrites one line of a terminal once a second;
// writes a line every ten seconds elsewhere.
class Progress {
 public:
  explicit Progress(size_t total)
      : total_(total), terminal_(isatty(STDERR_FILENO) != 0), start_(Clock::now()), last_(start_) {}

  void Update(size_t done) {
    const Clock::time_point now = Clock::now();
    if (done == 0 || now - last_ < std::chrono::seconds(terminal_ ? 1 : 10)) return;
    last_ = now;
    written_ = true;
    const double elapsed_s = std::chrono::duration<double>(now - start_).count();
    const double left_s = elapsed_s / static_cast<double>(done) * static_cast<double>(total_ - done);
    std::fprintf(stderr, "%s%zu of %zu lines, %.0f s left%s", terminal_ ? "\r\033[K" : "", done, total_,
                 left_s, terminal_ ? "" : "\n");
    std::fflush(stderr);
  }

  // Clears the terminal's line.
  void Finish() {
    if (written_ && terminal_) std::fputs("\r\033[K", stderr);
  }

 private:
  using Clock = std::chrono::steady_clock;

  size_t total_;
  bool terminal_, written_ = false;
  Clock::time_point start_, last_;
};

}  // namespace semantic_search

#endif  // MODELS_SEMANTIC_SEARCH_PROGRESS_H_
