// Reading libraries as data: what is found in a good one, and that damaged ones are refused, not crashed on.
// The good one is the first argument: the toy model.
#include "runtime/package/elf_file.h"

#include <elf.h>
#include <string.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "tools/testing/check.h"

namespace {

bool contains(const std::vector<std::string> &names, const char *name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<char> read_all(const char *path) {
  std::ifstream file(path, std::ios::binary);
  return std::vector<char>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

// What read_elf says of these bytes; "" when it accepts them.
std::string verdict(const std::vector<char> &bytes) {
  aoti::ElfFile file;
  std::string error;
  const aoti::Bytes view{reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()};
  const bool accepted = aoti::read_elf(view, "damaged.so", &file, &error);
  CHECK_EQ(accepted, error.empty());
  return error;
}

void test_good(const char *path) {
  aoti::ElfFile file;
  aoti::FileMap map;
  std::string error;
  CHECK(map.open(path, "a library", &error));
  CHECK(aoti::read_elf(map.bytes(), path, &file, &error));
  CHECK(contains(file.exported, "aoti_model_api"));
  CHECK(contains(file.exported, "AOTInductorModelContainerRun"));
  CHECK(!contains(file.exported, "aoti_torch_clone"));
  CHECK(contains(file.imported, "malloc"));
  CHECK(contains(file.needed, "libc.so.6"));
}

void test_no_library() {
  aoti::FileMap map;
  std::string error;
  CHECK(!map.open("/nowhere/no such file", "a library", &error));
  CHECK_CONTAINS(error.c_str(), "/nowhere/no such file: No such file or directory");
  CHECK(!map.open("/", "a library", &error));
  CHECK_CONTAINS(error.c_str(), "/: not a file with anything in it; expected a library");
  CHECK_CONTAINS(verdict({}).c_str(), "not an ELF file");
  CHECK_CONTAINS(verdict(std::vector<char>(300, 'x')).c_str(), "not an ELF file");
}

void test_wrong_kind(const std::vector<char> &good) {
  std::vector<char> changed = good;
  changed[18] = static_cast<char>(EM_AARCH64);
  changed[19] = 0;
#if defined(__x86_64__)
  CHECK_CONTAINS(verdict(changed).c_str(), "built for aarch64; this program runs on x86-64");
#endif
  changed = good;
  changed[EI_CLASS] = ELFCLASS32;
  CHECK_CONTAINS(verdict(changed).c_str(), "not a 64-bit");
  changed = good;
  changed[16] = ET_REL;
  CHECK_CONTAINS(verdict(changed).c_str(), "not a shared library");
}

// Cut at many places, the library is refused: its section headers come last.
void test_cut(const std::vector<char> &good) {
  for (size_t length = 64; length < good.size(); length += good.size() / 97 + 1) {
    CHECK_CONTAINS(verdict(std::vector<char>(good.begin(), good.begin() + static_cast<long>(length))).c_str(),
                   "damaged or cut short");
  }
}

// With any byte of its headers changed it is accepted or refused, and nothing is read outside (see
// --config=ubsan, asan).
void test_flipped(const std::vector<char> &good) {
  Elf64_Ehdr header;
  memcpy(&header, good.data(), sizeof header);
  int refused = 0;
  for (size_t at = 0; at < sizeof header; ++at) {
    std::vector<char> changed = good;
    changed[at] = static_cast<char>(~changed[at]);
    refused += !verdict(changed).empty();
  }
  CHECK(refused > 20);
  const size_t sections = header.e_shoff, bytes = size_t{header.e_shnum} * header.e_shentsize;
  for (size_t at = sections; at < sections + bytes && at < good.size(); at += 3) {
    std::vector<char> changed = good;
    changed[at] = static_cast<char>(~changed[at]);
    verdict(changed);
  }
}

}  // namespace

int main(int argc, char **argv) {
  CHECK_EQ(argc, 2);
  test_good(argv[1]);
  test_no_library();
  const std::vector<char> good = read_all(argv[1]);
  test_wrong_kind(good);
  test_cut(good);
  test_flipped(good);
  return aoti_test::result();
}
