// The directory of a zip archive, read in place: what a package's files are called and where their bytes lie.
//
// What enters: the bytes of an archive. What leaves: its entries, each checked to lie inside the archive, or
// false with what is wrong. Entries are stored, never compressed, so that they can be mapped and used where
// they are; zip64 is understood, so sizes above 4 GiB work. The format: PKWARE's APPNOTE.TXT 6.3.10, sections
// 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (its end), 4.5.3 (zip64).
//
// What is refused: compressed or encrypted entries, several disks, two entries of one name, entries that
// overlap another or the directory, a local header that disagrees with the directory (what one tool checks
// must be what another one loads), absolute names and names with "..".
#ifndef RUNTIME_PACKAGE_ZIP_FILE_H_
#define RUNTIME_PACKAGE_ZIP_FILE_H_

#include <string>
#include <vector>

#include "runtime/package/bytes.h"

namespace aoti {

struct ZipEntry {
  std::string name;
  uint64_t offset = 0;  // of its first byte, from the start of the archive
  uint64_t size = 0;
  uint32_t crc = 0;  // CRC-32 of its bytes, as the directory says; not checked here
};

// False with a message in *error. Entries come in the order of the directory.
bool read_zip(const Bytes &archive, std::vector<ZipEntry> *entries, std::string *error);

// The CRC-32 that zip archives hold.
uint32_t zip_crc(const Bytes &bytes);

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_ZIP_FILE_H_
