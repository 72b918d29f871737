// The REST paths and the JSON of inference, on a service that gives inputs back.
#include "runtime/server/rest/rest_api.h"

#include <string.h>

#include <string>

#include "runtime/server/testing/fake_service.h"
#include "tools/testing/check.h"

using namespace aoti::server;

namespace {

std::string text_of(const HttpResponse &response) {
  std::string text;
  for (const Buffer &part : response.body) text.append(reinterpret_cast<const char *>(part.data), part.size);
  return text;
}

struct Api {
  FakeService service;
  SessionLimits limits;
  RestApi api{&service, limits, [] { return std::string("more 1\n"); }};

  HttpResponse ask(const std::string &method, const std::string &target, const std::string &body = "",
                   const std::string &json_length = "") {
    auto request = std::make_shared<HttpRequest>();
    request->method = method;
    request->target = target;
    request->body = body;
    if (!json_length.empty()) request->headers.emplace_back("inference-header-content-length", json_length);
    std::optional<HttpResponse> later;
    HttpExchange exchange;
    exchange.now_ns = 1000;
    exchange.respond = [&](HttpResponse response) { later = std::move(response); };
    std::optional<HttpResponse> now = api.handle(request, exchange);
    CHECK(now.has_value() != later.has_value());
    return now.has_value() ? *now : *later;
  }

