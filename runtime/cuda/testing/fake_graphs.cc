// The stand-in's launches and graphs.
#include <string.h>

#include "runtime/cuda/testing/fake_state.h"

using namespace fake;

#define ENTER(name)                            \
  do {                                         \
    const CUresult injected = enter(#name);    \
    if (injected != kSuccess) return injected; \
  } while (0)

namespace {

void count_launch(const char *what) {
  std::lock_guard<std::mutex> lock(state().mutex);
  ++state().launches[what];
}

Node kernel_node(const CUDA_KERNEL_NODE_PARAMS &p) {
  Node node{};
  node.kernel = reinterpret_cast<Function *>(p.function)->kernel;
  node.grid[0] = p.grid_x;
  node.grid[1] = p.grid_y;
  node.grid[2] = p.grid_z;
  for (int32_t i = 0; i < node.kernel->num_params; ++i) {
    const char *value = static_cast<const char *>(p.params[i]);
    node.params.emplace_back(value, value + node.kernel->param_bytes[i]);
  }
  return node;
}

void run_node(Node *node) {
  if (node->kind == 1) return do_copy(node->copy);
  if (node->kind == 2) return do_fill(node->fill);
  std::vector<void *> params;
  for (auto &value : node->params) params.push_back(value.data());
  node->kernel->run(node->grid, params.data());
}

CUresult add(CUgraphNode *ret, CUgraph graph, size_t num_after, const CUgraphNode *after, Node node) {
  std::vector<Node *> &nodes = reinterpret_cast<Graph *>(graph)->nodes;
  // The runtime makes chains: a node follows the one before it, or gets its edge afterwards.
  if (num_after > 1 || (num_after == 1 && reinterpret_cast<Node *>(after[0]) != nodes.back())) return 1;
  nodes.push_back(new Node(node));
  *ret = reinterpret_cast<CUgraphNode>(nodes.back());
  return kSuccess;
}

}  // namespace

extern "C" {

CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **params, void **) {
  ENTER(cuLaunchKernelEx);
  for (uint32_t i = 0; i < config->num_attributes; ++i) {
    const CUlaunchAttributeID id = config->attributes[i].id;
    count_launch(id == kAttributeClusterDimension ? "cluster"
                 : id == kAttributeCooperative    ? "cooperative"
                                                  : "dependent");
  }
  const uint32_t grid[3] = {config->grid_x, config->grid_y, config->grid_z};
  reinterpret_cast<Function *>(function)->kernel->run(grid, params);
  return kSuccess;
}

CUresult cuGraphCreate(CUgraph *graph, uint32_t) {
  ENTER(cuGraphCreate);
  *graph = reinterpret_cast<CUgraph>(new Graph);
  change_live("graph", 1);
  return kSuccess;
}

CUresult cuGraphDestroy(CUgraph handle) {
  Graph *graph = reinterpret_cast<Graph *>(handle);
  for (Node *node : graph->nodes) delete node;
  delete graph;
  change_live("graph", -1);
  return kSuccess;
}

CUresult cuGraphAddKernelNode_v2(CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t num_after,
                                 const CUDA_KERNEL_NODE_PARAMS *params) {
  ENTER(cuGraphAddKernelNode_v2);
  return add(node, graph, num_after, after, kernel_node(*params));
}

CUresult cuGraphAddMemcpyNode(CUgraphNode *ret, CUgraph graph, const CUgraphNode *after, size_t num_after,
                              const CUDA_MEMCPY3D *copy, CUcontext) {
  ENTER(cuGraphAddMemcpyNode);
  Node node{};
  node.kind = 1;
  node.copy = *copy;
  return add(ret, graph, num_after, after, node);
}

CUresult cuGraphAddMemsetNode(CUgraphNode *ret, CUgraph graph, const CUgraphNode *after, size_t num_after,
                              const CUDA_MEMSET_NODE_PARAMS *fill, CUcontext) {
  ENTER(cuGraphAddMemsetNode);
  Node node{};
  node.kind = 2;
  node.fill = *fill;
  return add(ret, graph, num_after, after, node);
}

CUresult cuGraphKernelNodeSetAttribute(CUgraphNode, CUlaunchAttributeID, const CUlaunchAttributeValue *) {
  ENTER(cuGraphKernelNodeSetAttribute);
  return kSuccess;
}

CUresult cuGraphAddDependencies_v2(CUgraph, const CUgraphNode *, const CUgraphNode *,
                                   const CUgraphEdgeData *data, size_t count) {
  ENTER(cuGraphAddDependencies_v2);
  if (count != 1 || data->type != kDependencyProgrammatic || data->from_port != kPortProgrammatic) return 1;
  count_launch("edge");
  return kSuccess;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *ret, CUgraph graph, unsigned long long) {
  ENTER(cuGraphInstantiateWithFlags);
  Exec *exec = new Exec;
  exec->order = reinterpret_cast<Graph *>(graph)->nodes;
  for (Node *node : exec->order) exec->nodes.emplace(node, *node);
  *ret = reinterpret_cast<CUgraphExec>(exec);
  change_live("exec", 1);
  return kSuccess;
}

CUresult cuGraphExecDestroy(CUgraphExec exec) {
  delete reinterpret_cast<Exec *>(exec);
  change_live("exec", -1);
  return kSuccess;
}

CUresult cuGraphExecKernelNodeSetParams_v2(CUgraphExec exec, CUgraphNode node,
                                           const CUDA_KERNEL_NODE_PARAMS *params) {
  ENTER(cuGraphExecKernelNodeSetParams_v2);
  reinterpret_cast<Exec *>(exec)->nodes[reinterpret_cast<Node *>(node)] = kernel_node(*params);
  return kSuccess;
}

CUresult cuGraphExecMemcpyNodeSetParams(CUgraphExec exec, CUgraphNode node, const CUDA_MEMCPY3D *copy,
                                        CUcontext) {
  ENTER(cuGraphExecMemcpyNodeSetParams);
  reinterpret_cast<Exec *>(exec)->nodes[reinterpret_cast<Node *>(node)].copy = *copy;
  return kSuccess;
}

CUresult cuGraphExecMemsetNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                        const CUDA_MEMSET_NODE_PARAMS *fill, CUcontext) {
  ENTER(cuGraphExecMemsetNodeSetParams);
  reinterpret_cast<Exec *>(exec)->nodes[reinterpret_cast<Node *>(node)].fill = *fill;
  return kSuccess;
}

CUresult cuGraphLaunch(CUgraphExec handle, CUstream) {
  ENTER(cuGraphLaunch);
  Exec *exec = reinterpret_cast<Exec *>(handle);
  for (Node *node : exec->order) run_node(&exec->nodes[node]);
  return kSuccess;
}

}  // extern "C"
