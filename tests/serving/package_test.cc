// A package of two methods that share weights and a cache: opened from a path, a descriptor and memory;
// sessions one after the other and at the same time; what is said of damaged ones and where the system has
// nothing to give. Arguments: the package, the library of the model `rows` with its weights file beside it.
#include "runtime/package/package.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include "runtime/package/session.h"
#include "runtime/package/zip_file.h"
#include "tests/serving/serving_models.h"

using serving::Decoder;

namespace {

void step(aoti::Session *session, size_t method, Decoder *expected, int seed) {
  const AotiModelApi &api = *session->methods()[method].api;
  const int64_t rows = method == 0 ? serving::kPrompt : 1;
  const std::vector<float> x = serving::numbers(rows * serving::kWidth, seed);
  AtenTensorHandle input = serving::tensor(api, x.data(), AOTI_DTYPE_FLOAT32, {rows, serving::kWidth}),
                   outputs[2];
  CHECK_EQ(session->run(method, &input, 1, outputs, 2, nullptr, nullptr), 0);
  expected->run(x);
  expected->check_and_delete(api, outputs);
}

// Both methods with a container each, and sessions over them.
struct Server {
  aoti::PackagedMethod *prefill = nullptr, *decode = nullptr;
  std::vector<aoti::SessionMethod> methods;

  Server(aoti::Package *package, size_t instances) {
    std::string error;
    prefill = package->method("prefill", &error);
    decode = package->method("decode", &error);
    CHECK_STR_EQ(error.c_str(), "");
    if (prefill == nullptr || decode == nullptr) exit(aoti_test::result());
    methods = {{"prefill", &prefill->api(), prefill->create(instances, "cpu", &error)},
               {"decode", &decode->api(), decode->create(instances, "cpu", &error)}};
    CHECK_STR_EQ(error.c_str(), "");
  }
  ~Server() {
    for (const aoti::SessionMethod &method : methods)
      CHECK_EQ(method.api->delete_container(method.container), 0);
  }

  std::unique_ptr<aoti::Session> session() const {
    std::string error;
    auto made = aoti::Session::create(methods, {"cache", "count"}, &error);
    CHECK_STR_EQ(error.c_str(), "");
    return made;
  }
};

void test_sessions(aoti::Package *package) {
  CHECK(!package->index().is_stock);
  CHECK_EQ(package->index().methods.size(), size_t{2});
  CHECK_EQ(package->index().shared_state.size(), size_t{2});
  const Server server(package, 2);
  const auto one = server.session(), other = server.session();
  CHECK_EQ(one->state().size(), size_t{2});
  Decoder first, second;
  step(one.get(), 0, &first, 1);
  step(other.get(), 1, &second, 2);  // decodes from nothing
  step(one.get(), 1, &first, 3);
  step(other.get(), 1, &second, 4);
  step(one.get(), 1, &first, 5);
  step(other.get(), 0, &second, 6);
  one->reset();
  first = Decoder();
  step(one.get(), 1, &first, 7);
  step(other.get(), 1, &second, 8);
}

void test_many_sessions(aoti::Package *package) {
  const Server server(package, 3);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&server, i] {
      const auto session = server.session();
      Decoder expected;
      step(session.get(), 0, &expected, i);
      for (int k = 0; k < 20; ++k) step(session.get(), 1, &expected, i * 100 + k);
    });
  }
  for (std::thread &thread : threads) thread.join();
}

void test_session_refusals(aoti::Package *package) {
  const Server server(package, 1);
  std::string error;
  CHECK(aoti::Session::create(server.methods, {"nothing"}, &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), "the state 'nothing', which methods are to share, is kept by none of them");
  const AotiModelApi &api = server.decode->api();
  AotiSessionHandle session = nullptr;
  alignas(64) int64_t memory[8] = {};
  const AotiStatePlace wrong[] = {{"count", memory, 16}}, unknown[] = {{"proj.weight", memory, 8}},
                       crooked[] = {{"count", reinterpret_cast<char *>(memory) + 8, 8}},
                       twice[] = {{"count", memory, 8}, {"count", memory, 8}};
  CHECK_EQ(api.create_session(server.methods[1].container, wrong, 1, &session), 1);
  CHECK_CONTAINS(api.last_error(), "the shared state 'count' has 16 bytes; expected 8");
  CHECK_EQ(api.create_session(server.methods[1].container, unknown, 1, &session), 1);
  CHECK_CONTAINS(api.last_error(), "has no state named 'proj.weight'");
  CHECK_EQ(api.create_session(server.methods[1].container, crooked, 1, &session), 1);
  CHECK_CONTAINS(api.last_error(), "expected a multiple of 64");
  CHECK_EQ(api.create_session(server.methods[1].container, twice, 2, &session), 1);
  CHECK_CONTAINS(api.last_error(), "the state 'count' is given twice");
}

