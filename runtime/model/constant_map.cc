#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // RTLD_DEFAULT
#endif
#include "runtime/model/constant_map.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/error.h"

namespace aoti_model {
namespace {

constexpr size_t kShortLength = 15;
// The seed of std::hash<std::string> in libstdc++ (bits/functional_hash.h).
constexpr size_t kHashSeed = 0xc70f6907u;

struct String {
  char *characters;
  size_t length;
  union {
    char inside[kShortLength + 1];
    size_t capacity;
  };
};

struct Node {
  Node *next;
  String key;
  AtenTensorHandle handle;
  size_t hash;
};

// What a bucket points to: the node before its first one. The map's own head counts as a node here.
struct NodeBase {
  Node *next;
};

struct Map {
  NodeBase **buckets;
  size_t bucket_count;
  NodeBase head;
  size_t element_count;
  float max_load;
  size_t next_resize;
  NodeBase *single_bucket;
};

static_assert(sizeof(String) == 32 && sizeof(Node) == 56 && sizeof(Map) == 56,
              "libstdc++'s layout on 64 bit");

struct HostLibrary {
  void *(*operator_new)(size_t bytes, const void *nothrow);  // the form that gives null
  void (*operator_delete)(void *memory);
  size_t (*hash_bytes)(const void *data, size_t bytes, size_t seed);
};

// The global scope comes first: a program may have operator new of its own. Where libstdc++ was loaded
// privately (Python does so), only its handle finds it.
void *find_function(void *handle, const char *name) {
  void *function = dlsym(RTLD_DEFAULT, name);
  return function != nullptr ? function : dlsym(handle, name);
}

AOTIRuntimeError find_host_library(HostLibrary *ret_library) {
  void *handle = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_NOLOAD);
  if (handle != nullptr) {
    void *allocate = find_function(handle, "_ZnwmRKSt9nothrow_t");
    void *release = find_function(handle, "_ZdlPv");
    void *hash = dlsym(handle, "_ZSt11_Hash_bytesPKvmm");
    dlclose(handle);  // the host keeps it loaded
    memcpy(&ret_library->operator_new, &allocate, sizeof allocate);
    memcpy(&ret_library->operator_delete, &release, sizeof release);
    memcpy(&ret_library->hash_bytes, &hash, sizeof hash);
    if (allocate != nullptr && release != nullptr && hash != nullptr) return AOTI_RUNTIME_SUCCESS;
  }
  return fail(
      "the constants were asked for as a std::unordered_map, but this process has not loaded libstdc++.so.6, "
      "whose layout that is; use AOTInductorModelContainerExtractConstantsMapEntries");
}

const Node *find_node(const Map *map, const char *name, size_t length) {
  for (const Node *node = map->head.next; node != nullptr; node = node->next) {
    if (node->key.length == length && memcmp(node->key.characters, name, length) == 0) return node;
  }
  return nullptr;
}

// Every element must be on the chain that starts at the head.
bool is_plausible(const Map *map) {
  if (map->buckets == nullptr || map->bucket_count == 0) return false;
  size_t count = 0;
  for (const Node *node = map->head.next; node != nullptr && count <= map->element_count; node = node->next)
    ++count;
  return count == map->element_count;
}

AOTIRuntimeError check_map(const Map *map) {
  if (map == nullptr) return fail("the map of constants is null; expected a std::unordered_map of libstdc++");
  if (is_plausible(map)) return AOTI_RUNTIME_SUCCESS;
  return fail(
      "the map of constants at %p is not laid out as libstdc++'s std::unordered_map<std::string, "
      "AtenTensorHandle>; a host with another C++ library uses the functions with Pairs or Entries in their "
      "names",
      static_cast<const void *>(map));
}

void link_node(Map *map, Node *node) {
  NodeBase **bucket = &map->buckets[node->hash % map->bucket_count];
  if (*bucket != nullptr) {
    node->next = (*bucket)->next;
    (*bucket)->next = node;
  } else {
    node->next = map->head.next;
    map->head.next = node;
    if (node->next != nullptr) {
      map->buckets[node->next->hash % map->bucket_count] = reinterpret_cast<NodeBase *>(node);
    }
    *bucket = &map->head;
  }
  ++map->element_count;
}

}  // namespace

AOTIRuntimeError map_read(AOTInductorConstantMapHandle handle, AOTInductorConstantMapEntry **ret_entries,
                          size_t *ret_num_entries) {
  const Map *map = reinterpret_cast<const Map *>(handle);
  if (check_map(map) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  const size_t bytes = (map->element_count + 1) * sizeof(AOTInductorConstantMapEntry);
  AOTInductorConstantMapEntry *entries = static_cast<AOTInductorConstantMapEntry *>(malloc(bytes));
  if (entries == nullptr) return fail_memory("a list of constants", static_cast<int64_t>(bytes));
  size_t count = 0;
  for (const Node *node = map->head.next; node != nullptr; node = node->next) {
    entries[count++] = AOTInductorConstantMapEntry{node->key.characters, node->handle};
  }
  *ret_entries = entries;
  *ret_num_entries = count;
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError map_insert(AOTInductorConstantMapHandle handle, const AOTInductorConstantMapEntry &entry) {
  Map *map = reinterpret_cast<Map *>(handle);
  HostLibrary library{};
  if (check_map(map) != AOTI_RUNTIME_SUCCESS || find_host_library(&library) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  const size_t length = strlen(entry.name);
  if (find_node(map, entry.name, length) != nullptr) return AOTI_RUNTIME_SUCCESS;
  const char nothrow = 0;  // std::nothrow_t has no members
  Node *node = static_cast<Node *>(library.operator_new(sizeof(Node), &nothrow));
  if (node == nullptr) return fail_memory("an entry of a map of constants", sizeof(Node));
  node->handle = entry.handle;
  node->hash = library.hash_bytes(entry.name, length, kHashSeed);
  node->key.characters = node->key.inside;
  node->key.length = length;
  if (length > kShortLength) {
    node->key.characters = static_cast<char *>(library.operator_new(length + 1, &nothrow));
    node->key.capacity = length;
    if (node->key.characters == nullptr) {
      library.operator_delete(node);
      return fail_memory("a name in a map of constants", static_cast<int64_t>(length) + 1);
    }
  }
  memcpy(node->key.characters, entry.name, length + 1);
  link_node(map, node);
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace aoti_model
