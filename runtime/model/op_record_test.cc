// Records of calls of operators: what the compiler writes is read, what is cut short or changed is an error
// and never a read beyond the bytes (run it with --config=asan as well).
#include "runtime/model/op_record.h"

#include <string.h>

#include <string>
#include <vector>

#include "runtime/model/error.h"
#include "tools/testing/check.h"

namespace {

using aoti_model::OpCall;
using aoti_model::OpCalls;

struct Bytes {
  std::vector<uint8_t> data;
  Bytes &u8(int value) {
    data.push_back(static_cast<uint8_t>(value));
    return *this;
  }
  Bytes &little(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) u8(static_cast<int>(value >> (8 * i) & 0xff));
    return *this;
  }
  Bytes &u32(uint32_t value) { return little(value, 4); }
  Bytes &i64(int64_t value) { return little(static_cast<uint64_t>(value), 8); }
  Bytes &text(const char *value) {
    u32(static_cast<uint32_t>(strlen(value)));
    for (const char *c = value; *c != '\0'; ++c) u8(*c);
    return u8(0);
  }
};

// f(Tensor?[] xs = [hole 0, None], SymInt n = size hole, str s = "sum", Device? d = "cpu", float f = 0.5) ->
// Tensor[2]
Bytes call_body() {
  Bytes b;
  b.u32(0).u32(7).u32(1).u32(1).u32(2).u32(1).i64(2).u32(5);
  b.u8(6).u32(2).u8(0x81).u8(0x80);
  b.u8(7);
  b.u8(5).text("sum");
  b.u8(0x88).text("cpu");
  b.u8(3);
  const double half = 0.5;
  uint64_t bits = 0;
  memcpy(&bits, &half, sizeof bits);
  return b.little(bits, 8);
}

std::vector<uint8_t> record_of(const Bytes &body) {
  Bytes b;
  for (char c : std::string("AOPR")) b.u8(c);
  b.u32(1).u32(1).u32(static_cast<uint32_t>(body.data.size()));
  b.data.insert(b.data.end(), body.data.begin(), body.data.end());
  return b.data;
}

bool reads(const std::vector<uint8_t> &record, OpCalls **ret) {
  // A copy of exactly this size, so that a sanitizer sees a read beyond it.
  std::vector<uint8_t> exact(record);
  exact.shrink_to_fit();
  OpCalls *calls = nullptr;
  const bool ok = aoti_model::read_op_record(exact.data(), static_cast<int64_t>(exact.size()), 1, "toy",
                                             &calls) == AOTI_RUNTIME_SUCCESS;
  CHECK(ok == (calls != nullptr) || exact.empty());
  if (ret != nullptr) {
    *ret = calls;
  } else {
    aoti_model::free_op_calls(calls);
  }
  return ok;
}

void test_a_call_is_read_and_filled() {
  const std::vector<uint8_t> record = record_of(call_body());
  OpCalls *calls = nullptr;
  CHECK(aoti_model::read_op_record(record.data(), static_cast<int64_t>(record.size()), 1, "toy", &calls) ==
        AOTI_RUNTIME_SUCCESS);
  CHECK(calls->num_calls == 1);
  const OpCall &call = calls->calls[0];
  CHECK(call.num_args == 5 && call.num_values == 7 && call.num_results == 1 && call.result_lengths[0] == 2);
  AotiOpValue values[7];
  AtenTensorHandle tensor = reinterpret_cast<AtenTensorHandle>(values);  // any address
  const int64_t size = 42;
  aoti_model::fill_op_call(call, &tensor, &size, values);
  CHECK(values[0].kind == AOTI_OP_LIST && values[0].count == 2 && values[0].value.list == values + 5);
  CHECK(values[5].kind == AOTI_OP_TENSOR && values[5].value.tensor == tensor &&
        values[5].flags == AOTI_OP_OPTION);
  CHECK(values[6].kind == AOTI_OP_NONE && values[6].flags == AOTI_OP_OPTION);
  CHECK(values[1].kind == AOTI_OP_INT && values[1].value.i64 == 42);
  CHECK(strcmp(values[2].value.string, "sum") == 0 && values[2].flags == 0);
  CHECK(strcmp(values[3].value.string, "cpu") == 0 && values[3].flags == (AOTI_OP_DEVICE | AOTI_OP_OPTION));
  CHECK(values[4].kind == AOTI_OP_FLOAT && values[4].value.f64 == 0.5);
  aoti_model::free_op_calls(calls);
}

