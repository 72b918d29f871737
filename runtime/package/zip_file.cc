#include "runtime/package/zip_file.h"

#include <algorithm>
#include <unordered_set>

namespace aoti {
namespace {

constexpr uint32_t kLocalSignature = 0x04034b50, kCentralSignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50, kEnd64Signature = 0x06064b50, kLocator64Signature = 0x07064b50;
constexpr uint64_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kEnd64Bytes = 56,
                   kLocator64Bytes = 20;
constexpr uint64_t kMaxComment = 65535;
constexpr uint16_t kEncrypted = 1 << 0, kSizesFollow = 1 << 3;
constexpr uint16_t kZip64Field = 1;

struct Directory {
  uint64_t offset, size, count;
};

// One header of an entry, local or central: what both say.
struct Header {
  uint16_t flags, method;
  uint32_t crc;
  uint64_t stored, size, local;  // local: offset of the local header, of central ones only
  uint64_t bytes;                // of the header itself, with what follows it
  std::string name;
};

bool damaged(const std::string &why, std::string *error) {
  *error = "not a sound zip archive: " + why;
  return false;
}

// Looks for the end record from the end, where a comment may follow it.
bool find_end(const Bytes &archive, uint64_t *offset) {
  if (archive.size < kEndBytes) return false;
  const uint64_t last = archive.size - kEndBytes;
  for (uint64_t back = 0; back <= std::min(last, kMaxComment); ++back) {
    uint32_t signature = 0;
    uint16_t comment = 0;
    archive.read(last - back, &signature);
    archive.read(last - back + 20, &comment);
    if (signature != kEndSignature || comment != back) continue;
    *offset = last - back;
    return true;
  }
  return false;
}

bool read_end64(const Bytes &archive, uint64_t end, Directory *directory, std::string *error) {
  uint32_t signature = 0, disk = 0, disks = 0;
  uint64_t at = 0, here = 0;
  if (end < kLocator64Bytes) return damaged("the zip64 locator is missing", error);
  const uint64_t locator = end - kLocator64Bytes;
  archive.read(locator, &signature);
  archive.read(locator + 4, &disk);
  archive.read(locator + 8, &at);
  archive.read(locator + 16, &disks);
  if (signature != kLocator64Signature || disk != 0 || disks > 1)
    return damaged("the zip64 locator is missing", error);
  if (at > locator || locator - at < kEnd64Bytes || !archive.read(at, &signature) ||
      signature != kEnd64Signature) {
    return damaged("the zip64 end of its directory is not where the locator says", error);
  }
  archive.read(at + 24, &here);
  archive.read(at + 32, &directory->count);
  archive.read(at + 40, &directory->size);
  archive.read(at + 48, &directory->offset);
  if (here != directory->count) return damaged("it continues on another disk", error);
  if (directory->offset > at || directory->size > at - directory->offset) {
    return damaged("its directory reaches beyond its end", error);
  }
  return true;
}

bool find_directory(const Bytes &archive, Directory *directory, std::string *error) {
  uint64_t end = 0;
  if (!find_end(archive, &end))
    return damaged("it has no directory; the file is cut short, or no archive", error);
  uint16_t disk = 0, here = 0, count = 0;
  uint32_t size = 0, offset = 0;
  archive.read(end + 4, &disk);
  archive.read(end + 8, &here);
  archive.read(end + 10, &count);
  archive.read(end + 12, &size);
  archive.read(end + 16, &offset);
  if (count == 0xffff || size == 0xffffffff || offset == 0xffffffff) {
    return read_end64(archive, end, directory, error);
  }
  if (disk != 0 || here != count) return damaged("it continues on another disk", error);
  *directory = Directory{offset, size, count};
  if (directory->offset > end || directory->size > end - directory->offset) {
    return damaged("its directory reaches beyond its end", error);
  }
  return true;
}

// Sizes of 0xffffffff are in the zip64 field of `extra`, in this order.
bool read_extra(const Bytes &extra, std::initializer_list<uint64_t *> wide) {
  bool wanted = false;
  for (uint64_t *value : wide) wanted |= *value == 0xffffffff;
  if (!wanted) return true;
  for (uint64_t at = 0;;) {
    uint16_t id = 0, length = 0;
    if (!extra.read(at, &id) || !extra.read(at + 2, &length) || !extra.contains(at + 4, length)) return false;
    if (id != kZip64Field) {
      at += 4 + static_cast<uint64_t>(length);
      continue;
    }
    const Bytes field = extra.part(at + 4, length);
    uint64_t next = 0;
    for (uint64_t *value : wide) {
      if (*value != 0xffffffff) continue;
      if (!field.read(next, value)) return false;
      next += 8;
    }
    return true;
  }
}

bool read_central(const Bytes &archive, uint64_t at, uint64_t end, Header *header) {
  uint32_t signature = 0, stored = 0, size = 0, local = 0;
  uint16_t name = 0, extra = 0, comment = 0;
  if (at > end || end - at < kCentralBytes) return false;
  archive.read(at, &signature);
  archive.read(at + 8, &header->flags);
  archive.read(at + 10, &header->method);
  archive.read(at + 16, &header->crc);
  archive.read(at + 20, &stored);
  archive.read(at + 24, &size);
  archive.read(at + 28, &name);
  archive.read(at + 30, &extra);
  archive.read(at + 32, &comment);
  archive.read(at + 42, &local);
  header->bytes = kCentralBytes + name + extra + comment;
  if (signature != kCentralSignature || end - at < header->bytes) return false;
  header->name = archive.part(at + kCentralBytes, name).text();
  header->stored = stored;
  header->size = size;
  header->local = local;
  return read_extra(archive.part(at + kCentralBytes + name, extra),
                    {&header->size, &header->stored, &header->local});
}

bool read_local(const Bytes &archive, uint64_t at, uint64_t end, Header *header) {
  uint32_t signature = 0, stored = 0, size = 0;
  uint16_t name = 0, extra = 0;
  if (at > end || end - at < kLocalBytes) return false;
  archive.read(at, &signature);
  archive.read(at + 6, &header->flags);
  archive.read(at + 8, &header->method);
  archive.read(at + 14, &header->crc);
  archive.read(at + 18, &stored);
  archive.read(at + 22, &size);
  archive.read(at + 26, &name);
  archive.read(at + 28, &extra);
  header->bytes = kLocalBytes + name + extra;
  if (signature != kLocalSignature || end - at < header->bytes) return false;
  header->name = archive.part(at + kLocalBytes, name).text();
  header->stored = stored;
  header->size = size;
  return read_extra(archive.part(at + kLocalBytes + name, extra), {&header->size, &header->stored});
}

bool is_safe_name(const std::string &name) {
  if (name.empty() || name[0] == '/' || name.find('\0') != std::string::npos ||
      name.find('\\') != std::string::npos) {
    return false;
  }
  const std::string framed = "/" + name + "/";
  return framed.find("/../") == std::string::npos && framed.find("/./") == std::string::npos;
}

// Holds the local header against the central one; fills the entry.
bool check_entry(const Bytes &archive, const Directory &directory, const Header &central, ZipEntry *entry,
                 std::string *error) {
  Header local;
  const std::string quoted = "'" + central.name + "'";
  if (!is_safe_name(central.name)) return damaged("it has an entry of the name " + quoted, error);
  if ((central.flags & kEncrypted) != 0 || central.method != 0 || central.stored != central.size) {
    *error = "entry " + quoted +
             " is compressed or encrypted; expected a stored one, which can be used in place (zip -0)";
    return false;
  }
  if (!read_local(archive, central.local, directory.offset, &local) || local.name != central.name ||
      local.method != central.method) {
    return damaged("the header of " + quoted + " is not what the directory says", error);
  }
  // An archive that was written as a stream leaves the sizes of a local header empty.
  const bool follows = (local.flags & kSizesFollow) != 0;
  if (!follows &&
      (local.size != central.size || local.stored != central.stored || local.crc != central.crc)) {
    return damaged("the header of " + quoted + " is not what the directory says", error);
  }
  const uint64_t offset = central.local + local.bytes;
  if (central.size > directory.offset - offset) return damaged(quoted + " reaches beyond its end", error);
  *entry = ZipEntry{central.name, offset, central.size, central.crc};
  return true;
}

bool check_apart(const std::vector<ZipEntry> &entries, std::string *error) {
  std::vector<const ZipEntry *> sorted;
  for (const ZipEntry &entry : entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const ZipEntry *a, const ZipEntry *b) { return a->offset < b->offset; });
  for (size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i]->offset - sorted[i - 1]->offset < sorted[i - 1]->size + kLocalBytes) {
      return damaged("'" + sorted[i - 1]->name + "' and '" + sorted[i]->name + "' overlap", error);
    }
  }
  return true;
}

}  // namespace

