// Checks the relations between sizes that the table of dimensions cannot say: derived sizes, strides made of
// sizes, and the conditions that the compiler relied on.
//
// What enters: the handles of one run, whose dtypes, ranks and ranges of sizes are right, and the sizes of
// those symbols that are dimensions (input_check.h). What leaves: the sizes of all symbols, or a message that
// names the input, what was expected, what came, the sizes found, and the model's source line.
#ifndef RUNTIME_MODEL_SIZE_CHECK_H_
#define RUNTIME_MODEL_SIZE_CHECK_H_

#include "aoti/model_desc.h"
#include "aoti/model_interface.h"

namespace aoti_model {

AOTIRuntimeError check_sizes(const AotiModelDesc &desc, const AtenTensorHandle *inputs, int64_t *symbols);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_SIZE_CHECK_H_
