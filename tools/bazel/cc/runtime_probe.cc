// Needs each support library (threads, exceptions, strings), so that zig builds them all.
#include <string>
#include <thread>

int main(int argc, char **argv) {
  std::thread worker([&] {
    try {
      throw std::string(argv[0]);
    } catch (const std::string &text) {
      argc = static_cast<int>(text.size());
    }
  });
  worker.join();
  return argc;
}
