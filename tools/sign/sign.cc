// Makes keys and signs model libraries and packages (runtime/signature):
//
//   sign keygen release              writes release (the secret, for its owner only) and release.pub
//   sign sign release FILE...        writes FILE.sig beside each; --add before it keeps what is there
//   sign verify release.pub FILE...  says of each whether it is what was signed
//
// Files are written whole or not at all, and keys never over another.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "runtime/signature/signature.h"

namespace {

constexpr char kUsage[] =
    "sign keygen KEY                  writes KEY (secret: keep it) and KEY.pub (give it to who loads)\n"
    "sign sign [--add] KEY FILE...    writes FILE.sig beside each file; --add keeps the signatures there\n"
    "sign verify KEY.pub FILE...      checks each file against FILE.sig\n";

bool write_all(int file, const std::string &text) {
  return write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(file) == 0;
}

bool fail(const std::string &path, std::string *error) {
  *error = path + ": " + strerror(errno);
  return false;
}

// A file of that content where there was none.
bool create_file(const std::string &path, const std::string &text, mode_t mode, std::string *error) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) return fail(path, error);
  const bool is_written = write_all(file, text) || fail(path, error);
  if (close(file) == 0 && is_written) return true;
  if (is_written) fail(path, error);
  unlink(path.c_str());
  return false;
}

// The same in the place of what there may be.
bool replace_file(const std::string &path, const std::string &text, std::string *error) {
  const std::string made = path + "." + std::to_string(getpid());
  if (!create_file(made, text, 0644, error)) return false;
  if (rename(made.c_str(), path.c_str()) == 0) return true;
  fail(path, error);
  unlink(made.c_str());
  return false;
}

bool keygen(const std::string &path, std::string *error) {
  const aoti::SecretSeed seed = aoti::make_secret();
  const aoti::PublicKey key = aoti::public_key_of(seed);
  if (!create_file(path, aoti::write_secret_line(seed), 0600, error)) return false;
  if (!create_file(path + ".pub", aoti::write_line(key), 0644, error)) {
    unlink(path.c_str());
    return false;
  }
  printf("key %s: %s (secret), %s.pub\n", aoti::hex_of(aoti::number_of(key)).c_str(), path.c_str(),
         path.c_str());
  return true;
}

bool read_seed(const std::string &path, aoti::SecretSeed *seed, std::string *error) {
  aoti::FileMap map;
  struct stat status;
  if (!map.open(path, "a secret key", error)) return false;
  if (stat(path.c_str(), &status) != 0) return fail(path, error);
  if ((status.st_mode & 077) != 0) {
    *error = path + ": may be read by others; a secret key is its owner's alone (chmod 600)";
    return false;
  }
  if (aoti::read_secret_key(map.bytes(), seed, error)) return true;
  *error = path + ": " + *error;
  return false;
}

// The signatures at `path` by other keys than `key`; none where there is no file.
bool other_signatures(const std::string &path, const aoti::KeyNumber &key, std::string *text,
                      std::string *error) {
  if (access(path.c_str(), F_OK) != 0) return true;
  aoti::FileMap map;
  std::vector<aoti::Signature> signatures;
  if (!map.open(path, "a signature", error)) return false;
  if (!aoti::read_signatures(map.bytes(), &signatures, error)) {
    *error = path + ": " + *error;
    return false;
  }
  for (const aoti::Signature &signature : signatures) {
    if (signature.key != key) *text += aoti::write_line(signature);
  }
  return true;
}

bool sign(const aoti::SecretSeed &seed, const std::string &path, bool add, std::string *error) {
  aoti::FileMap map;
  if (!map.open(path, "a model library or a package", error)) return false;
  const aoti::Signature signature = aoti::sign_file(map.bytes(), seed);
  std::string text;
  if (add && !other_signatures(path + ".sig", signature.key, &text, error)) return false;
  if (!replace_file(path + ".sig", text + aoti::write_line(signature), error)) return false;
  printf("%s.sig: by the key %s\n", path.c_str(), aoti::hex_of(signature.key).c_str());
  return true;
}

bool verify(const aoti::SignatureCheck &check, const std::string &path, std::string *error) {
  aoti::FileMap map;
  if (!map.open(path, "a signed file", error) || !check.check(map.bytes(), path, aoti::Bytes(), error))
    return false;
  printf("%s: is what was signed\n", path.c_str());
  return true;
}

int usage() {
  fputs(kUsage, stderr);
  return 2;
}

// `each` of every file, all of them, also after one that failed.
template <class Each>
int for_files(char **files, const Each &each) {
  int failed = 0;
  for (; *files != nullptr; ++files) {
    std::string error;
    if (each(*files, &error)) continue;
    fprintf(stderr, "%s\n", error.c_str());
    failed = 1;
  }
  return failed;
}

int fail(const std::string &error) {
  fprintf(stderr, "%s\n", error.c_str());
  return 1;
}

}  // namespace

int main(int argc, char **argv) {
  const char *folder = getenv("BUILD_WORKING_DIRECTORY");  // `bazel run`: paths are the caller's
  if (folder != nullptr && chdir(folder) != 0) return fail(std::string(folder) + ": " + strerror(errno));
  std::string error;
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "keygen" && argc == 3) return keygen(argv[2], &error) ? 0 : fail(error);
  const int add = command == "sign" && argc > 2 && strcmp(argv[2], "--add") == 0 ? 1 : 0;
  if (argc < 4 + add) return usage();
  if (command == "sign") {
    aoti::SecretSeed seed;
    if (!read_seed(argv[2 + add], &seed, &error)) return fail(error);
    return for_files(argv + 3 + add, [&](const std::string &path, std::string *why) {
      return sign(seed, path, add != 0, why);
    });
  }
  if (command != "verify") return usage();
  const auto check = aoti::SignatureCheck::open({argv[2]}, &error);
  if (check == nullptr) return fail(error);
  return for_files(argv + 3,
                   [&](const std::string &path, std::string *why) { return verify(*check, path, why); });
}
