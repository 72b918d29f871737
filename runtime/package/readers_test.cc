// The readers of packages, JSON and safetensors: what is found in good ones, what is said of bad ones, and
// places beyond 4 GiB, in sparse files.
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "runtime/package/json.h"
#include "runtime/package/package_index.h"
#include "runtime/package/safetensors.h"
#include "runtime/package/testing/zip_writer.h"
#include "tools/testing/check.h"

using aoti::Bytes;
using aoti::Json;
using aoti_test::ZipWriter;

namespace {

constexpr uint64_t kFiveGib = uint64_t{5} << 30;

Bytes bytes_of(const std::string &text) {
  return Bytes{reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

std::string scratch(const char *name) {
  const char *folder = getenv("TEST_TMPDIR");
  return std::string(folder != nullptr ? folder : "/tmp") + "/" + name + "." + std::to_string(getpid());
}

void bad_json(const std::string &text, const char *said) {
  Json json;
  std::string error;
  CHECK(!aoti::parse_json(bytes_of(text), &json, &error));
  CHECK_CONTAINS(error.c_str(), said);
}

void test_json() {
  Json json;
  std::string error;
  const std::string text =
      " {\"a\": [1, -2.5e3, true, null], \"\\u00e9\\ud83d\\ude00\\n\": {\"b\": \"\xe2\x82\xac\"}} ";
  CHECK(aoti::parse_json(bytes_of(text), &json, &error));
  uint64_t number = 0;
  CHECK_EQ(json.members.size(), size_t{2});
  CHECK_EQ(json.find("a")->items.size(), size_t{4});
  CHECK(json.find("a")->items[0].to_uint64(&number) && number == 1);
  CHECK(!json.find("a")->items[1].to_uint64(&number));
  CHECK(json.find("a")->items[2].boolean);
  CHECK_STR_EQ(json.members[1].first.c_str(), "\xc3\xa9\xf0\x9f\x98\x80\n");
  CHECK_STR_EQ(json.members[1].second.find("b")->text.c_str(), "\xe2\x82\xac");
  CHECK(json.find("c") == nullptr);
  CHECK(aoti::parse_json(bytes_of("18446744073709551615"), &json, &error) && json.to_uint64(&number));
  CHECK_EQ(number, UINT64_MAX);
  CHECK(aoti::parse_json(bytes_of("18446744073709551616"), &json, &error) && !json.to_uint64(&number));
  bad_json("", "at byte 0: expected a JSON value");
  bad_json("{\"a\":1,\"a\":2}", "a name that the object does not have yet");
  bad_json("[1 2]", "at byte 3: expected ',' or ']'");
  bad_json("{\"a\" 1}", "at byte 5: expected ':'");
  bad_json("{a:1}", "expected the name of a member");
  bad_json("[1] 2", "expected the end of the text");
  bad_json("\"abc", "expected a character of a string or '\"'");
  bad_json("\"\\x\"", "expected an escape sequence");
  bad_json("\"\\ud800\"", "expected the second half of a surrogate pair");
  bad_json("\"\\udc00\"", "expected the first half of a surrogate pair");
  bad_json("\"\\u12g4\"", "expected four hexadecimal digits");
  bad_json("\"\xc0\x80\"", "expected valid UTF-8");
  bad_json("\"\xed\xa0\x80\"", "expected valid UTF-8");
  bad_json("01", "expected the end of the text");
  bad_json("1.", "expected a digit");
  bad_json("tru", "expected a JSON value");
  bad_json(std::string(100, '['), "expected no deeper nesting");
}

constexpr char kIndex[] =
    "{\"format\":1,\"shared_state\":[\"cache\"],\"methods\":{\"run\":{\"library\":\"data/aotinductor/run/"
    "x.so\","
    "\"constants\":[[0,64],[%s,8]]}}}";

std::string index_with(uint64_t offset) {
  char text[512];
  snprintf(text, sizeof text, kIndex, std::to_string(offset).c_str());
  return text;
}

// A package with the given index and `size` bytes of weights that end in "the end.".
std::string write_package(const std::string &index, uint64_t size, uint64_t alignment = 4096) {
  const std::string path = scratch("package.pt2");
  ZipWriter zip(path);
  zip.add("p/archive_format", "pt2");
  zip.add("p/data/aotinductor/run/x.so", "a library", 64);
  zip.add("p/extra/aoti_package.json", index);
  zip.add_hole("p/data/weights/aoti_weights.bin", size, "the end.", alignment);
  zip.add("p/after", "what comes behind the weights");
  zip.finish();
  return path;
}

// An archive of these files and no others.
std::string write_zip(const std::vector<std::pair<std::string, std::string>> &files) {
  const std::string path = scratch("other.pt2");
  ZipWriter zip(path);
  for (const auto &[name, content] : files) zip.add(name, content);
  zip.finish();
  return path;
}

void bad_package(const std::string &path, const char *said) {
  aoti::FileMap map;
  aoti::PackageIndex index;
  std::string error;
  CHECK(map.open(path, "a package", &error));
  CHECK(!aoti::read_package_index(map.bytes(), &index, &error));
  CHECK_CONTAINS(error.c_str(), said);
  unlink(path.c_str());
}

// Weights of more than 4 GiB, their last constant beyond: zip64 throughout.
void test_package() {
  const std::string path = write_package(index_with(kFiveGib - 64), kFiveGib - 56);
  aoti::FileMap map;
  aoti::PackageIndex index;
  std::string error;
  CHECK(map.open(path, "a package", &error));
  CHECK(aoti::read_package_index(map.bytes(), &index, &error));
  CHECK_STR_EQ(error.c_str(), "");
  unlink(path.c_str());
  if (!error.empty()) return;
  CHECK(!index.is_stock);
  CHECK_EQ(index.methods.size(), size_t{1});
  CHECK_STR_EQ(index.methods[0].name.c_str(), "run");
  CHECK_STR_EQ(index.methods[0].library.text().c_str(), "a library");
  CHECK_EQ(index.methods[0].library_crc, aoti::zip_crc(index.methods[0].library));
  CHECK_STR_EQ(index.shared_state[0].c_str(), "cache");
  CHECK_EQ(index.methods[0].constants.size(), size_t{2});
  const AotiConstantPlace &last = index.methods[0].constants[1];
  CHECK_EQ(static_cast<uint64_t>(static_cast<const uint8_t *>(last.data) - index.weights.data),
           kFiveGib - 64);
  CHECK(memcmp(last.data, "the end.", 8) == 0);
  CHECK_EQ(reinterpret_cast<uintptr_t>(index.weights.data) % 4096, uintptr_t{0});
}

void test_bad_packages() {
  const std::string good = index_with(64);
  bad_package(write_package(good, 72, 64), "expected a multiple of 4096");
  bad_package(write_package(index_with(128), 72),
              "constant 1 of method 'run' lies outside the 72 bytes of the weights");
  bad_package(write_package(index_with(UINT64_MAX), 72), "lies outside");
  bad_package(write_package(index_with(8), 72), "is not at a multiple of 64");
  bad_package(write_package("{", 72), "extra/aoti_package.json: at byte 1: expected the name of a member");
  bad_package(write_package("{\"format\":2}", 72),
              "has format 2; this program reads format 1. Rebuild this program");
  bad_package(write_package("{\"format\":1}", 72), "'methods' is missing or empty");
  bad_package(write_package("{\"format\":1,\"methods\":{\"a\":{\"library\":\"b\"}}}", 72),
              "the library of method 'a' is not in the package");
  bad_package(write_zip({{"p/archive_format", "onnx"}}), "expected a file archive_format that says pt2");
  bad_package(write_zip({{"p/archive_format", "pt2"}, {"q/x", ""}}), "expected all files in one folder");
  bad_package(write_zip({{"p/archive_format", "pt2"}, {"p/archive_format", "pt2"}}),
              "has 'p/archive_format' twice");
  bad_package(write_zip({{"p/../archive_format", "pt2"}}), "an entry of the name 'p/../archive_format'");
  bad_package(write_zip({{"p/archive_format", "pt2"}, {"p/data/models/model.json", "{}"}}),
              "it holds an exported program only; compile it");
  const std::string model = "p/data/aotinductor/m/";
  bad_package(
      write_zip({{"p/archive_format", "pt2"}, {model + "x.so", "l"}, {model + "weights_config.json", "{}"}}),
      "put the weights of model 'm' into Python's pickles (data/aotinductor/m/weights_config.json)");
  bad_package(write_zip({{"p/archive_format", "pt2"},
                         {model + "x.so", "l"},
                         {model + "a_weights.blob", "1"},
                         {model + "b_weights.blob", "2"}}),
              "model 'm' has two files of weights");
  const std::string path = scratch("other.pt2");
  std::ofstream(path) << "no zip";
  bad_package(path, "it has no directory; the file is cut short, or no archive");
}

std::string safetensors(std::string header, const std::string &data) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char *>(&length), 8) + header + data;
}

void bad_safetensors(const std::string &header, const std::string &data, const char *said) {
  std::vector<aoti::StoredTensor> tensors;
  std::string error;
  CHECK(!aoti::read_safetensors(bytes_of(safetensors(header, data)), &tensors, &error));
  CHECK_CONTAINS(error.c_str(), said);
}

void test_safetensors() {
  std::vector<aoti::StoredTensor> tensors;
  std::string error;
  const std::string file = safetensors(
      "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[8,16]},"
      "\"a\":{\"dtype\":\"BF16\",\"shape\":[2,2],\"data_offsets\":[0,8]},"
      "\"e\":{\"dtype\":\"U8\",\"shape\":[0,9],\"data_offsets\":[16,16]}}",
      "01234567abcdefgh");
  CHECK(aoti::read_safetensors(bytes_of(file), &tensors, &error));
  CHECK_EQ(tensors.size(), size_t{3});
  CHECK_STR_EQ(tensors[0].name.c_str(), "b");
  CHECK_EQ(tensors[0].dtype, static_cast<int32_t>(AOTI_DTYPE_INT64));
  CHECK_STR_EQ(tensors[0].bytes.text().c_str(), "abcdefgh");
  CHECK_EQ(tensors[1].shape.size(), size_t{2});
  CHECK_EQ(tensors[2].bytes.size, uint64_t{0});
  bad_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "0123",
                  "'a' lies outside the file");
  bad_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", "01234567",
                  "'a' has 8 bytes; its dtype and shape make 12");
  bad_safetensors("{\"a\":{\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]}}", "01234567",
                  "'a' has no dtype that is known here");
  bad_safetensors("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}", "01234567",
                  "a gap or an overlap before tensor 'a'");
  bad_safetensors("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", "01234567",
                  "bytes follow the last tensor");
  bad_safetensors("{\"a\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", "",
                  "'a' has no shape that can be");
  bad_safetensors("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[8,4]}}", "01234567",
                  "'a' has no pair of offsets");
  bad_safetensors("[]", "", "its header is no JSON object");
  CHECK(!aoti::read_safetensors(bytes_of(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8)), &tensors,
                                &error));
  CHECK_CONTAINS(error.c_str(), "its header would have 9223372036854775807 bytes");
}

