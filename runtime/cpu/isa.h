// Which instruction sets the processor and the operating system offer, and which of a library's kernel
// variants to run.
//
// What enters: the variants of a model library, best first, and the environment variable AOTI_CPU_ISA. What
// leaves: the first variant that can run. Invariant: a variant is chosen only when both the processor and the
// operating system (the saved registers, XGETBV) have all that its level needs.
//
// AOTI_CPU_ISA makes the processor look like one of the level named (x86-64-v1 to -v4, aarch64-neon), without
// what it has beyond it (processor_features) and never better than it is: for trying slower variants, and for
// seeing what an old processor would be told.
#ifndef RUNTIME_CPU_ISA_H_
#define RUNTIME_CPU_ISA_H_

#include <stddef.h>

#include "aoti/kernel_context.h"
#include "aoti/model_desc.h"

namespace aoti_cpu {

// Levels in ascending order within an architecture. kOther: a processor of no architecture below.
enum class Level { kOther, kX86V1, kX86V2, kX86V3, kX86V4, kAarch64Neon };

// The best level of this processor under this operating system. Thread-safe; cannot fail.
Level processor_level();

// AotiProcessorFeature bits that kernels may use: what the processor and the operating system have beyond the
// levels; none when AOTI_CPU_ISA names a level. Cannot fail.
int64_t usable_features();

// "x86-64-v3"; "baseline" for kOther. Never null.
const char *level_name(Level level);

// The level named by `text`; false for a name that is none.
bool parse_level(const char *text, Level *ret_level);

// True when kernels built for `isa` (AotiIsa) run at `level`.
bool level_runs(Level level, int32_t isa);

// Chooses among num_variants variants, as said above. Null on failure, with `message` saying what the library
// has, what the processor has and what to do.
const AotiIsaVariant *select_variant(const AotiIsaVariant *variants, int32_t num_variants, char *message,
                                     size_t message_bytes);

}  // namespace aoti_cpu

#endif  // RUNTIME_CPU_ISA_H_
