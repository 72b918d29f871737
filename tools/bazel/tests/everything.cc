// What a library of ours may use at most: C++ library, threads, exceptions, static objects.
#include <atomic>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Note {
  ~Note() { std::fputs("static destructor of the library\n", stdout); }
} note;

thread_local char last_error[64] = "none";  // a destructor here would keep the library loaded
std::mutex mutex;

}  // namespace

extern "C" __attribute__((visibility("default"))) const char *everything_last_error() { return last_error; }

// Sum of 0..threads-1 plus the number of exceptions caught in threads; -1 and an error for more than 8.
extern "C" __attribute__((visibility("default"))) int everything_run(int threads) {
  try {
    if (threads > 8) throw std::out_of_range("too many: " + std::to_string(threads));
    std::vector<std::thread> workers;
    std::vector<std::string> messages;
    std::atomic<int> sum{0};
    for (int i = 0; i < threads; ++i) {
      workers.emplace_back([&, i] {
        try {
          throw std::runtime_error("worker " + std::to_string(i));
        } catch (const std::exception &error) {
          std::lock_guard<std::mutex> guard(mutex);
          messages.push_back(error.what());
          sum += i;
        }
      });
    }
    for (auto &worker : workers) worker.join();
    return sum + static_cast<int>(messages.size());
  } catch (const std::exception &error) {
    std::snprintf(last_error, sizeof(last_error), "%s", error.what());
    return -1;
  }
}