  HttpResponse infer(const std::string &body, const std::string &json_length = "") {
    return ask("POST", "/v2/models/echo/infer", body, json_length);
  }
};

void check(const HttpResponse &response, int status, const char *part) {
  CHECK_EQ(response.status, status);
  CHECK_CONTAINS(text_of(response).c_str(), part);
}

// {"inputs":[{"name":"x", ...}]}
std::string input(const std::string &rest) { return "{\"inputs\":[{\"name\":\"x\"," + rest + "}]}"; }

void test_paths() {
  Api api;
  check(api.ask("GET", "/v2"), 200,
        "{\"name\":\"fake\",\"version\":\"1\",\"extensions\":[\"binary_tensor_data\"]}");
  check(api.ask("GET", "/v2/"), 200, "fake");
  check(api.ask("GET", "/v2/health/live"), 200, "{\"live\":true}");
  check(api.ask("GET", "/v2/health/ready?x=1"), 200, "{\"ready\":true}");
  check(api.ask("GET", "/v2/models/echo"), 200,
        "{\"name\":\"echo\",\"versions\":[\"1\"],\"platform\":\"aotinductor\",\"inputs\":[{\"name\":\"x\","
        "\"datatype\":"
        "\"FP32\",\"shape\":[-1,2]}],\"outputs\":[{\"name\":\"y\",\"datatype\":\"INT64\",\"shape\":[]}]}");
  check(api.ask("GET", "/v2/models/%65cho/versions/1"), 200, "\"echo\"");
  check(api.ask("GET", "/v2/models/echo/versions/1/ready"), 200, "{\"name\":\"echo\",\"ready\":true}");
  check(api.ask("POST", "/v2/repository/index"), 200,
        "[{\"name\":\"echo\",\"version\":\"1\",\"state\":\"READY\"");
  check(api.ask("POST", "/v2/repository/index", "{\"ready\":true}"), 200, "READY");
  check(api.ask("GET", "/metrics"), 200, "fake 1\nmore 1\n");
  check(api.ask("GET", "/v2/models/none"), 404, "{\"error\":\"there is no model 'none'\"}");
  check(api.ask("GET", "/v2/models/echo/versions/2"), 404, "version '2'");
  check(api.ask("POST", "/v2/models/none/infer", "{}"), 404, "'none'");
  check(api.ask("GET", "/v2/models/echo/infer"), 405, "use POST");
  check(api.ask("POST", "/v2/models/echo"), 405, "use GET");
  check(api.ask("GET", "/v2/models"), 404, "/v2/models");
  check(api.ask("GET", "/v2/models/echo/other"), 404, "other");
  check(api.ask("GET", "/v2/models/echo/versions"), 404, "versions");
  check(api.ask("GET", "/"), 404, "nothing at /");
  check(api.ask("GET", "*"), 400, "malformed");
  check(api.ask("GET", "/v2/%4"), 400, "malformed");
  check(api.ask("GET", "/v2/%zz"), 400, "malformed");
  check(api.ask("POST", "/v2/repository/index", "[]"), 400, "no JSON object");
  check(api.ask("GET", "/v2/models/\"%00\xff"), 404, "no model '\\\"\\u0000\xef\xbf\xbd'");
  api.service.is_up = false;
  check(api.ask("GET", "/v2/health/ready"), 503, "{\"ready\":false}");
  check(api.ask("GET", "/v2/health/live"), 200, "true");
  check(api.ask("GET", "/v2/models/echo/ready"), 503, "{\"name\":\"echo\",\"ready\":false}");
}

void test_json_values() {
  Api api;
  const auto echo = [&](const char *datatype, const char *shape, const std::string &data) {
    return api.infer(
        input(std::string("\"datatype\":\"") + datatype + "\",\"shape\":" + shape + ",\"data\":" + data));
  };
  const auto check_same = [&](const char *datatype, const char *shape, const char *data, const char *flat) {
    check(echo(datatype, shape, data), 200, (std::string("\"data\":") + flat + "}").c_str());
  };
  check_same("FP32", "[2,2]", "[1,2.5,-3e-2,0.1]", "[1,2.5,-0.03,0.1]");
  check_same("FP32", "[2,2]", "[[1,2.5],[3,0.1]]", "[1,2.5,3,0.1]");
  check_same("FP64", "[1]", "[0.30000000000000004]", "[0.30000000000000004]");
  check_same("FP64", "[1]", "[100000000000000000000000]", "[1e+23]");
  check_same("INT64", "[2]", "[-9223372036854775808,9223372036854775807]",
             "[-9223372036854775808,9223372036854775807]");
  check_same("UINT64", "[1]", "[18446744073709551615]", "[18446744073709551615]");
  check_same("INT8", "[2]", "[-128,127]", "[-128,127]");
  check_same("UINT8", "[1,1,1]", "[[[255]]]", "[255]");
  check_same("INT16", "[1]", "[-5]", "[-5]");
  check_same("UINT16", "[1]", "[65535]", "[65535]");
  check_same("INT32", "[1]", "[7]", "[7]");
  check_same("UINT32", "[1]", "[4294967295]", "[4294967295]");
  check_same("BOOL", "[2]", "[true,false]", "[true,false]");
  check_same("FP32", "[]", "[5]", "[5]");
  check_same("FP32", "[2,0]", "[[],[]]", "[]");
  check_same("FP32", "[0,3]", "[]", "[]");
  check(echo("INT8", "[1]", "[128]"), 400, "input 'x': element 0 is no value of the datatype");
  check(echo("INT8", "[2]", "[0,-129]"), 400, "element 1");
  check(echo("UINT8", "[1]", "[-1]"), 400, "element 0");
  check(echo("INT32", "[1]", "[1.5]"), 400, "element 0");
  check(echo("FP32", "[1]", "[1e39]"), 400, "element 0");
  check(echo("FP32", "[1]", "[\"1\"]"), 400, "element 0");
  check(echo("FP32", "[1]", "[null]"), 400, "element 0");
  check(echo("BOOL", "[1]", "[1]"), 400, "element 0");
  check(echo("FP32", "[2,2]", "[1,2,3]"), 400, "3 elements; expected 4");
  check(echo("FP32", "[2,2]", "[[1,2],[3]]"), 400, "dimension 1 of the nested arrays does not have 2");
  check(echo("FP32", "[2,2]", "[[1,2]]"), 400, "dimension 0");
  check(echo("FP32", "[2,2]", "[[1,2],3]"), 400, "dimension 1");
  check(echo("FP32", "[2,2]", "7"), 400, "data is no array");
  check(echo("FP32", "[4611686018427387904]", "[1]"), 400, "the shape is impossible");
  check(echo("FP16", "[1]", "[1]"), 400, "FP16 cannot be sent as JSON");
  check(echo("BYTES", "[1]", "[\"a\"]"), 400, "datatype 'BYTES' is unknown or not supported");
}

void test_requests_refused() {
  Api api;
  check(api.infer(""), 400, "the body is no JSON");
  check(api.infer("[]"), 400, "no JSON object");
  check(api.infer("{}"), 400, "expected \\\"inputs\\\"");
  check(api.infer("{\"inputs\":[1]}"), 400, "an input is no object");
  check(api.infer("{\"inputs\":[],\"id\":5}"), 400, "id is no string");
  check(api.infer("{\"inputs\":[],\"outputs\":5}"), 400, "outputs is no array");
  check(api.infer("{\"inputs\":[],\"outputs\":[5]}"), 400, "an output is no object");
  check(api.infer("{\"inputs\":[],\"parameters\":5}"), 400, "parameters is no object");
  check(api.infer("{\"inputs\":[],\"parameters\":{\"timeout\":\"x\"}}"), 400, "timeout");
  check(api.infer("{\"inputs\":[],\"parameters\":{\"timeout\":-4}}"), 400, "timeout");
  check(api.infer("{\"inputs\":[],\"parameters\":{\"sequence_id\":7}}"), 400,
        "'sequence_id' is not supported");
  check(api.infer("{\"inputs\":[],\"outputs\":[{\"name\":\"y\",\"parameters\":{\"classification\":3}}]}"),
        400, "classification");
  check(api.infer("{\"inputs\":[],\"outputs\":[{\"name\":\"y\",\"parameters\":{\"binary_data\":3}}]}"), 400,
        "binary_data is neither");
  check(api.infer(input("\"shape\":[1],\"data\":[1]")), 400, "datatype is no string");
  check(api.infer(input("\"datatype\":\"FP32\",\"data\":[1]")), 400, "shape is no array");
  check(api.infer(input("\"datatype\":\"FP32\",\"shape\":[-1],\"data\":[1]")), 400,
        "dimension 0 of the shape");
  check(api.infer(input("\"datatype\":\"FP32\",\"shape\":[1.0],\"data\":[1]")), 400,
        "dimension 0 of the shape");
  check(api.infer(input("\"datatype\":\"FP32\",\"shape\":[1]")), 400, "expected either data or");
  std::string dims = "[";
  for (int i = 0; i < 65; ++i) dims += "1,";
  dims.back() = ']';
  check(api.infer(input("\"datatype\":\"FP32\",\"data\":[1],\"shape\":" + dims)), 400,
        "more than 64 dimensions");
  check(api.infer(std::string(100000, '[')), 400, "no JSON");
  check(api.ask("POST", "/v2/models/fails/infer", "{\"inputs\":[]}"), 429, "{\"error\":\"full\"}");
}

void test_parameters() {
  Api api;
  check(api.infer("{\"id\":\"a\\\"b\",\"inputs\":[],\"parameters\":{\"timeout\":5,\"other\":[1]},"
                  "\"outputs\":[{\"name\":\"y\"},{\"name\":\"z\"}]}"),
        200, "{\"model_name\":\"echo\",\"model_version\":\"1\",\"id\":\"a\\\"b\",\"outputs\":[]}");
  CHECK_EQ(api.service.last.deadline_ns, int64_t{6000});
  CHECK_EQ(api.service.last.outputs.size(), 2u);
  CHECK_STR_EQ(api.service.last.outputs[1].c_str(), "z");
  api.infer("{\"inputs\":[],\"parameters\":{\"timeout\":18446744073709551615}}");
  CHECK(api.service.last.deadline_ns > int64_t{1} << 60);
  api.infer("{\"inputs\":[]}");
  CHECK_EQ(api.service.last.deadline_ns, int64_t{0});
}

void test_binary() {
  Api api;
  const std::string json =
      "{\"inputs\":[{\"name\":\"a\",\"datatype\":\"FP16\",\"shape\":[2],\"parameters\":{\"binary_data_size\":"
      "4}},"
      "{\"name\":\"b\",\"datatype\":\"INT32\",\"shape\":[1],\"data\":[7]},"
      "{\"name\":\"c\",\"datatype\":\"BF16\",\"shape\":[1],\"parameters\":{\"binary_data_size\":2}}],"
      "\"parameters\":{\"binary_data_output\":true},\"outputs\":[{\"name\":\"a\"},"
      "{\"name\":\"b\",\"parameters\":{\"binary_data\":false}}]}";
  const HttpResponse response = api.infer(json + "abcdef", std::to_string(json.size()));
  check(response, 200, "\"data\":[7]}");
  CHECK_STR_EQ(response.content_type.c_str(), "application/octet-stream");
  CHECK_EQ(response.headers.size(), 1u);
  const std::string text = text_of(response);
  CHECK_STR_EQ(response.headers[0].first.c_str(), "Inference-Header-Content-Length");
  CHECK_EQ(std::stoul(response.headers[0].second), text.size() - 6);
  CHECK_STR_EQ(text.substr(text.size() - 8).c_str(), "]}abcdef");
  CHECK_CONTAINS(text.c_str(), "\"parameters\":{\"binary_data_size\":2}");
  check(api.infer(json + "abcde", std::to_string(json.size())), 400, "only 1 bytes are left");
  check(api.infer(json + "abcdefg", std::to_string(json.size())), 400, "1 bytes follow");
  check(api.infer(json + "abcdef", "999999"), 400, "Inference-Header-Content-Length is '999999'");
  check(api.infer(json + "abcdef", "x"), 400, "is 'x'");
  check(api.infer(json + "abcdef", "-1"), 400, "is '-1'");
  check(api.infer(json), 400, "only 0 bytes are left");
  check(api.infer(json + "abcdef"), 400, "no JSON");
  // What JSON cannot carry is refused, not changed.
  const std::string half =
      input("\"datatype\":\"FP16\",\"shape\":[1],\"parameters\":{\"binary_data_size\":2}");
  check(api.infer(half + "ab", std::to_string(half.size())), 400,
        "output 'x' is FP16, which JSON cannot carry");
  const std::string nan =
      input("\"datatype\":\"FP32\",\"shape\":[1],\"parameters\":{\"binary_data_size\":4}");
  check(api.infer(nan + std::string("\0\0\xc0\x7f", 4), std::to_string(nan.size())), 400,
        "has a NaN or an infinity");
}

}  // namespace

int main() {
  test_paths();
  test_json_values();
  test_requests_refused();
  test_parameters();
  test_binary();
  return aoti_test::result();
}
