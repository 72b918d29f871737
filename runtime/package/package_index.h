// What is in a package, found without loading anything of it.
//
// What enters: the bytes of a package: a stored zip in PyTorch's layout (.pt2), ours or one that stock
// AOTInductor wrote. What leaves: its methods, where the library and every constant of each lies, and which
// state they share. All of it is data from a stranger: every place has been checked to lie inside the file.
//
//   ROOT/archive_format                       "pt2"
//   ROOT/data/aotinductor/METHOD/*.so         one library for each method
//   ROOT/data/weights/aoti_weights.bin        every distinct constant once, each at a multiple of 64
//   ROOT/data/aotinductor/METHOD/*_weights.blob   stock only: weights that are not in the library
//   ROOT/data/aotinductor/METHOD/*.json       stock only: beside NAME.so, NAME.json has the operators that it
//   calls by name ROOT/extra/aoti_package.json              ours only: places of constants, shared state
#ifndef RUNTIME_PACKAGE_PACKAGE_INDEX_H_
#define RUNTIME_PACKAGE_PACKAGE_INDEX_H_

#include <string>
#include <vector>

#include "aoti/model_api.h"
#include "runtime/package/bytes.h"

namespace aoti {

// Raised when the meaning of a member of aoti_package.json changes.
constexpr uint64_t kPackageFormat = 1;

// The constants of a package begin at multiples of this in memory: a page of any processor of ours.
constexpr uint64_t kWeightsAlignment = 4096;

struct PackageMethod {
  std::string name;
  std::string library_name;
  Bytes library;
  uint32_t library_crc = 0;
  Bytes op_calls;  // of a stock library: the JSON with the operators that it calls by name
  Bytes weights;   // of a stock library that has them outside, in its own layout; at any address
  std::vector<AotiConstantPlace> constants;  // in the package; empty when the library has its weights inside
};

struct PackageIndex {
  bool is_stock = false;
  std::vector<PackageMethod> methods;  // in the order of the package
  std::vector<std::string> shared_state;
  Bytes weights;
  uint32_t weights_crc = 0;
};

// False with a message in *error.
bool read_package_index(const Bytes &package, PackageIndex *index, std::string *error);

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_PACKAGE_INDEX_H_
