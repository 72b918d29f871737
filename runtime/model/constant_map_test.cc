// The host's unordered_map, read and extended as data: against maps laid out by hand, and, where this test is
// built with libstdc++, against real ones.
#include "runtime/model/constant_map.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <string>
#include <unordered_map>

#include "runtime/model/error.h"
#include "tools/testing/check.h"

using aoti_model::map_insert;
using aoti_model::map_read;

namespace {

AtenTensorHandle handle(uintptr_t number) { return reinterpret_cast<AtenTensorHandle>(number); }

// libstdc++'s layout, written down once more and apart from the code under test.
struct HandNode {
  HandNode *next;
  const char *characters;
  uint64_t length;
  uint64_t rest_of_string[2];
  AtenTensorHandle value;
  uint64_t hash;
};

struct HandMap {
  void **buckets;
  uint64_t bucket_count;
  HandNode *first;
  uint64_t element_count;
  float max_load;
  uint64_t next_resize;
  void *single_bucket;
};

void test_read_by_hand() {
  HandNode second = {nullptr, "net.bias", 8, {0, 0}, handle(2), 0};
  HandNode first = {&second, "a.long.name.that.needs.the.heap", 31, {0, 0}, handle(1), 0};
  HandMap map = {nullptr, 1, &first, 2, 1.0f, 0, nullptr};
  map.buckets = &map.single_bucket;
  AOTInductorConstantMapEntry *entries = nullptr;
  size_t count = 0;
  CHECK_EQ(map_read(reinterpret_cast<AOTInductorConstantMapHandle>(&map), &entries, &count), 0);
  CHECK_EQ(count, 2u);
  CHECK_STR_EQ(entries[0].name, "a.long.name.that.needs.the.heap");
  CHECK(entries[0].handle == handle(1) && entries[1].handle == handle(2));
  free(entries);
  map.element_count = 3;
  CHECK_EQ(map_read(reinterpret_cast<AOTInductorConstantMapHandle>(&map), &entries, &count), 1);
  CHECK_CONTAINS(aoti_model::last_error(), "not laid out as libstdc++'s std::unordered_map");
  map.element_count = 1;
  CHECK_EQ(map_read(reinterpret_cast<AOTInductorConstantMapHandle>(&map), &entries, &count), 1);
  CHECK_EQ(map_read(nullptr, &entries, &count), 1);
  CHECK_CONTAINS(aoti_model::last_error(), "map of constants is null");
}

#if defined(__GLIBCXX__)

using Map = std::unordered_map<std::string, AtenTensorHandle>;

AOTInductorConstantMapHandle opaque(Map *map) { return reinterpret_cast<AOTInductorConstantMapHandle>(map); }

// Names of all lengths around the limit of the short form, some of them long.
std::string name_of(int i) { return std::string(static_cast<size_t>(i) % 40, 'x') + std::to_string(i); }

void test_read_real(int elements) {
  Map map;
  for (int i = 0; i < elements; ++i) map[name_of(i)] = handle(static_cast<uintptr_t>(i) + 1);
  AOTInductorConstantMapEntry *entries = nullptr;
  size_t count = 0;
  CHECK_EQ(map_read(opaque(&map), &entries, &count), 0);
  CHECK_EQ(count, map.size());
  for (size_t i = 0; i < count; ++i) CHECK(map.at(entries[i].name) == entries[i].handle);
  free(entries);
}

// A map that we extended behaves as one that the host filled, also when the host goes on: it grows, looks up,
// erases.
void test_insert_real(int before, int inserted) {
  Map map;
  for (int i = 0; i < before; ++i) map[name_of(i)] = handle(static_cast<uintptr_t>(i) + 1);
  for (int i = 0; i < before + inserted; ++i) {
    const std::string name = name_of(i);
    CHECK_EQ(map_insert(opaque(&map), {name.c_str(), handle(static_cast<uintptr_t>(i) + 1001)}), 0);
  }
  CHECK_EQ(map.size(), static_cast<size_t>(before + inserted));
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < before + inserted; ++i) {
      const auto found = map.find(name_of(i));
      CHECK(found != map.end());
      // A key that was there keeps its value.
      if (found != map.end()) {
        CHECK(found->second == handle(static_cast<uintptr_t>(i) + (i < before ? 1 : 1001)));
      }
    }
    map.rehash(257);
  }
  for (int i = 0; i < before + inserted; ++i) CHECK_EQ(map.erase(name_of(i)), 1u);
  CHECK(map.empty());
}

void test_real_maps() {
  for (int elements : {0, 1, 2, 50, 1000}) test_read_real(elements);
  for (int before : {0, 1, 30}) {
    for (int inserted : {0, 1, 5, 300}) test_insert_real(before, inserted);
  }
}

#else

// Without libstdc++ in the process nobody could free what an insertion makes. The address sanitizer's runtime
// brings it along.
void test_real_maps() {
  void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_NOLOAD);
  HandMap map = {nullptr, 1, nullptr, 0, 1.0f, 0, nullptr};
  map.buckets = &map.single_bucket;
  const AOTIRuntimeError status =
      map_insert(reinterpret_cast<AOTInductorConstantMapHandle>(&map), {"a", handle(1)});
  CHECK_EQ(status, library == nullptr ? 1 : 0);
  CHECK_EQ(map.element_count, library == nullptr ? 0u : 1u);
  if (library == nullptr) {
    CHECK_CONTAINS(aoti_model::last_error(), "this process has not loaded libstdc++.so.6");
    return;
  }
  CHECK(map.first != nullptr && map.first->value == handle(1));
  if (map.first == nullptr) return;
  CHECK_STR_EQ(map.first->characters, "a");
  reinterpret_cast<void (*)(void *)>(dlsym(library, "_ZdlPv"))(map.first);
  dlclose(library);
}

#endif

}  // namespace

int main() {
  test_read_by_hand();
  test_real_maps();
  return aoti_test::result();
}
