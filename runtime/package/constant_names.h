// Names of constants as a library's own functions know them.
//
// Callers give names of state_dict ("layers.0.weight"). Libraries of this compiler take those. A library of
// stock AOTInductor takes its own ("layers_0_weight") and passes over what it does not know, without a word:
// there the names are looked up first, and an unknown one is refused.
#ifndef RUNTIME_PACKAGE_CONSTANT_NAMES_H_
#define RUNTIME_PACKAGE_CONSTANT_NAMES_H_

#include <string>
#include <vector>

#include "aoti/model_api.h"

namespace aoti {

// `pairs` as the update functions of `container` want them; the names live as long as the library. False with
// a message that names what the library does not have.
bool own_constant_names(const AotiModelApi &api, AOTInductorModelContainerHandle container,
                        std::vector<AOTInductorConstantMapEntry> *pairs, std::string *error);

// What a failed run of a stock library has to do with weights that nobody gave it, as the end of a message:
// empty where its constants have values.
std::string missing_weights(const AotiModelApi &api, AOTInductorModelContainerHandle container);

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_CONSTANT_NAMES_H_