// f(Tensor(a!) x, Tensor(b!)[] ys) -> (Tensor(a!), Tensor)
Bytes writing_body() {
  Bytes b;
  b.u32(0).u32(3).u32(2).u32(0).u32(1).u32(2).i64(-2).i64(-1).u32(2);
  return b.u8(0x41).u8(6).u32(1).u8(0x41);
}

void test_what_is_written_is_marked_and_no_output() {
  OpCalls *calls = nullptr;
  CHECK(reads(record_of(writing_body()), &calls));
  const OpCall &call = calls->calls[0];
  CHECK(call.num_outputs == 1 && call.result_lengths[0] == AOTI_OP_RESULT_ALIAS &&
        call.result_lengths[1] == AOTI_OP_RESULT_TENSOR);
  AotiOpValue values[3];
  AtenTensorHandle tensors[2] = {};
  aoti_model::fill_op_call(call, tensors, nullptr, values);
  CHECK(values[0].flags == AOTI_OP_WRITTEN && values[1].flags == 0 && values[2].flags == AOTI_OP_WRITTEN);
  aoti_model::free_op_calls(calls);
  Bytes text = writing_body();
  text.data[text.data.size() - 1] = 0x44;  // a bool that is written
  text.u8(1);
  CHECK(!reads(record_of(text), nullptr));
  CHECK(strstr(aoti_model::last_error(), "a value that is no tensor is marked as written") != nullptr);
}

void test_no_record_is_no_calls() {
  OpCalls *calls = nullptr;
  CHECK(aoti_model::read_op_record(nullptr, 0, 0, "toy", &calls) == AOTI_RUNTIME_SUCCESS && calls == nullptr);
}

void test_every_shorter_record_is_refused() {
  const std::vector<uint8_t> record = record_of(call_body());
  CHECK(reads(record, nullptr));
  for (size_t length = 1; length < record.size(); ++length) {
    CHECK(!reads(std::vector<uint8_t>(record.begin(), record.begin() + static_cast<long>(length)), nullptr));
    CHECK(strstr(aoti_model::last_error(),
                 "model toy: its record of calls of operators is damaged at byte") != nullptr);
  }
  std::vector<uint8_t> longer(record);
  longer.push_back(0);
  CHECK(!reads(longer, nullptr));
}

void test_changed_bytes_never_reach_beyond_the_record() {
  const std::vector<uint8_t> record = record_of(call_body());
  for (size_t at = 0; at < record.size(); ++at) {
    for (int value : {0, 1, 0x06, 0x7f, 0x80, 0xff}) {
      std::vector<uint8_t> changed(record);
      changed[at] = static_cast<uint8_t>(value);
      OpCalls *calls = nullptr;
      if (!reads(changed, &calls)) continue;
      // What was read is whole: holes and lists lie inside the call.
      for (int64_t c = 0; c < calls->num_calls; ++c) {
        const OpCall &call = calls->calls[c];
        std::vector<AotiOpValue> values(static_cast<size_t>(call.num_values));
        std::vector<AtenTensorHandle> tensors(static_cast<size_t>(call.num_tensors));
        std::vector<int64_t> sizes(static_cast<size_t>(call.num_sizes));
        aoti_model::fill_op_call(call, tensors.data(), sizes.data(), values.data());
        for (const AotiOpValue &v : values) {
          if (v.kind != AOTI_OP_LIST) continue;
          CHECK(v.value.list >= values.data() && v.value.list + v.count <= values.data() + values.size());
        }
      }
      aoti_model::free_op_calls(calls);
    }
  }
}

void test_lists_too_deep_are_refused() {
  Bytes b;
  b.u32(0).u32(11).u32(0).u32(0).u32(0).u32(0).u32(1);
  for (int depth = 0; depth < 10; ++depth) b.u8(6).u32(1);
  b.u8(0);
  CHECK(!reads(record_of(b), nullptr));
  CHECK(strstr(aoti_model::last_error(), "nested too deep") != nullptr);
}

}  // namespace

int main() {
  test_a_call_is_read_and_filled();
  test_what_is_written_is_marked_and_no_output();
  test_no_record_is_no_calls();
  test_every_shorter_record_is_refused();
  test_changed_bytes_never_reach_beyond_the_record();
  test_lists_too_deep_are_refused();
  return aoti_test::result();
}