// A tensor behind one of 5 GiB.
void test_large_safetensors() {
  const std::string path = scratch("large.safetensors"), end = std::to_string(kFiveGib),
                    last = std::to_string(kFiveGib + 8);
  const std::string head = safetensors(
      "{\"big\":{\"dtype\":\"U8\",\"shape\":[" + end + "],\"data_offsets\":[0," + end +
          "]},\"last\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" + end + "," + last + "]}}",
      "");
  const float values[] = {1.5f, -2.5f};
  {
    std::ofstream file(path, std::ios::binary);
    file << head;
    file.seekp(static_cast<std::streamoff>(head.size() + kFiveGib));
    file.write(reinterpret_cast<const char *>(values), sizeof values);
  }
  aoti::Safetensors file;
  std::string error;
  CHECK(file.open(path, &error));
  CHECK_STR_EQ(error.c_str(), "");
  unlink(path.c_str());
  if (file.tensors().size() != 2) return;
  CHECK_EQ(file.tensors()[0].bytes.size, kFiveGib);
  CHECK(memcmp(file.tensors()[1].bytes.data, values, sizeof values) == 0);
  CHECK(!file.open("/nowhere/x.safetensors", &error));
  CHECK_CONTAINS(error.c_str(), "/nowhere/x.safetensors: No such file or directory");
}

}  // namespace

int main() {
  test_json();
  test_package();
  test_bad_packages();
  test_safetensors();
  test_large_safetensors();
  return aoti_test::result();
}
