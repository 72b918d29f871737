// The host's std::unordered_map<std::string, AtenTensorHandle>, read and extended as data.
//
// PyTorch's own loader (2.13) passes constants only in this form. This library has no C++ library inside, so
// it knows the layout that libstdc++ gives such a map (C++11 strings, 64 bit; unchanged since GCC 5):
//
//   map:    buckets*, bucket_count, first node*, element_count, max_load (float), next_resize, single bucket
//   node:   next node*, key string, handle, hash of the key
//   string: characters*, length, 16 bytes (the characters when there are at most 15, else the capacity)
//
// A host built with another C++ library must use the functions whose names end in Pairs or Entries.
#ifndef RUNTIME_MODEL_CONSTANT_MAP_H_
#define RUNTIME_MODEL_CONSTANT_MAP_H_

#include "aoti/model_interface.h"

namespace aoti_model {

// Reads a map into an array that the caller frees with free(); names and handles stay the host's. Fails for
// null, and for what cannot be such a map (its chain of nodes and its count disagree).
AOTIRuntimeError map_read(AOTInductorConstantMapHandle map, AOTInductorConstantMapEntry **ret_entries,
                          size_t *ret_num_entries);

// Adds an entry; a key that is there already keeps its value. Memory and hash come from the libstdc++ that
// the process has loaded, because the host will free the one and look up by the other; fails when there is
// none.
AOTIRuntimeError map_insert(AOTInductorConstantMapHandle map, const AOTInductorConstantMapEntry &entry);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_CONSTANT_MAP_H_
