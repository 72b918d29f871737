// Datatypes, statuses, the bytes that wait to be written, lines of the log.
#include <unistd.h>

#include <string>

#include "aoti/dtypes.h"
#include "runtime/server/datatype.h"
#include "runtime/server/log.h"
#include "runtime/server/session.h"
#include "tools/testing/check.h"

using namespace aoti::server;

namespace {

void test_datatypes() {
  Datatype datatype = Datatype::kBool;
  for (const char *name : {"BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
                           "FP16", "BF16", "FP32", "FP64"}) {
    CHECK(datatype_of_name(name, &datatype));
    CHECK_STR_EQ(datatype_name(datatype), name);
    Datatype back = Datatype::kBool;
    CHECK(datatype_of_dtype(datatype_dtype(datatype), &back));
    CHECK(back == datatype);
  }
  CHECK(!datatype_of_name("BYTES", &datatype));
  CHECK(!datatype_of_name("fp32", &datatype));
  CHECK(!datatype_of_dtype(AOTI_DTYPE_COMPLEX64, &datatype));
  CHECK_EQ(datatype_bytes(Datatype::kBf16), 2u);
  CHECK_EQ(datatype_dtype(Datatype::kInt64), static_cast<int32_t>(AOTI_DTYPE_INT64));
}

void test_sizes() {
  size_t bytes = 1;
  CHECK(tensor_bytes(Datatype::kFp32, {}, &bytes));
  CHECK_EQ(bytes, 4u);
  CHECK(tensor_bytes(Datatype::kInt64, {2, 3}, &bytes));
  CHECK_EQ(bytes, 48u);
  CHECK(tensor_bytes(Datatype::kInt64, {0, 1ll << 50}, &bytes));
  CHECK_EQ(bytes, 0u);
  CHECK(!tensor_bytes(Datatype::kInt64, {1ll << 61}, &bytes));
  CHECK(!tensor_bytes(Datatype::kInt64, {0, 1ll << 40, 1ll << 40}, &bytes));
  CHECK(!tensor_bytes(Datatype::kFp32, {-1}, &bytes));
}

void test_statuses() {
  CHECK_EQ(http_status(StatusCode::kOk), 200);
  CHECK_EQ(http_status(invalid("x").code), 400);
  CHECK_EQ(http_status(StatusCode::kResourceExhausted), 429);
  CHECK_STR_EQ(status_name(StatusCode::kUnavailable), "UNAVAILABLE");
}

void test_output() {
  Output output;
  output.append(std::string());
  CHECK(output.empty());
  output.append("abc");
  output.append(Buffer::of("defgh"));
  CHECK_EQ(output.size(), 8u);
  CHECK_EQ(output.num_pieces(), 2u);
  output.consume(4);
  CHECK_EQ(output.num_pieces(), 1u);
  CHECK_EQ(output.front().size, 4u);
  CHECK_EQ(output.front().data[0], static_cast<uint8_t>('e'));
  output.consume(4);
  CHECK(output.empty());
  CHECK_EQ(output.num_pieces(), 0u);
}

std::string logged(Log::Level least, Log::Level level, const std::string &value) {
  int ends[2];
  CHECK_EQ(pipe(ends), 0);
  Log(least, ends[1]).write(level, "event", {{"key", value}});
  close(ends[1]);
  char text[512];
  const ssize_t length = read(ends[0], text, sizeof text);
  close(ends[0]);
  return std::string(text, length > 0 ? static_cast<size_t>(length) : 0);
}

void test_log() {
  const std::string line = logged(Log::kInfo, Log::kError, "a \"b\"\\\n\x01");
  CHECK_CONTAINS(line.c_str(),
                 "\"level\":\"error\",\"event\":\"event\",\"key\":\"a \\\"b\\\"\\\\\\u000a\\u0001\"}\n");
  CHECK_EQ(line.find("{\"time\":\"20"), 0u);
  CHECK_EQ(logged(Log::kWarning, Log::kInfo, "x").size(), 0u);
}

}  // namespace

int main() {
  test_datatypes();
  test_sizes();
  test_statuses();
  test_output();
  test_log();
  return aoti_test::result();
}
