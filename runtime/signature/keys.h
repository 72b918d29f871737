// Keys and signatures of files as text: how they are written, read and named.
//
//   aoti-public-key 1 4f0c...   64 hexadecimal digits: an Ed25519 public key (RFC 8032)
//   aoti-secret-key 1 9d61...   64: the seed that the key pair is made of; in a file that only its owner
//   reads aoti-signature 1 d75a980182b10ab2 e556...   16: the key's number; 128: the signature
//
// One a line; a file of public keys or of signatures may have several (a new key beside the old one), and
// lines that begin with '#'. What is signed is kPrefix, the file's length (8 bytes, little-endian) and the
// SHA-512 of its bytes, so that no signature that these keys make for another purpose fits a file.
#ifndef RUNTIME_SIGNATURE_KEYS_H_
#define RUNTIME_SIGNATURE_KEYS_H_

#include <array>
#include <string>
#include <vector>

#include "runtime/package/bytes.h"

namespace aoti {

using PublicKey = std::array<uint8_t, 32>;
using SecretSeed = std::array<uint8_t, 32>;
using KeyNumber = std::array<uint8_t, 8>;  // the first bytes of the SHA-512 of a public key

struct Signature {
  KeyNumber key;
  std::array<uint8_t, 64> value;
};

// Longer files of keys and signatures are refused.
constexpr uint64_t kMaxKeyFileBytes = 64 * 1024;

// False with a message, without the file's name, in *error; at least one line is expected.
bool read_public_keys(const Bytes &text, std::vector<PublicKey> *keys, std::string *error);
bool read_signatures(const Bytes &text, std::vector<Signature> *signatures, std::string *error);
bool read_secret_key(const Bytes &text, SecretSeed *seed, std::string *error);

// The line, with its end.
std::string write_line(const PublicKey &key);
std::string write_line(const Signature &signature);
std::string write_secret_line(const SecretSeed &seed);

KeyNumber number_of(const PublicKey &key);
std::string hex_of(const KeyNumber &number);

// What is signed for a file of these bytes.
std::vector<uint8_t> signed_message(const Bytes &file);

}  // namespace aoti

#endif  // RUNTIME_SIGNATURE_KEYS_H_
