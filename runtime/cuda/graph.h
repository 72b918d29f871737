// A CUDA graph of a recording: one chain of nodes in the order of the run.
//
// A kernel that waits for its predecessor by itself (programmatic dependent launch) gets an edge that lets it
// start early, where the driver has such edges (12.3); else the chain's edges are ordinary ones.
#ifndef RUNTIME_CUDA_GRAPH_H_
#define RUNTIME_CUDA_GRAPH_H_

#include "runtime/cuda/recording.h"

namespace aoti_cuda {

// Makes recording->graph and ->executable. On failure neither is left.
CUresult graph_build(const Device &device, Recording *recording);

// Brings the node of operation `index` up to what the recording says now. The graph's launches that are under
// way keep the old values.
CUresult graph_update(const Device &device, Recording *recording, int32_t index);

}  // namespace aoti_cuda

#endif  // RUNTIME_CUDA_GRAPH_H_
