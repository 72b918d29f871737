// Operators of stock libraries, called as such a library does: what kernels are given, and what is refused,
// in the file, of the kernels, in a call. Arguments: a libtorch_cpu.so for the library of operators, that
// library (testing/told_ops.cc), a library without operators.
#include "runtime/package/stock_executor.h"

#include <dlfcn.h>
#include <string.h>

#include "tools/testing/check.h"

namespace {

std::string told_ops, no_ops;

aoti::Bytes bytes_of(const std::string &text) {
  return aoti::Bytes{reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

// {"nodes": [...]} of one call: `inputs` as name and argument, comma separated JSON.
std::string node(const std::string &target, const std::string &inputs, const std::string &outputs) {
  return R"({"nodes": [{"name": "b", "node": {"target": ")" + target + R"(", "inputs": [)" + inputs +
         R"(], "outputs": [)" + outputs + "]}}]}";
}

std::string input(const std::string &name, const std::string &argument) {
  return R"({"name": ")" + name + R"(", "arg": )" + argument + "}";
}

AtenTensorHandle tensor(intptr_t number) { return reinterpret_cast<AtenTensorHandle>(number); }

std::unique_ptr<aoti::StockExecutor> make(const std::string &json) {
  std::string error;
  std::unique_ptr<aoti::StockExecutor> made =
      aoti::StockExecutor::create(bytes_of(json), {told_ops}, nullptr, &error);
  CHECK_STR_EQ(error.c_str(), "");
  return made;
}

// The message of a call that fails; empty when it does not.
std::string call(const std::string &json, const std::vector<int64_t> &ints,
                 const std::vector<AtenTensorHandle> &tensors, int64_t number = 0) {
  const std::unique_ptr<aoti::StockExecutor> executor = make(json);
  if (executor == nullptr) return "not made";
  const auto *c = reinterpret_cast<const AotiProxyExecutor *>(executor->handle());
  CHECK(c->mark == AOTI_PROXY_EXECUTOR_MARK);
  char message[256] = "";
  const AOTITorchError result =
      c->call(c, number, static_cast<int64_t>(ints.size()), ints.data(), static_cast<int64_t>(tensors.size()),
              tensors.data(), message, sizeof message);
  CHECK_EQ(result == AOTI_TORCH_SUCCESS, message[0] == '\0');
  return message;
}

void refused(const std::string &json, const char *part) {
  std::string error;
  CHECK(aoti::StockExecutor::create(bytes_of(json), {told_ops}, nullptr, &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), part);
}

std::string scalars(const std::string &index) {
  return node("told::scalars",
              input("x", R"({"as_tensor": {"name": "x"}})") + "," + input("n", R"({"as_int": 7})") + "," +
                  input("b", R"({"as_bool": true})") + "," + input("s", R"({"as_string": "word"})") + "," +
                  input("f", R"({"as_float": -0.25})") + "," + input("d", R"({"as_scalar_type": 13})") + "," +
                  input("where", R"({"as_device": {"type": "cpu", "index": )" + index + "}}") + "," +
                  input("no", R"({"as_optional_tensor": {"as_none": true}})"),
              R"({"as_tensor": {"name": "y"}})");
}

void test_arguments() {
  CHECK_STR_EQ(call(scalars("null"), {41}, {tensor(1), tensor(2)}).c_str(),
               "operator told::scalars failed: t1 41 true 'word' -0.25 15 <cpu> ?none -> t2 -1");
  CHECK_CONTAINS(call(scalars("3"), {41}, {tensor(1), tensor(2)}).c_str(), "<cpu:3>");
  const std::string lists = node(
      "told::lists",
      input("xs", R"({"as_tensors": [{"name": "a"}, {"name": "b"}]})") + "," +
          input("some", R"({"as_optional_tensors": [{"as_none": true}, {"as_tensor": {"name": "c"}}]})") +
          "," + input("n", R"({"as_sym_ints": [{"as_int": 1}, {"as_name": "s0"}]})") + "," +
          input("f", R"({"as_floats": [0.5, 2]})") + "," + input("b", R"({"as_bools": [false, true]})") +
          "," + input("s", R"({"as_strings": ["p", ""]})") + "," + input("none", R"({"as_ints": []})"),
      R"({"as_tensors": [{"name": "p"}, {"name": "q"}]}, {"as_tensor": {"name": "r"}})");
  CHECK_STR_EQ(
      call(lists, {8, 9}, {tensor(1), tensor(2), tensor(3), tensor(4), tensor(5), tensor(6)}).c_str(),
      "operator told::lists failed: [t1 t2] [?none ?t3] [8 9] [0.5 2] [false true] ['p' ''] [] -> t4 t5 t6 2 "
      "-1");
}

void test_results_of_kernels() {
  CHECK_STR_EQ(call(node("told::nothing", "", ""), {}, {}).c_str(), "");
  CHECK_STR_EQ(call(node("told::silent", "", ""), {}, {}).c_str(), "operator told::silent failed");
  const std::string longest = call(node("told::long_message.overload", "", ""), {}, {});
  CHECK_EQ(longest.size(), size_t{255});
  CHECK_CONTAINS(longest.c_str(), "operator told::long_message.overload failed: xxx");
}

// The functions of libtorch_cpu.so, as a stock library finds them.
struct Torch {
  explicit Torch(void *library) {
    find(library, "aoti_torch_create_tensor_from_blob", &create);
    find(library, "aoti_torch_new_uninitialized_tensor", &create_empty_handle);
    find(library, "aoti_torch_get_data_ptr", &get_data_ptr);
    find(library, "aoti_torch_delete_tensor_object", &delete_tensor);
    find(library, "aoti_torch_proxy_executor_call_function", &call_function);
    find(library, "aoti_torch_get_last_error", &last_error);
  }

  template <class Function>
  static void find(void *library, const char *name, Function *function) {
    *function = reinterpret_cast<Function>(dlsym(library, name));
    CHECK(*function != nullptr);
  }

  decltype(&aoti_torch_create_tensor_from_blob) create;
  decltype(&aoti_torch_new_uninitialized_tensor) create_empty_handle;
  decltype(&aoti_torch_get_data_ptr) get_data_ptr;
  decltype(&aoti_torch_delete_tensor_object) delete_tensor;
  decltype(&aoti_torch_proxy_executor_call_function) call_function;
  decltype(&aoti_torch_get_last_error) last_error;
};

// From the library's call to the kernel and back, with tensors of the stand-in.
void test_through_the_shim(void *libtorch) {
  const Torch torch(libtorch);
  const std::string x = input("x", R"({"as_tensor": {}})"), y = R"({"as_tensor": {}})";
  const auto doubled = make(node("told::doubled", x, y));
  const auto impossible = make(node("told::impossible", input("rank", R"({"as_int": 0})"), y));
  float values[6] = {0, 1, 2, 3, 4, 5};
  const int64_t sizes[2] = {2, 3}, strides[2] = {3, 1};
  AtenTensorHandle tensors[2] = {};
  CHECK_EQ(torch.create(values, 2, sizes, strides, 0, AOTI_DTYPE_FLOAT32, 0, 0, &tensors[0]), 0);
  CHECK_EQ(torch.create_empty_handle(&tensors[1]), 0);
  for (int64_t rank : {int64_t{3}, int64_t{65}, int64_t{-1}}) {
    CHECK_EQ(torch.call_function(impossible->handle(), 0, 1, &rank, 1, tensors + 1), AOTI_TORCH_FAILURE);
    CHECK_CONTAINS(torch.last_error(),
                   rank == 3 ? "output 0 cannot be made" : "there is no output 0 of rank");
  }
  for (int turn = 0; turn < 2; ++turn) {  // the second time the result is a tensor already
    CHECK_EQ(torch.call_function(doubled->handle(), 0, 0, nullptr, 2, tensors), 0);
    float *results = nullptr;
    CHECK_EQ(torch.get_data_ptr(tensors[1], reinterpret_cast<void **>(&results)), 0);
    for (int i = 0; results != nullptr && i < 6; ++i) CHECK_EQ(results[i], 2 * values[i]);
  }
  int64_t rank = 2;
  CHECK_EQ(torch.call_function(impossible->handle(), 0, 1, &rank, 1, tensors + 1), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(torch.last_error(), "output 0 has another shape or dtype");
  CHECK_EQ(torch.call_function(nullptr, 5, 0, nullptr, 2, tensors), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(torch.last_error(), "operator number 5 of its package, and nobody has said who calls it");
  for (AtenTensorHandle handle : tensors) CHECK_EQ(torch.delete_tensor(handle), 0);
}

void test_calls_that_do_not_fit() {
  const std::string json = scalars("null");
  const char *counts =
      "operator told::scalars is given 1 integers and 1 tensors; its package describes 1 and 2";
  CHECK_CONTAINS(call(json, {41}, {tensor(1)}).c_str(), counts);
  CHECK_CONTAINS(call(json, {}, {tensor(1), tensor(2)}).c_str(), "is given 0 integers and 2 tensors");
  CHECK_CONTAINS(call(json, {}, {}, 1).c_str(), "describes 1 operators, the library calls number 1");
  CHECK_CONTAINS(call(json, {}, {}, -1).c_str(), "the library calls number -1");
}

void test_kernels_that_do_not_fit() {
  refused(node("told::absent", "", ""), "no library of operators has a kernel:\n  told::absent\nGive");
  refused(node("told::long_message", "", ""), "\n  told::long_message\n");  // without its overload
  refused(node("told::nothing", input("x", R"({"as_int": 1})"), ""),
          "the package passes (x), the kernel is for told::nothing() -> ()");
  std::string error;
  const std::string json = node("told::nothing", "", "");
  CHECK(aoti::StockExecutor::create(bytes_of(json), {"/nowhere/libx.so"}, nullptr, &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), "cannot load the library of operators /nowhere/libx.so");
  CHECK(aoti::StockExecutor::create(bytes_of(json), {told_ops, no_ops}, nullptr, &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), "does not export aoti_registered_ops");
}

void test_files_that_cannot_be_read() {
  refused("{", "at byte 1: expected the name of a member");
  refused("[]", "no list of nodes");
  refused(R"({"nodes": [{}]})", "node 0 is empty");
  refused(R"({"nodes": [{"node": {"target": "a::b", "inputs": 1, "outputs": []}}]})",
          "expected target, inputs and outputs");
  refused(node("a::b", R"({"name": "x"})", ""), "a::b: an input without a name or value");
  refused(node("a::b", "", R"({"as_int": 1})"),
          "a::b: a result is of a kind that only libtorch passes (as_int)");
  for (const char *argument :
       {R"({"as_graph": {}})", R"({"as_graph": []})", R"({"as_float": []})", R"({"as_float": "1"})",
        R"({"as_float": 1e999})", R"({"as_bool": 1})", R"({"as_string": null})", R"({"as_scalar_type": 99})",
        R"({"as_ints": 3})", R"({"as_tensors": {}})", R"({"as_bools": [1]})", R"({"as_optional_tensor": []})",
        R"({"as_device": {"type": "cpu", "index": "x"}})", R"({"as_device": {"index": 0}})", "{}", "[]",
        R"({"as_int": 1, "as_none": true})"}) {
    refused(node("a::b", input("arg", argument), ""),
            "a::b: argument 'arg' is of a kind that only libtorch passes");
  }
}

}  // namespace

int main(int argc, char **argv) {
  CHECK_EQ(argc, 4);
  if (argc != 4) return aoti_test::result();
  void *const libtorch = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  CHECK(libtorch != nullptr);
  told_ops = argv[2];
  no_ops = argv[3];
  test_arguments();
  test_results_of_kernels();
  test_through_the_shim(libtorch);
  test_calls_that_do_not_fit();
  test_kernels_that_do_not_fit();
  test_files_that_cannot_be_read();
  return aoti_test::result();
}
