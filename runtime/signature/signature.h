// The check that a file is signed by one of a set of keys (Ed25519, by libsodium), and the signing.
//
//   std::shared_ptr<const aoti::SignatureCheck> check = aoti::SignatureCheck::open({"release.pub"}, &error);
//   aoti::PackageOptions options;
//   options.library.check = check;
//   package = aoti::Package::open("decoder.pt2", options, &error);     // reads decoder.pt2.sig, too
//
// A file without a signature, with one of a key that is not among these, or that differs in one bit from what
// was signed is refused with a sentence that says which; nothing of it has been looked at before. What the
// check covers, and what not: docs/adr/0022-signatures.md.
#ifndef RUNTIME_SIGNATURE_SIGNATURE_H_
#define RUNTIME_SIGNATURE_SIGNATURE_H_

#include <memory>
#include <string>
#include <vector>

#include "runtime/package/file_check.h"
#include "runtime/signature/keys.h"

namespace aoti {

class SignatureCheck : public FileCheck {
 public:
  // A signature of one of these keys is enough. At least one.
  explicit SignatureCheck(const std::vector<PublicKey> &keys);

  // The keys of these files (keys.h). Null with a message.
  static std::shared_ptr<const SignatureCheck> open(const std::vector<std::string> &key_files,
                                                    std::string *error);

  bool check(const Bytes &file, const std::string &name, const Bytes &signature,
             std::string *error) const override;

 private:
  struct NumberedKey {
    PublicKey key;
    KeyNumber number;
  };
  std::string numbers() const;
  bool check_signatures(const Bytes &file, const std::string &name, const Bytes &text,
                        std::string *error) const;

  std::vector<NumberedKey> keys_;
};

// A new secret, from the system's random numbers.
SecretSeed make_secret();
PublicKey public_key_of(const SecretSeed &seed);
Signature sign_file(const Bytes &file, const SecretSeed &seed);

}  // namespace aoti

#endif  // RUNTIME_SIGNATURE_SIGNATURE_H_
