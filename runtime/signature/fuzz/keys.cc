// Any bytes as public keys, signatures and a secret: refused with a message, or what is read is written and
// read again as the same.
#include "runtime/signature/keys.h"

#include <stdlib.h>

namespace {

void expect(bool ok) {
  if (!ok) abort();
}

template <class T, class Read>
void round_trip(const aoti::Bytes &bytes, const Read &read) {
  std::vector<T> values, again;
  std::string error, text;
  const bool ok = read(bytes, &values, &error);
  expect(ok == error.empty());
  if (!ok) return;
  expect(!values.empty());
  for (const T &value : values) text += aoti::write_line(value);
  if (text.size() > aoti::kMaxKeyFileBytes) return;
  expect(read(aoti::Bytes{reinterpret_cast<const uint8_t *>(text.data()), text.size()}, &again, &error));
  expect(again.size() == values.size());
  for (size_t i = 0; i < values.size(); ++i)
    expect(aoti::write_line(values[i]) == aoti::write_line(again[i]));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const aoti::Bytes bytes{data, size};
  round_trip<aoti::PublicKey>(bytes, aoti::read_public_keys);
  round_trip<aoti::Signature>(bytes, aoti::read_signatures);
  aoti::SecretSeed seed;
  std::string error;
  expect(aoti::read_secret_key(bytes, &seed, &error) == error.empty());
  return 0;
}
