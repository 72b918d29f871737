// Measures a package: the time to load it, and what its weights cost in memory for many containers and
// processes. Prints what is to be reached, and whether it was; the exit status is 0 when all of it was.
//
//   bazel run //runtime/package:load_benchmark -- PACKAGE.pt2 [--processes=4] [--instances=4]
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "runtime/package/package.h"

namespace {

double now_ms() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

void fail(const std::string &error) {
  fprintf(stderr, "%s\n", error.c_str());
  exit(1);
}

// One load, from nothing to a container that can run; its parts' times are added.
void load_once(const std::string &path, std::vector<double> *opened, std::vector<double> *loaded,
               std::vector<double> *created) {
  std::string error;
  const double began = now_ms();
  const auto package = aoti::Package::open(path, {}, &error);
  if (package == nullptr) fail(error);
  const double open_end = now_ms();
  aoti::PackagedMethod *method = package->method(package->index().methods[0].name, &error);
  if (method == nullptr) fail(error);
  const double load_end = now_ms();
  AOTInductorModelContainerHandle model = method->create(1, "cpu", &error);
  if (model == nullptr) fail(error);
  const double create_end = now_ms();
  opened->push_back(open_end - began);
  loaded->push_back(load_end - open_end);
  created->push_back(create_end - load_end);
  method->api().delete_container(model);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// kB of one field of a process's /proc/PID/smaps_rollup.
long rollup(pid_t process, const char *field) {
  std::ifstream file("/proc/" + std::to_string(process) + "/smaps_rollup");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind(field, 0) == 0) return atol(line.c_str() + strlen(field));
  }
  return 0;
}

// A process with `instances` containers that has read all the weights.
pid_t start_process(const std::string &path, int instances, int ready) {
  const pid_t child = fork();
  if (child != 0) return child;
  std::string error;
  const auto package = aoti::Package::open(path, {}, &error);
  if (package == nullptr) fail(error);
  aoti::PackagedMethod *method = package->method(package->index().methods[0].name, &error);
  if (method == nullptr) fail(error);
  for (int i = 0; i < instances; ++i) {
    if (method->create(1, "cpu", &error) == nullptr) fail(error);
  }
  uint64_t sum = 0;
  const aoti::Bytes &weights = package->index().weights;
  for (uint64_t at = 0; at < weights.size; at += 4096) sum += weights.data[at];
  if (write(ready, sum == 1 ? "?" : ".", 1) != 1) exit(1);
  for (;;) pause();
}

// Prints " : pass" or " : FAIL" behind a line, with its end; gives `ok`.
bool verdict(bool ok) {
  printf(": %s\n", ok ? "pass" : "FAIL");
  return ok;
}

uint64_t weights_bytes(const std::string &path) {
  std::string error;
  const auto package = aoti::Package::open(path, {}, &error);
  if (package == nullptr) fail(error);
  return package->index().weights.size;
}

// False when the containers have more than one copy of the weights among them.
bool measure_memory(const std::string &path, int processes, int instances) {
  int ends[2];
  if (pipe(ends) != 0) fail("no pipe");
  std::vector<pid_t> children;
  for (int i = 0; i < processes; ++i) {
    children.push_back(start_process(path, instances, ends[1]));
    char ready = 0;
    if (read(ends[0], &ready, 1) != 1) fail("a process failed");
  }
  long shares = 0, own = 0, resident = 0;
  for (pid_t child : children) {
    shares += rollup(child, "Pss:");
    own += rollup(child, "Private_Dirty:");
    resident += rollup(child, "Rss:");
  }
  for (pid_t child : children) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  // Beside the weights, a process has its program, the library's code and each container's tables.
  const double weights = static_cast<double>(weights_bytes(path)) / 1024 / 1024,
               all = static_cast<double>(shares) / 1024, most = weights + 2.0 * processes;
  printf(
      "memory   %d processes of %d containers: %.1f MB resident each, %.1f MB written in all; %.1f MB in all "
      "(Pss), of weights %.1f MB (%.2f copies; in all below %.1f MB)",
      processes, instances, static_cast<double>(resident) / 1024 / processes, static_cast<double>(own) / 1024,
      all, weights, all / weights, most);
  return verdict(all < most);
}

}  // namespace

int main(int argc, char **argv) {
  int processes = 4, instances = 4;
  std::string path;
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], "--processes=", 12) == 0) {
      processes = atoi(argv[i] + 12);
    } else if (strncmp(argv[i], "--instances=", 12) == 0) {
      instances = atoi(argv[i] + 12);
    } else {
      path = argv[i];
    }
  }
  if (path.empty()) fail("usage: load_benchmark PACKAGE.pt2 [--processes=4] [--instances=4]");
  std::vector<double> opened, loaded, created;
  for (int i = 0; i < 21; ++i) load_once(path, &opened, &loaded, &created);
  const double first = opened[0] + loaded[0] + created[0];
  printf(
      "load     then open %.2f + library %.2f + container %.2f ms (medians of %zu); the first %.2f ms (at "
      "most 5)",
      median(opened), median(loaded), median(created), opened.size(), first);
  const bool is_fast = verdict(first <= 5);
  return measure_memory(path, processes, instances) && is_fast ? 0 : 1;
}
