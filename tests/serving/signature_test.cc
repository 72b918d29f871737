// Signed packages and libraries through the loader: what is refused, that nothing of a refused file is
// loaded, and that what was checked is what is used. Arguments: the package `decoder`, the library of `rows`
// (its weights in a file beside it), the toy model as static and as shared flavour, libaoti_shim.so.
#include "runtime/signature/signature.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <iterator>

#include "runtime/package/package.h"
#include "runtime/package/session.h"
#include "tests/serving/serving_models.h"

namespace {

using Check = std::shared_ptr<const aoti::FileCheck>;

std::string read_all(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

void write_all(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

aoti::Bytes bytes_of(const std::string &text) {
  return aoti::Bytes{reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

bool is_mapped(const std::string &name) {
  return read_all("/proc/self/maps").find(name) != std::string::npos;
}

// A folder of this test, and the one key that it trusts.
struct Place {
  const std::string folder;
  const aoti::SecretSeed seed = aoti::make_secret();
  const Check check =
      std::make_shared<aoti::SignatureCheck>(std::vector<aoti::PublicKey>{aoti::public_key_of(seed)});

  explicit Place(const std::string &name) : folder(std::string(getenv("TEST_TMPDIR")) + "/" + name) {
    CHECK_EQ(mkdir(folder.c_str(), 0755), 0);
  }

  std::string copy_of(const std::string &path) const {
    const std::string copy = folder + path.substr(path.find_last_of('/'));
    write_all(copy, read_all(path));
    return copy;
  }
  std::string signature(const std::string &bytes) const {
    return aoti::write_line(aoti::sign_file(bytes_of(bytes), seed));
  }
  void sign(const std::string &path) const { write_all(path + ".sig", signature(read_all(path))); }

  aoti::LoadOptions library() const {
    aoti::LoadOptions options;
    options.check = check;
    return options;
  }
  aoti::PackageOptions package() const {
    aoti::PackageOptions options;
    options.library = library();
    return options;
  }
};

// One step of a session over `decode`, held against the model in double.
void decode_runs(aoti::Package *package) {
  std::string error;
  aoti::PackagedMethod *decode = package->method("decode", &error);
  CHECK_STR_EQ(error.c_str(), "");
  if (decode == nullptr) return;
  const AotiModelApi &api = decode->api();
  AOTInductorModelContainerHandle model = decode->create(1, "cpu", &error);
  auto session = aoti::Session::create({{"decode", &api, model}}, {}, &error);
  CHECK(session != nullptr);
  if (session == nullptr) return;
  serving::Decoder expected;
  const std::vector<float> x = serving::numbers(serving::kWidth, 3);
  AtenTensorHandle input = serving::tensor(api, x.data(), AOTI_DTYPE_FLOAT32, {1, serving::kWidth}),
                   outputs[2];
  CHECK_EQ(session->run(0, &input, 1, outputs, 2, nullptr, nullptr), 0);
  expected.run(x);
  expected.check_and_delete(api, outputs);
  session.reset();
  CHECK_EQ(api.delete_container(model), 0);
}

void opens(const std::string &path, const aoti::PackageOptions &options) {
  std::string error;
  const auto package = aoti::Package::open(path, options, &error);
  CHECK_STR_EQ(error.c_str(), "");
  if (package != nullptr) decode_runs(package.get());
}

void refused(const std::string &path, const aoti::PackageOptions &options, const char *part) {
  std::string error;
  CHECK(aoti::Package::open(path, options, &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), part);
  CHECK_CONTAINS(error.c_str(), path.c_str());
}

void test_package(const std::string &original) {
  const Place place("package");
  const std::string path = place.copy_of(original), good = read_all(path);
  refused(path, place.package(), "is not signed");
  place.sign(path);
  opens(path, place.package());
  for (size_t at = 0; at < good.size(); at += good.size() / 97 + 1) {
    std::string bad = good;
    bad[at] ^= static_cast<char>(1 << at % 8);
    write_all(path, bad);
    refused(path, place.package(), "is not what was signed");
    write_all(path, good.substr(0, at + 1));
    refused(path, place.package(), "is not what was signed");
  }
  write_all(path, good + "x");
  refused(path, place.package(), "is not what was signed");
  write_all(path, good);
  const Place other("other");
  refused(path, other.package(), "is signed by the key");
  write_all(path + ".sig", "");
  refused(path, place.package(), "not a file with anything in it");
  aoti::PackageOptions given = place.package();
  const std::string signature = place.signature(good);
  given.library.signature = bytes_of(signature);
  opens(path, given);
}

// Descriptors and memory; one sealed copy for many.
void test_ways(const std::string &original) {
  const Place place("ways");
  const std::string good = read_all(original), signature = place.signature(good);
  aoti::PackageOptions options = place.package();
  options.library.signature = bytes_of(signature);
  std::string error, memory = " " + good;  // at an odd address: it is copied
  const auto first = aoti::Package::open_memory(bytes_of(memory.substr(1)), "memory", options, &error);
  CHECK_STR_EQ(error.c_str(), "");
  if (first == nullptr) return;
  memory.assign(memory.size(), 'x');
  decode_runs(first.get());
  const auto second = aoti::Package::open_descriptor(first->descriptor(), "sealed", options, &error);
  CHECK_STR_EQ(error.c_str(), "");
  if (second == nullptr) return;
  decode_runs(second.get());
  struct stat a, b;
  CHECK_EQ(fstat(first->descriptor(), &a) + fstat(second->descriptor(), &b), 0);
  CHECK_EQ(a.st_ino, b.st_ino);
  const int file = open(original.c_str(), O_RDONLY | O_CLOEXEC);
  const auto third = aoti::Package::open_descriptor(file, "a file", options, &error);
  close(file);
  CHECK(third != nullptr && aoti::MemoryFile::is_sealed(third->descriptor()));
  CHECK_EQ(write(third->descriptor(), "x", 1), ssize_t{-1});
}

// A check that, once it has let a file pass, does something to the world.
class ThenCheck : public aoti::FileCheck {
 public:
  ThenCheck(Check check, std::function<void()> then) : check_(std::move(check)), then_(std::move(then)) {}
  bool check(const aoti::Bytes &file, const std::string &name, const aoti::Bytes &signature,
             std::string *error) const override {
    const bool ok = check_->check(file, name, signature, error);
    then_();
    return ok;
  }

 private:
  Check check_;
  std::function<void()> then_;
};

// The file is overwritten in its place between the check and everything else.
void test_race(const std::string &package, const std::string &toy) {
  const Place place("race");
  for (const std::string &original : {package, toy}) {
    const std::string path = place.copy_of(original);
    place.sign(path);
    aoti::PackageOptions options = place.package();
    options.library.check = std::make_shared<ThenCheck>(
        place.check, [path, size = read_all(path).size()] { write_all(path, std::string(size, 'x')); });
    if (original == package) {
      opens(path, options);
      continue;
    }
    std::string error;
    const auto library = aoti::load_library(path, options.library, &error);
    CHECK_STR_EQ(error.c_str(), "");
    CHECK(library != nullptr);
    if (library != nullptr) CHECK_STR_EQ(library->api().desc->name, "toy");
  }
}

void test_library(const std::string &toy, const std::string &rows) {
  const Place place("library");
  const std::string path = place.copy_of(toy);
  std::string error;
  CHECK(aoti::load_library(path, place.library(), &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), "is not signed");
  CHECK(!is_mapped("libtoy_static.so"));
  place.sign(path);
  {
    const auto library = aoti::load_library(path, place.library(), &error);
    CHECK(library != nullptr && is_mapped("memfd:libtoy_static.so"));
  }
  CHECK(!is_mapped("libtoy_static.so"));
  const std::string beside = place.copy_of(rows);
  place.sign(beside);
  CHECK(aoti::load_library(beside, place.library(), &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), ".weights.bin beside it, which no signature of the library covers");
}

// What the library needs, and that lies beside it, is checked, too.
void test_needed(const std::string &toy, const std::string &shim) {
  const Place place("needed");
  const std::string path = place.copy_of(toy), beside = place.copy_of(shim);
  place.sign(path);
  std::string error;
  CHECK(aoti::load_library(path, place.library(), &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), (beside + ": is not signed").c_str());
  CHECK(!is_mapped("libaoti_shim.so"));
  place.sign(beside);
  for (int i = 0; i < 2; ++i) {
    const auto library = aoti::load_library(path, place.library(), &error);
    CHECK(library != nullptr && is_mapped("memfd:libaoti_shim.so"));
  }
}

}  // namespace

int main(int argc, char **argv) {
  CHECK_EQ(argc, 6);
  if (argc != 6) return aoti_test::result();
  test_package(argv[1]);
  test_ways(argv[1]);
  test_race(argv[1], argv[3]);
  test_library(argv[3], argv[2]);
  test_needed(argv[4], argv[5]);
  return aoti_test::result();
}
