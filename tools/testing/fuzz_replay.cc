// Runs a fuzz target without a fuzzer: on every file of its corpus, then on changed copies of them.
//
// What enters: files and folders as arguments, --runs=N. What leaves: 0 unless the target crashed or a
// sanitizer spoke. The changes are the same in every run: a regression test, and in every build
// (//tools/testing:fuzz_main.cc is the real fuzzer).
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace {

using Input = std::vector<uint8_t>;

// splitmix64
uint64_t next_number(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

void collect(const std::string &path, std::vector<std::string> *files) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return;
  if (!S_ISDIR(status.st_mode)) {
    files->push_back(path);
    return;
  }
  DIR *folder = opendir(path.c_str());
  for (dirent *entry = folder != nullptr ? readdir(folder) : nullptr; entry != nullptr;
       entry = readdir(folder)) {
    if (entry->d_name[0] != '.') collect(path + "/" + entry->d_name, files);
  }
  if (folder != nullptr) closedir(folder);
}

// One to eight changes: a bit, a byte, a number of a telling size, a piece removed, repeated or of another
// input.
void change(const std::vector<Input> &corpus, uint64_t *state, Input *input) {
  static const uint64_t kTelling[] = {0,          1,          0x7f,      0xff,      0xffff,
                                      0x7fffffff, 0xffffffff, INT64_MAX, UINT64_MAX};
  for (uint64_t left = 1 + next_number(state) % 8; left > 0; --left) {
    if (input->empty()) input->push_back(0);
    const size_t at = next_number(state) % input->size(), room = input->size() - at;
    const size_t count = 1 + next_number(state) % std::min<size_t>(room, 32);
    const auto place = input->begin() + static_cast<long>(at);
    switch (next_number(state) % 6) {
      case 0:
        (*input)[at] ^= static_cast<uint8_t>(1u << next_number(state) % 8);
        break;
      case 1:
        (*input)[at] = static_cast<uint8_t>(next_number(state));
        break;
      case 2: {
        const uint64_t number = kTelling[next_number(state) % (sizeof kTelling / sizeof kTelling[0])];
        memcpy(input->data() + at, &number, std::min<size_t>(room, size_t{1} << next_number(state) % 4));
        break;
      }
      case 3:
        input->erase(place, place + static_cast<long>(count));
        break;
      case 4: {
        const Input piece(place, place + static_cast<long>(count));
        input->insert(place, piece.begin(), piece.end());
        break;
      }
      default: {
        const Input &other = corpus[next_number(state) % corpus.size()];
        if (other.empty()) break;
        const size_t from = next_number(state) % other.size(), length = std::min(room, other.size() - from);
        std::copy_n(other.begin() + static_cast<long>(from), length, place);
      }
    }
  }
}

// The target sees memory of exactly this size, so that a sanitizer sees a read beyond it.
void run(const Input &input) {
  uint8_t *copy = static_cast<uint8_t *>(malloc(input.size() + (input.empty() ? 1 : 0)));
  if (!input.empty()) memcpy(copy, input.data(), input.size());
  LLVMFuzzerTestOneInput(copy, input.size());
  free(copy);
}

}  // namespace

int main(int argc, char **argv) {
  long runs = 20000;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], "--runs=", 7) == 0) {
      runs = atol(argv[i] + 7);
    } else {
      collect(argv[i], &files);
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<Input> corpus;
  for (const std::string &path : files) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    run(corpus.back());
  }
  if (corpus.empty()) {
    fprintf(stderr, "no corpus: name its files or folder\n");
    return 1;
  }
  uint64_t state = 1;
  for (long i = 0; i < runs; ++i) {
    Input input = corpus[next_number(&state) % corpus.size()];
    change(corpus, &state, &input);
    run(input);
  }
  printf("%zu files, %ld changed copies\n", corpus.size(), runs);
  return 0;
}
