#include "runtime/cuda/graph.h"

namespace aoti_cuda {
namespace {

CUDA_KERNEL_NODE_PARAMS kernel_params(const Op &op, void **params) {
  CUDA_KERNEL_NODE_PARAMS node{};
  node.function = op.kernel->function;
  node.grid_x = op.grid[0];
  node.grid_y = op.grid[1];
  node.grid_z = op.grid[2];
  node.block_x = static_cast<uint32_t>(op.kernel->image->threads);
  node.block_y = node.block_z = 1;
  node.shared_bytes = static_cast<uint32_t>(op.kernel->image->shared_bytes);
  node.params = params;
  return node;
}

CUDA_MEMCPY3D copy_params(const Op &op) {
  CUDA_MEMCPY3D copy{};
  copy.source_type = copy.destination_type = kMemoryDevice;
  copy.source_device = op.from;
  copy.destination_device = op.to;
  copy.source_pitch = copy.destination_pitch = static_cast<size_t>(op.count);
  copy.width_bytes = static_cast<size_t>(op.count);
  copy.height = copy.depth = 1;
  return copy;
}

CUDA_MEMSET_NODE_PARAMS fill_params(const Op &op) {
  CUDA_MEMSET_NODE_PARAMS fill{};
  fill.destination = op.to;
  fill.value = op.value;
  fill.element_bytes = static_cast<uint32_t>(op.element_bytes);
  fill.width = static_cast<size_t>(op.count);
  fill.pitch = fill.width * fill.element_bytes;
  fill.height = 1;
  return fill;
}

CUresult add_kernel(const Device &device, Recording *r, Op *op, const CUgraphNode *after, size_t num_after) {
  void *params[kMaxLaunchParams];
  launch_params(*r, *op, params);
  const CUDA_KERNEL_NODE_PARAMS node = kernel_params(*op, params);
  CUresult result = device.cu->GraphAddKernelNode(&op->node, r->graph, after, num_after, &node);
  const Kernel &kernel = *op->kernel;
  for (uint32_t i = 0; i < kernel.num_node_attributes && result == kSuccess; ++i) {
    result = device.cu->GraphKernelNodeSetAttribute(op->node, kernel.attributes[i].id,
                                                    &kernel.attributes[i].value);
  }
  return result;
}

CUresult add_node(const Device &device, Recording *r, Op *op, const Op *previous) {
  const CUgraphNode *after = previous == nullptr ? nullptr : &previous->node;
  const size_t num_after = previous == nullptr ? 0 : 1;
  if (op->kind == OpKind::kCopy) {
    const CUDA_MEMCPY3D copy = copy_params(*op);
    return device.cu->GraphAddMemcpyNode(&op->node, r->graph, after, num_after, &copy, device.context);
  }
  if (op->kind == OpKind::kFill) {
    const CUDA_MEMSET_NODE_PARAMS fill = fill_params(*op);
    return device.cu->GraphAddMemsetNode(&op->node, r->graph, after, num_after, &fill, device.context);
  }
  const bool early = previous != nullptr && previous->kind == OpKind::kLaunch &&
                     op->kernel->dependent_launch && device.cu->GraphAddDependencies != nullptr;
  if (!early) return add_kernel(device, r, op, after, num_after);
  const CUresult result = add_kernel(device, r, op, nullptr, 0);
  if (result != kSuccess) return result;
  const CUgraphEdgeData edge{kPortProgrammatic, 0, kDependencyProgrammatic, {}};
  return device.cu->GraphAddDependencies(r->graph, after, &op->node, &edge, 1);
}

}  // namespace

CUresult graph_build(const Device &device, Recording *r) {
  CUresult result = device.cu->GraphCreate(&r->graph, 0);
  if (result != kSuccess) {
    r->graph = nullptr;
    return result;
  }
  for (int32_t i = 0; i < r->num_ops && result == kSuccess; ++i) {
    result = add_node(device, r, &r->ops[i], i == 0 ? nullptr : &r->ops[i - 1]);
  }
  if (result == kSuccess) result = device.cu->GraphInstantiate(&r->executable, r->graph, 0);
  if (result == kSuccess) return kSuccess;
  device.cu->GraphDestroy(r->graph);
  r->graph = nullptr;
  r->executable = nullptr;
  return result;
}

CUresult graph_update(const Device &device, Recording *r, int32_t index) {
  const Op &op = r->ops[index];
  if (op.kind == OpKind::kCopy) {
    const CUDA_MEMCPY3D copy = copy_params(op);
    return device.cu->GraphExecMemcpyNodeSetParams(r->executable, op.node, &copy, device.context);
  }
  if (op.kind == OpKind::kFill) {
    const CUDA_MEMSET_NODE_PARAMS fill = fill_params(op);
    return device.cu->GraphExecMemsetNodeSetParams(r->executable, op.node, &fill, device.context);
  }
  void *params[kMaxLaunchParams];
  launch_params(*r, op, params);
  const CUDA_KERNEL_NODE_PARAMS node = kernel_params(op, params);
  return device.cu->GraphExecKernelNodeSetParams(r->executable, op.node, &node);
}

}  // namespace aoti_cuda
