#include "runtime/model/op_record.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/model/error.h"

namespace aoti_model {
namespace {

constexpr uint8_t kMagic[] = {'A', 'O', 'P', 'R'};
constexpr uint32_t kVersion = 1;
constexpr int kDeepest = 8;
constexpr uint8_t kOption = 0x80;
constexpr uint8_t kWritten = 0x40;

enum Tag : uint8_t { kNone, kTensor, kInt, kFloat, kBool, kString, kList, kSize, kDevice };

// The kind of a hole for a size, which is none of the ABI's: it becomes AOTI_OP_INT.
constexpr int32_t kSizeHole = -1;

// Reads little-endian numbers up to `end`. Once something does not fit, `wrong` says what, and everything is
// 0.
struct Reader {
  const uint8_t *at, *end;
  const char *wrong;

  int64_t left() const { return end - at; }
  bool fail(const char *what) {
    if (wrong == nullptr) wrong = what;
    return false;
  }
  bool has(int64_t bytes, const char *what) {
    return wrong == nullptr && bytes <= left() ? true : fail(what);
  }
  uint64_t number(int bytes, const char *what) {
    if (!has(bytes, what)) return 0;
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value |= static_cast<uint64_t>(at[i]) << (8 * i);
    at += bytes;
    return value;
  }
  // A count of things that take at least `bytes_each` bytes of the record each.
  int64_t count(int64_t bytes_each, const char *what) {
    const int64_t n = static_cast<int64_t>(number(4, what));
    if (wrong == nullptr && n > left() / bytes_each) fail(what);
    return wrong == nullptr ? n : 0;
  }
  // A string with a 0 behind it, in the record itself.
  const char *text() {
    const int64_t length = count(1, "a string's length is beyond the record");
    if (!has(length + 1, "a string is beyond the record")) return "";
    const char *found = reinterpret_cast<const char *>(at);
    if (strnlen(found, static_cast<size_t>(length) + 1) != static_cast<size_t>(length)) {
      fail("a string does not end where it says");
      return "";
    }
    at += length + 1;
    return found;
  }
};

// The values of one call, as far as they are read.
struct Values {
  OpCall *call;
  int64_t used, tensors, sizes;
};

bool read_value(Reader *reader, Values *values, AotiOpValue *value, int depth);

bool read_list(Reader *reader, Values *values, AotiOpValue *value, int depth) {
  if (depth == kDeepest) return reader->fail("lists are nested too deep");
  const int64_t count = reader->count(1, "a list's length is beyond the record");
  if (count > values->call->num_values - values->used)
    return reader->fail("a list has more values than the call");
  value->count = count;
  value->value.i64 = values->used;
  AotiOpValue *items = values->call->values + values->used;
  values->used += count;
  for (int64_t i = 0; i < count; ++i) {
    if (!read_value(reader, values, &items[i], depth + 1)) return false;
  }
  return reader->wrong == nullptr;
}

bool read_value(Reader *reader, Values *values, AotiOpValue *value, int depth) {
  const uint8_t tag = static_cast<uint8_t>(reader->number(1, "a value is beyond the record"));
  const int kind = tag & ~(kOption | kWritten);
  *value = AotiOpValue{AOTI_OP_NONE, (tag & kOption) != 0 ? AOTI_OP_OPTION : 0, 0, {}};
  if ((tag & kWritten) != 0) {
    if (kind != kTensor) return reader->fail("a value that is no tensor is marked as written");
    value->flags |= AOTI_OP_WRITTEN;
  }
  switch (kind) {
    case kNone:
      break;
    case kTensor:
      value->kind = AOTI_OP_TENSOR;
      value->value.i64 = values->tensors++;
      break;
    case kSize:
      value->kind = kSizeHole;
      value->value.i64 = values->sizes++;
      break;
    case kInt:
    case kFloat: {
      value->kind = kind == kInt ? AOTI_OP_INT : AOTI_OP_FLOAT;
      const uint64_t bits = reader->number(8, "a number is beyond the record");
      memcpy(&value->value, &bits, sizeof bits);
      break;
    }
    case kBool:
      value->kind = AOTI_OP_BOOL;
      value->value.i64 = reader->number(1, "a bool is beyond the record") != 0;
      break;
    case kDevice:
      value->flags |= AOTI_OP_DEVICE;
      [[fallthrough]];
    case kString:
      value->kind = AOTI_OP_STRING;
      value->value.string = reader->text();
      break;
    case kList:
      value->kind = AOTI_OP_LIST;
      return read_list(reader, values, value, depth);
    default:
      return reader->fail("a value is of no known kind");
  }
  return reader->wrong == nullptr;
}

bool read_results(Reader *reader, OpCall *call) {
  call->num_results = reader->count(8, "the number of results is beyond the record");
  const size_t slots = call->num_results > 0 ? static_cast<size_t>(call->num_results) : 1;
  call->result_lengths = static_cast<int64_t *>(calloc(slots, sizeof(int64_t)));
  if (call->result_lengths == nullptr) return reader->fail("there is no memory for its results");
  int64_t outputs = 0;
  for (int64_t i = 0; i < call->num_results; ++i) {
    const int64_t length = static_cast<int64_t>(reader->number(8, "a result is beyond the record"));
    if (length < AOTI_OP_RESULT_ALIAS || length > call->num_outputs)
      return reader->fail("a result has more tensors than the call");
    call->result_lengths[i] = length;
    outputs += length == AOTI_OP_RESULT_TENSOR ? 1 : length == AOTI_OP_RESULT_ALIAS ? 0 : length;
  }
  return reader->wrong == nullptr && outputs == call->num_outputs
             ? true
             : reader->fail("the results are not as many tensors as the outputs");
}

bool read_call(Reader *reader, int64_t num_ops, OpCall *call) {
  call->op = static_cast<int64_t>(reader->number(4, "a call is beyond the record"));
  if (call->op >= num_ops) return reader->fail("a call is of an operator that the model does not name");
  call->num_values = reader->count(1, "the number of values is beyond the record");
  call->num_tensors = static_cast<int64_t>(reader->number(4, "a call is beyond the record"));
  call->num_sizes = static_cast<int64_t>(reader->number(4, "a call is beyond the record"));
  call->num_outputs = static_cast<int64_t>(reader->number(4, "a call is beyond the record"));
  if (!read_results(reader, call)) return false;
  call->num_args = reader->count(1, "the number of arguments is beyond the record");
  if (call->num_args > call->num_values) return reader->fail("a call has more arguments than values");
  const size_t slots = call->num_values > 0 ? static_cast<size_t>(call->num_values) : 1;
  call->values = static_cast<AotiOpValue *>(calloc(slots, sizeof(AotiOpValue)));
  if (call->values == nullptr) return reader->fail("there is no memory for its values");
  Values values{call, call->num_args, 0, 0};
  for (int64_t i = 0; i < call->num_args; ++i) {
    if (!read_value(reader, &values, &call->values[i], 0)) return false;
  }
  if (values.used != call->num_values || values.tensors != call->num_tensors ||
      values.sizes != call->num_sizes)
    return reader->fail("a call has other values than it says");
  return reader->left() == 0 ? true : reader->fail("a call is shorter than it says");
}

bool read_calls(Reader *reader, int64_t num_ops, OpCalls *calls) {
  for (int64_t i = 0; i < calls->num_calls; ++i) {
    const int64_t bytes = reader->count(1, "a call's length is beyond the record");
    if (reader->wrong != nullptr) return false;
    Reader inner{reader->at, reader->at + bytes, nullptr};
    const bool read = read_call(&inner, num_ops, &calls->calls[i]) && inner.wrong == nullptr;
    reader->at = inner.at;
    if (!read) return reader->fail(inner.wrong);
  }
  return reader->left() == 0 ? true : reader->fail("bytes follow the last call");
}

}  // namespace

AOTIRuntimeError read_op_record(const uint8_t *record, int64_t num_bytes, int64_t num_ops, const char *model,
                                OpCalls **ret_calls) {
  *ret_calls = nullptr;
  if (num_bytes == 0) return AOTI_RUNTIME_SUCCESS;
  Reader reader{record, record + num_bytes, nullptr};
  if (!reader.has(12, "it is too short") || memcmp(record, kMagic, sizeof kMagic) != 0) {
    reader.fail("it does not begin with AOPR");
  } else {
    reader.at += sizeof kMagic;
    if (reader.number(4, "") != kVersion) reader.fail("it is of another version; expected 1");
  }
  const int64_t count = reader.count(4, "the number of calls is beyond the record");
  OpCalls *calls = static_cast<OpCalls *>(calloc(1, sizeof(OpCalls)));
  OpCall *each = static_cast<OpCall *>(calloc(count > 0 ? static_cast<size_t>(count) : 1, sizeof(OpCall)));
  if (calls == nullptr || each == nullptr) {
    free(calls);
    free(each);
    return fail_memory("calls of operators", count * static_cast<int64_t>(sizeof(OpCall)));
  }
  *calls = OpCalls{count, each};
  if (reader.wrong != nullptr || !read_calls(&reader, num_ops, calls)) {
    free_op_calls(calls);
    return fail(
        "model %s: its record of calls of operators is damaged at byte %lld of %lld: %s; build the library "
        "again",
        model, (long long)(reader.at - record), (long long)num_bytes, reader.wrong);
  }
  *ret_calls = calls;
  return AOTI_RUNTIME_SUCCESS;
}

void free_op_calls(OpCalls *calls) {
  if (calls == nullptr) return;
  for (int64_t i = 0; i < calls->num_calls; ++i) {
    free(calls->calls[i].values);
    free(calls->calls[i].result_lengths);
  }
  free(calls->calls);
  free(calls);
}

void fill_op_call(const OpCall &call, const AtenTensorHandle *tensors, const int64_t *sizes,
                  AotiOpValue *values) {
  for (int64_t i = 0; i < call.num_values; ++i) {
    AotiOpValue value = call.values[i];
    if (value.kind == AOTI_OP_TENSOR) {
      value.value.tensor = tensors[value.value.i64];
    } else if (value.kind == kSizeHole) {
      value.kind = AOTI_OP_INT;
      value.value.i64 = sizes[value.value.i64];
    } else if (value.kind == AOTI_OP_LIST) {
      value.value.list = values + value.value.i64;
    }
    values[i] = value;
  }
}

}  // namespace aoti_model
