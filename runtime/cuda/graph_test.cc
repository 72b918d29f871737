// CUDA graphs of whole runs, on the stand-in driver: when there is one, and that a run's result never depends
// on it.
#include "runtime/cuda/testing/toy_cuda_inputs.h"

using namespace toy_cuda;

namespace {

FakeCuda *fake;

void second_run_is_recorded_and_third_updated() {
  auto model = create("cuda:0");
  Input input(1), other(2);
  run_and_check(model, &input, 8);
  CHECK_STR_EQ(graph_state(model), "the first run of these sizes");
  const int64_t launches = fake->calls("cuLaunchKernelEx"), graphs = fake->calls("cuGraphLaunch");
  run_and_check(model, &input, 8);
  CHECK_STR_EQ(graph_state(model), "graph being recorded");
  CHECK_EQ(fake->launches_with("edge"), 1);
  const int64_t updates = fake->calls("cuGraphExecKernelNodeSetParams_v2");
  run_and_check(model, &input, 8);
  CHECK_STR_EQ(graph_state(model), "graph");
  CHECK_EQ(fake->calls("cuGraphLaunch") - graphs, 2);
  CHECK_EQ(fake->calls("cuLaunchKernelEx"), launches);
  // The same input and, from the kept blocks, the same outputs: nothing to update.
  CHECK_EQ(fake->calls("cuGraphExecKernelNodeSetParams_v2"), updates);
  // Another input: one node of three reads it. Outputs held by the caller: new ones go into two nodes.
  const int64_t copies = fake->calls("cuGraphExecMemcpyNodeSetParams");
  run_and_check(model, &other, 8);
  CHECK_EQ(fake->calls("cuGraphExecKernelNodeSetParams_v2"), updates + 1);
  AtenTensorHandle held[2], more[2];
  CHECK_EQ(run(model, &other, 8, nullptr, held), AOTI_RUNTIME_SUCCESS);
  CHECK_EQ(run(model, &input, 8, nullptr, more), AOTI_RUNTIME_SUCCESS);
  check_outputs(other, 8, held);
  check_outputs(input, 8, more);
  CHECK_EQ(fake->calls("cuGraphExecMemcpyNodeSetParams"), copies + 1);
  delete_outputs(held);
  delete_outputs(more);
  CHECK_EQ(fake->calls("cuGraphInstantiateWithFlags"), 1);
  destroy(model);
  CHECK_EQ(fake->live("exec"), 0);
}

void every_size_has_its_own() {
  auto model = create("cuda:0");
  Input input(3);
  for (int round = 0; round < 3; ++round) {
    for (int64_t rows = 1; rows <= 16; ++rows) run_and_check(model, &input, rows);
  }
  CHECK_STR_EQ(graph_state(model), "graph");
  CHECK_EQ(fake->live("exec"), 16);
  // More sizes than there is room for: the one that was used least recently goes.
  run_and_check(model, &input, 17);
  run_and_check(model, &input, 17);
  CHECK_EQ(fake->live("exec"), 16);
  run_and_check(model, &input, 16);
  CHECK_STR_EQ(graph_state(model), "graph");
  run_and_check(model, &input, 1);
  CHECK_STR_EQ(graph_state(model), "the first run of these sizes");
  // A larger size moves the arena; graphs of smaller ones follow.
  run_and_check(model, &input, 64);
  for (int64_t rows = 10; rows <= 16; ++rows) run_and_check(model, &input, rows);
  destroy(model);
}

void runs_that_do_not_fit_are_eager() {
  auto model = create("cuda:0");
  Input input(4);
  for (int i = 0; i < 3; ++i) run_and_check(model, &input, 8);
  toy_cuda_options.extra_launch = true;
  run_and_check(model, &input, 8);
  CHECK_STR_EQ(graph_state(model), "runs of these sizes launch different kernels");
  toy_cuda_options.extra_launch = false;
  run_and_check(model, &input, 8);
  CHECK_STR_EQ(graph_state(model), "runs of these sizes launch different kernels");
  CHECK_EQ(fake->live("exec"), 0);

  toy_cuda_options.extra_launch = true;
  for (int i = 0; i < 3; ++i) run_and_check(model, &input, 9);
  CHECK_STR_EQ(graph_state(model), "graph");
  toy_cuda_options.extra_launch = false;  // fewer operations than recorded
  run_and_check(model, &input, 9);
  CHECK_STR_EQ(graph_state(model), "runs of these sizes launch different kernels");

  toy_cuda_options.host_copy = true;
  for (int i = 0; i < 3; ++i) run_and_check(model, &input, 10);
  CHECK_STR_EQ(graph_state(model), "the run copies between host and device");
  void *captured = fake->make_stream(0);
  fake->set_capturing(captured, true);
  run_and_fail(model, &input, 10, "the caller captures the stream, which cannot hold that", captured);
  fake->set_capturing(captured, false);
  run_and_check(model, &input, 10, captured);
  fake->destroy_stream(captured);
  toy_cuda_options.host_copy = false;
  destroy(model);
}

void refusals_of_the_driver_are_survived() {
  auto model = create("cuda:0");
  Input input(5), other(6);
  run_and_check(model, &input, 8);
  fake->fail("cuGraphInstantiateWithFlags", 801, 0, 1);
  run_and_check(model, &input, 8);
  CHECK_STR_EQ(graph_state(model), "the driver refused to make one");
  run_and_check(model, &input, 8);
  for (int i = 0; i < 3; ++i) run_and_check(model, &input, 9);
  fake->fail("cuGraphExecKernelNodeSetParams_v2", 801, 0, 1);
  run_and_check(model, &other, 9);
  CHECK_STR_EQ(graph_state(model), "the driver refused to update a node");
  run_and_check(model, &input, 9);
  CHECK_EQ(fake->live("exec"), 0);
  CHECK_EQ(fake->live("graph"), 0);
  destroy(model);
}

void failed_runs_leave_no_half_recording() {
  auto model = create("cuda:0");
  Input input(7);
  run_and_check(model, &input, 8);
  toy_cuda_options.fail_before_add = true;
  run_and_fail(model, &input, 8, "asked to fail");
  toy_cuda_options.fail_before_add = false;
  run_and_check(model, &input, 8);
  CHECK_STR_EQ(graph_state(model), "graph being recorded");
  toy_cuda_options.fail_before_add = true;
  run_and_fail(model, &input, 8, "asked to fail");
  toy_cuda_options.fail_before_add = false;
  run_and_check(model, &input, 8);
  CHECK_STR_EQ(graph_state(model), "graph");
  CHECK_EQ(toy_cuda_api()->set_cuda_graphs(model, false), AOTI_RUNTIME_SUCCESS);
  run_and_check(model, &input, 8);
  CHECK_CONTAINS(graph_state(model), "switched off");
  CHECK_EQ(toy_cuda_api()->set_cuda_graphs(model, true), AOTI_RUNTIME_SUCCESS);
  run_and_check(model, &input, 8);
  CHECK_STR_EQ(graph_state(model), "graph");
  destroy(model);
}

}  // namespace

int main() {
  fake = open_fake_cuda();
  second_run_is_recorded_and_third_updated();
  every_size_has_its_own();
  runs_that_do_not_fit_are_eager();
  refusals_of_the_driver_are_survived();
  failed_runs_leave_no_half_recording();
  CHECK_EQ(fake->live("graph"), 0);
  return aoti_test::result();
}
