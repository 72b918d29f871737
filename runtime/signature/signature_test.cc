// Signatures of files: the text they are written in, one that OpenSSL made, and every bit that can be wrong.
#include "runtime/signature/signature.h"

#include "tools/testing/check.h"

namespace {

aoti::Bytes bytes_of(const std::string &text) {
  return aoti::Bytes{reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

// The seed 00 01 ... 1f, its public key, and the signature of "a model library", by OpenSSL 3 over the
// message that keys.h describes, written by Python's struct and hashlib (openssl pkeyutl -sign -rawin).
const char kFile[] = "a model library";
const char kPublic[] = "aoti-public-key 1 03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8\n";
const char kSigned[] =
    "aoti-signature 1 ed4242ead4ac6948 "
    "7697267d240760e1fac72273b2f3772a2dac50f7213e4a609b02e02ac33b32ca"
    "68582fabdccb89c6317232133077e71dae204f9f79e572f9b97fcd97e984e40b\n";

aoti::SecretSeed seed_from(uint8_t first) {
  aoti::SecretSeed seed;
  for (size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<uint8_t>(first + i);
  return seed;
}

// What a check by `keys` says; "" when it lets the file pass.
std::string verdict(const std::vector<aoti::PublicKey> &keys, const std::string &file,
                    const std::string &signature) {
  std::string error;
  const bool ok = aoti::SignatureCheck(keys).check(bytes_of(file), "x.so", bytes_of(signature), &error);
  CHECK_EQ(ok, error.empty());
  return error;
}

void test_openssl() {
  const aoti::SecretSeed seed = seed_from(0);
  const aoti::PublicKey key = aoti::public_key_of(seed);
  CHECK_STR_EQ(aoti::write_line(key).c_str(), kPublic);
  CHECK_STR_EQ(aoti::write_line(aoti::sign_file(bytes_of(kFile), seed)).c_str(), kSigned);
  CHECK_STR_EQ(verdict({key}, kFile, kSigned).c_str(), "");
}

// Every bit of the file, of its signature and of the key, and every length.
void test_flips() {
  const aoti::PublicKey key = aoti::public_key_of(seed_from(0));
  const std::string file = kFile, text = kSigned;
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string changed = file;
    changed[bit / 8] ^= static_cast<char>(1 << bit % 8);
    CHECK_CONTAINS(verdict({key}, changed, text).c_str(), "x.so: is not what was signed");
  }
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string changed = text;
    changed[bit / 8] ^= static_cast<char>(1 << bit % 8);
    CHECK_CONTAINS(verdict({key}, file, changed).c_str(), "x.so: ");
  }
  for (size_t bit = 0; bit < 256; ++bit) {
    aoti::PublicKey changed = key;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    CHECK_CONTAINS(verdict({changed}, file, text).c_str(), "x.so: is signed by the key ed4242ead4ac6948");
  }
  for (size_t size = 0; size < file.size(); ++size)
    CHECK_CONTAINS(verdict({key}, file.substr(0, size), text).c_str(), "x.so: is not what was signed");
  CHECK_CONTAINS(verdict({key}, file + '\0', text).c_str(), "x.so: is not what was signed");
  for (size_t size = 1; size + 1 < text.size(); ++size)
    CHECK_CONTAINS(verdict({key}, file, text.substr(0, size)).c_str(), "x.so: its signature line 1 is not");
}

void test_several_keys() {
  const aoti::SecretSeed old_seed = seed_from(0), new_seed = seed_from(1), other = seed_from(2);
  const std::vector<aoti::PublicKey> both = {aoti::public_key_of(old_seed), aoti::public_key_of(new_seed)};
  const std::string by_old = aoti::write_line(aoti::sign_file(bytes_of(kFile), old_seed)),
                    by_new = aoti::write_line(aoti::sign_file(bytes_of(kFile), new_seed)),
                    by_other = aoti::write_line(aoti::sign_file(bytes_of(kFile), other));
  CHECK_STR_EQ(verdict(both, kFile, by_old).c_str(), "");
  CHECK_STR_EQ(verdict(both, kFile, "# of today\n\n" + by_other + by_new).c_str(), "");
  CHECK_STR_EQ(verdict({both[1]}, kFile, by_old + by_new).c_str(), "");
  CHECK_CONTAINS(verdict(both, kFile, by_other).c_str(),
                 "and only files signed by one of the keys ed4242ead4ac");
  // The number of a trusted key over another key's signature.
  CHECK_CONTAINS(verdict(both, kFile, by_old.substr(0, 34) + by_other.substr(34)).c_str(),
                 "is not what was signed");
}

void test_texts() {
  std::vector<aoti::PublicKey> keys;
  std::vector<aoti::Signature> signatures;
  aoti::SecretSeed seed;
  std::string error;
  CHECK(!aoti::read_public_keys(bytes_of("# nothing\n"), &keys, &error));
  CHECK_STR_EQ(error.c_str(), "has no line 'aoti-public-key 1 ...'");
  CHECK(!aoti::read_public_keys(bytes_of(std::string(kPublic) + "aoti-public-key 2 00\n"), &keys, &error));
  CHECK_CONTAINS(error.c_str(), "line 2 is not what was expected: 'aoti-public-key 1'");
  CHECK(!aoti::read_public_keys(bytes_of(aoti::write_secret_line(seed_from(0))), &keys, &error));
  CHECK(!aoti::read_signatures(bytes_of(std::string(aoti::kMaxKeyFileBytes + 1, '#')), &signatures, &error));
  CHECK_CONTAINS(error.c_str(), "has 65537 bytes");
  const std::string secret = aoti::write_secret_line(seed_from(7));
  CHECK(aoti::read_secret_key(bytes_of(secret), &seed, &error) && seed == seed_from(7));
  CHECK(!aoti::read_secret_key(bytes_of(secret + secret), &seed, &error));
  CHECK(aoti::make_secret() != aoti::make_secret());
}

void test_files() {
  std::string error;
  CHECK(aoti::SignatureCheck::open({}, &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), "no file of public keys is named");
  CHECK(aoti::SignatureCheck::open({"/nowhere/release.pub"}, &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), "/nowhere/release.pub: No such file");
  const aoti::SignatureCheck check({aoti::public_key_of(seed_from(0))});
  CHECK(!check.check(bytes_of(kFile), "/nowhere/x.so", aoti::Bytes(), &error));
  CHECK_CONTAINS(
      error.c_str(),
      "/nowhere/x.so: is not signed (/nowhere/x.so.sig: No such file or directory), and only files "
      "signed by the key ed4242ead4ac6948 may be used");
}

}  // namespace

int main() {
  test_openssl();
  test_flips();
  test_several_keys();
  test_texts();
  test_files();
  return aoti_test::result();
}