std::vector<char> read_all(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return std::vector<char>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

// A package's bytes in memory of their own, at the start of a page.
class Copy {
 public:
  explicit Copy(const std::vector<char> &bytes) : size_(bytes.size()) {
    void *data = mmap(nullptr, size_ + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(data != MAP_FAILED);
    data_ = static_cast<uint8_t *>(data);
    memcpy(data_, bytes.data(), size_);
  }
  ~Copy() { munmap(data_, size_ + 1); }
  Copy(const Copy &) = delete;
  Copy &operator=(const Copy &) = delete;

  uint8_t *data() { return data_; }
  aoti::Bytes bytes(size_t size) const { return aoti::Bytes{data_, size}; }

 private:
  uint8_t *data_ = nullptr;
  size_t size_;
};

// What opening and loading everything says; "" when all is well.
std::string verdict(const aoti::Bytes &bytes, bool verify_weights) {
  std::string error;
  aoti::PackageOptions options;
  options.verify_weights = verify_weights;
  const auto package = aoti::Package::open_memory(bytes, "damaged.pt2", options, &error);
  if (package == nullptr) return error;
  for (const aoti::PackageMethod &method : package->index().methods) {
    aoti::PackagedMethod *loaded = package->method(method.name, &error);
    if (loaded == nullptr) return error;
    AOTInductorModelContainerHandle container = loaded->create(1, "cpu", &error);
    if (container == nullptr) return error;
    loaded->api().delete_container(container);
  }
  return "";
}

// Every truncation and every flipped bit that matters is refused with a sentence, and nothing crashes.
void test_damage(const std::string &path) {
  const std::vector<char> good = read_all(path);
  Copy copy(good);
  CHECK_STR_EQ(verdict(copy.bytes(good.size()), true).c_str(), "");
  for (size_t size = 0; size < good.size(); size += good.size() / 61 + 1) {
    CHECK_CONTAINS(verdict(copy.bytes(size), false).c_str(), "damaged.pt2: ");
  }
  std::vector<aoti::ZipEntry> entries;
  std::string error;
  CHECK(aoti::read_zip(copy.bytes(good.size()), &entries, &error));
  const auto flip = [&](uint64_t at) {
    copy.data()[at] ^= 4;
    const std::string said = verdict(copy.bytes(good.size()), true);
    copy.data()[at] ^= 4;
    return said;
  };
  uint64_t last = 0;
  for (const aoti::ZipEntry &entry : entries) {
    last = entry.offset + entry.size > last ? entry.offset + entry.size : last;
    const bool is_library = entry.name.find(".so") != std::string::npos;
    if (!is_library && entry.name.find("aoti_weights.bin") == std::string::npos) continue;
    for (uint64_t at = 0; at < entry.size; at += entry.size / 7 + 1) {
      CHECK_CONTAINS(flip(entry.offset + at).c_str(), "damaged");
    }
  }
  // The directory, byte by byte: refused, or what it says is unharmed.
  int refused = 0;
  for (uint64_t at = last; at < good.size(); at += 3) refused += !flip(at).empty();
  CHECK(refused > 50);
}

std::string opened_in_child(const std::string &path, const std::function<void()> &prepare) {
  int ends[2];
  CHECK_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    prepare();
    std::string error;
    const auto package = aoti::Package::open(path, {}, &error);
    if (package != nullptr && package->method("decode", &error) != nullptr) error = "opened";
    const ssize_t written = write(ends[1], error.data(), error.size());
    _exit(written == static_cast<ssize_t>(error.size()) ? 0 : 1);
  }
  close(ends[1]);
  char text[4096] = "";
  ssize_t length = 0;
  for (ssize_t got = 0;
       (got = read(ends[0], text + length, sizeof text - 1 - static_cast<size_t>(length))) > 0;)
    length += got;
  close(ends[0]);
  int status = 0;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return text;
}

void limit(int resource, rlim_t most) {
  const rlimit value = {most, most};
  if (setrlimit(static_cast<__rlimit_resource>(resource), &value) != 0) _exit(3);
}

// Where the system has no more of something, a sentence says of what.
void test_faults(const std::string &path) {
  CHECK_STR_EQ(opened_in_child(path, [] {}).c_str(), "opened");
  CHECK_CONTAINS(opened_in_child(path, [] { limit(RLIMIT_NOFILE, 3); }).c_str(), "Too many open files");
  CHECK_CONTAINS(opened_in_child(path,
                                 [] {
                                   signal(SIGXFSZ, SIG_IGN);
                                   limit(RLIMIT_FSIZE, 4096);
                                 })
                     .c_str(),
                 "cannot be copied to memory");
  CHECK_CONTAINS(opened_in_child(path + ".none", [] {}).c_str(), "No such file or directory");
}

void test_ways(const std::string &path) {
  std::string error;
  aoti::PackageOptions options;
  options.verify_weights = true;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  {
    const auto package = aoti::Package::open_descriptor(file, "from a descriptor", options, &error);
    close(file);
    CHECK(package != nullptr);
    if (package != nullptr) test_sessions(package.get());
  }
  Copy copy(read_all(path));
  const std::vector<char> bytes = read_all(path);
  {
    const auto package = aoti::Package::open_memory(copy.bytes(bytes.size()), "from memory", options, &error);
    CHECK(package != nullptr);
    if (package != nullptr) test_sessions(package.get());
  }
  CHECK(aoti::Package::open_memory(aoti::Bytes{copy.data() + 8, 100}, "crooked", options, &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), "must begin at a multiple of 4096");
  CHECK(aoti::Package::open_descriptor(-1, "closed", options, &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), "closed: Bad file descriptor");
}

// A library whose weights lie in a file beside it, from its path; from memory there is nothing beside it.
void test_weights_file(const std::string &path) {
  std::string error;
  {
    const auto library = aoti::load_library(path, {}, &error);
    CHECK(library != nullptr);
    if (library == nullptr) return;
    const AotiModelApi &api = library->api();
    AOTInductorModelContainerHandle model = nullptr;
    CHECK_EQ(api.create_with_device(&model, 1, "cpu", nullptr), 0);
    const serving::RowsCall call(5, 1);
    AtenTensorHandle inputs[2], outputs[2];
    call.handles(api, inputs);
    CHECK_EQ(api.run(model, inputs, 2, outputs, 2, nullptr, nullptr), 0);
    call.check_and_delete(api, outputs);
    CHECK_EQ(api.delete_container(model), 0);
  }
  const std::vector<char> bytes = read_all(path);
  const aoti::Bytes view{reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()};
  const auto library = aoti::load_library_from_memory(view, "in memory", {}, &error);
  CHECK(library != nullptr);
  if (library == nullptr) return;
  AOTInductorModelContainerHandle model = nullptr;
  CHECK_EQ(library->api().create_with_device(&model, 1, "cpu", nullptr), 1);
  CHECK_CONTAINS(library->api().last_error(), ".weights.bin: No such file or directory");
  const std::string folder = path.substr(0, path.find_last_of('/'));
  CHECK_EQ(library->api().create_with_device(&model, 1, "cpu", folder.c_str()), 0);
  CHECK_EQ(library->api().delete_container(model), 0);
}

}  // namespace

int main(int argc, char **argv) {
  CHECK_EQ(argc, 3);
  if (argc != 3) return aoti_test::result();
  std::string error;
  {
    const auto package = aoti::Package::open(argv[1], {}, &error);
    CHECK_STR_EQ(error.c_str(), "");
    if (package == nullptr) return aoti_test::result();
    test_sessions(package.get());
    test_many_sessions(package.get());
    test_session_refusals(package.get());
    CHECK(package->method("verify", &error) == nullptr);
    CHECK_CONTAINS(error.c_str(), "has no method 'verify'; it has 'decode', 'prefill'");
  }
  test_ways(argv[1]);
  test_damage(argv[1]);
  test_faults(argv[1]);
  test_weights_file(argv[2]);
  return aoti_test::result();
}