bool read_zip(const Bytes &archive, std::vector<ZipEntry> *entries, std::string *error) {
  entries->clear();
  Directory directory;
  if (!find_directory(archive, &directory, error)) return false;
  if (directory.count > directory.size / kCentralBytes) return damaged("its directory is cut short", error);
  std::unordered_set<std::string> names;
  uint64_t at = directory.offset;
  const uint64_t end = directory.offset + directory.size;
  for (uint64_t i = 0; i < directory.count; ++i) {
    Header header;
    ZipEntry entry;
    if (!read_central(archive, at, end, &header)) return damaged("its directory is cut short", error);
    at += header.bytes;
    if (!check_entry(archive, directory, header, &entry, error)) return false;
    if (!names.insert(entry.name).second) return damaged("it has '" + entry.name + "' twice", error);
    if (entry.name.back() != '/') entries->push_back(std::move(entry));  // folders have no bytes
  }
  if (at != end) return damaged("its directory is longer than its entries", error);
  return check_apart(*entries, error);
}

uint32_t zip_crc(const Bytes &bytes) {
  // Eight bytes at a time: row[k] is the effect of a byte that k more bytes follow.
  struct Table {
    uint32_t row[8][256];
    Table() {
      for (uint32_t i = 0; i < 256; ++i) {
        uint32_t c = i;
        for (int k = 0; k < 8; ++k) c = (c & 1) != 0 ? 0xedb88320u ^ c >> 1 : c >> 1;
        row[0][i] = c;
      }
      for (int k = 1; k < 8; ++k) {
        for (int i = 0; i < 256; ++i) row[k][i] = row[0][row[k - 1][i] & 255] ^ row[k - 1][i] >> 8;
      }
    }
  };
  static const Table table;
  uint32_t crc = 0xffffffffu;
  uint64_t at = 0, word = 0;
  for (; bytes.read(at, &word); at += 8) {
    word ^= crc;
    crc = 0;
    for (int k = 0; k < 8; ++k) crc ^= table.row[7 - k][word >> 8 * k & 255];
  }
  for (; at < bytes.size; ++at) crc = table.row[0][(crc ^ bytes.data[at]) & 255] ^ crc >> 8;
  return ~crc;
}

}  // namespace aoti
