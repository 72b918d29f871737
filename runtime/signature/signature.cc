#include "runtime/signature/signature.h"

#include <sodium.h>

namespace aoti {
namespace {

// Both halves of a pair, the secret one wiped when it is no longer needed.
struct KeyPair {
  PublicKey public_key;
  std::array<uint8_t, crypto_sign_ed25519_SECRETKEYBYTES> secret_key;

  explicit KeyPair(const SecretSeed &seed) {
    crypto_sign_ed25519_seed_keypair(public_key.data(), secret_key.data(), seed.data());
  }
  ~KeyPair() { sodium_memzero(secret_key.data(), secret_key.size()); }
  KeyPair(const KeyPair &) = delete;
  KeyPair &operator=(const KeyPair &) = delete;
};

}  // namespace

SignatureCheck::SignatureCheck(const std::vector<PublicKey> &keys) {
  for (const PublicKey &key : keys) keys_.push_back({key, number_of(key)});
}

std::shared_ptr<const SignatureCheck> SignatureCheck::open(const std::vector<std::string> &key_files,
                                                           std::string *error) {
  std::vector<PublicKey> keys;
  for (const std::string &path : key_files) {
    FileMap map;
    if (!map.open(path, "a file of public keys", error)) return nullptr;
    if (!read_public_keys(map.bytes(), &keys, error)) {
      *error = path + ": " + *error;
      return nullptr;
    }
  }
  if (keys.empty()) {
    *error = "no file of public keys is named: expected at least one, as tools/sign makes them";
    return nullptr;
  }
  return std::make_shared<const SignatureCheck>(keys);
}

bool SignatureCheck::check(const Bytes &file, const std::string &name, const Bytes &signature,
                           std::string *error) const {
  if (signature.size != 0) return check_signatures(file, name, signature, error);
  FileMap beside;
  std::string why;
  if (!beside.open(name + ".sig", "a signature", &why)) {
    *error = name + ": is not signed (" + why + "), and only files signed by " + numbers() + " may be used";
    return false;
  }
  return check_signatures(file, name, beside.bytes(), error);
}

std::string SignatureCheck::numbers() const {
  std::string text = keys_.size() == 1 ? "the key " : "one of the keys ";
  for (size_t i = 0; i < keys_.size(); ++i) text += (i != 0 ? ", " : "") + hex_of(keys_[i].number);
  return text;
}

bool SignatureCheck::check_signatures(const Bytes &file, const std::string &name, const Bytes &text,
                                      std::string *error) const {
  std::vector<Signature> signatures;
  if (!read_signatures(text, &signatures, error)) {
    *error = name + ": its signature " + *error;
    return false;
  }
  bool is_known = false;
  std::vector<uint8_t> message;  // reads the whole file: only for a key that counts
  for (const Signature &signature : signatures) {
    for (const NumberedKey &key : keys_) {
      if (key.number != signature.key) continue;
      is_known = true;
      if (message.empty()) message = signed_message(file);
      if (crypto_sign_ed25519_verify_detached(signature.value.data(), message.data(), message.size(),
                                              key.key.data()) == 0) {
        return true;
      }
    }
  }
  *error = name + (is_known ? ": is not what was signed: it was changed or damaged, or the signature was; "
                              "copy both again"
                            : ": is signed by the key " + hex_of(signatures[0].key) +
                                  ", and only files signed by " + numbers() + " may be used");
  return false;
}

SecretSeed make_secret() {
  SecretSeed seed;
  randombytes_buf(seed.data(), seed.size());
  return seed;
}

PublicKey public_key_of(const SecretSeed &seed) { return KeyPair(seed).public_key; }

Signature sign_file(const Bytes &file, const SecretSeed &seed) {
  const KeyPair pair(seed);
  const std::vector<uint8_t> message = signed_message(file);
  Signature signature = {number_of(pair.public_key), {}};
  crypto_sign_ed25519_detached(signature.value.data(), nullptr, message.data(), message.size(),
                               pair.secret_key.data());
  return signature;
}

}  // namespace aoti
