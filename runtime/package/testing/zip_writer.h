// Writes stored zip archives for tests, of any size: entries may be holes of a sparse file.
#ifndef RUNTIME_PACKAGE_TESTING_ZIP_WRITER_H_
#define RUNTIME_PACKAGE_TESTING_ZIP_WRITER_H_

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "runtime/package/zip_file.h"

namespace aoti_test {

class ZipWriter {
 public:
  explicit ZipWriter(const std::string &path)
      : file_(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {}
  ~ZipWriter() { close(file_); }
  ZipWriter(const ZipWriter &) = delete;
  ZipWriter &operator=(const ZipWriter &) = delete;

  void add(const std::string &name, const std::string &data, uint64_t alignment = 1) {
    const uint64_t begin = header(name, data.size(), alignment, aoti::zip_crc(bytes(data)));
    write_at(begin, data);
    end_ = begin + data.size();
  }

  // `tail` at the end of `size` bytes of nothing.
  void add_hole(const std::string &name, uint64_t size, const std::string &tail, uint64_t alignment) {
    const uint64_t begin = header(name, size, alignment, 0);
    write_at(begin + size - tail.size(), tail);
    end_ = begin + size;
  }

  void finish() {
    const uint64_t directory = end_, size = central_.size();
    std::string end = central_;
    const uint64_t end64 = directory + size;
    number<uint32_t>(&end, 0x06064b50);
    number<uint64_t>(&end, 44);
    number<uint32_t>(&end, 0);
    number<uint32_t>(&end, 0);
    number<uint32_t>(&end, 0);
    number<uint64_t>(&end, count_);
    number<uint64_t>(&end, count_);
    number<uint64_t>(&end, size);
    number<uint64_t>(&end, directory);
    number<uint32_t>(&end, 0x07064b50);
    number<uint32_t>(&end, 0);
    number<uint64_t>(&end, end64);
    number<uint32_t>(&end, 1);
    number<uint32_t>(&end, 0x06054b50);
    number<uint32_t>(&end, 0);
    number<uint32_t>(&end, 0xffffffff);
    number<uint32_t>(&end, 0xffffffff);
    number<uint32_t>(&end, 0xffffffff);
    number<uint16_t>(&end, 0);
    write_at(directory, end);
  }

 private:
  static aoti::Bytes bytes(const std::string &data) {
    return aoti::Bytes{reinterpret_cast<const uint8_t *>(data.data()), data.size()};
  }

  template <class T>
  static void number(std::string *text, T value) {
    text->append(reinterpret_cast<const char *>(&value), sizeof value);
  }

  void write_at(uint64_t offset, const std::string &data) {
    if (pwrite(file_, data.data(), data.size(), static_cast<off_t>(offset)) !=
        static_cast<ssize_t>(data.size()))
      _exit(9);
  }

  // A local header with a zip64 field and filling, and the entry's row of the directory; gives the data's
  // place.
  uint64_t header(const std::string &name, uint64_t size, uint64_t alignment, uint32_t crc) {
    const uint64_t unaligned = end_ + 30 + name.size() + 20 + 4;
    const uint64_t filling = (alignment - unaligned % alignment) % alignment;
    std::string local, wide;
    number<uint16_t>(&wide, 1);
    number<uint16_t>(&wide, 16);
    number<uint64_t>(&wide, size);
    number<uint64_t>(&wide, size);
    std::string extra;
    number<uint16_t>(&extra, 0x4f41);
    number<uint16_t>(&extra, static_cast<uint16_t>(filling));
    extra += std::string(filling, '\0') + wide;
    number<uint32_t>(&local, 0x04034b50);
    number<uint16_t>(&local, 45);
    number<uint64_t>(&local, 0);  // flags, method, time, date
    number<uint32_t>(&local, crc);
    number<uint32_t>(&local, 0xffffffff);
    number<uint32_t>(&local, 0xffffffff);
    number<uint16_t>(&local, static_cast<uint16_t>(name.size()));
    number<uint16_t>(&local, static_cast<uint16_t>(extra.size()));
    write_at(end_, local + name + extra);
    directory_row(name, crc, wide);
    return end_ + local.size() + name.size() + extra.size();
  }

  void directory_row(const std::string &name, uint32_t crc, std::string wide) {
    number<uint64_t>(&wide, end_);
    wide[2] = 24;
    number<uint32_t>(&central_, 0x02014b50);
    number<uint32_t>(&central_, 45 << 16 | 45);
    number<uint64_t>(&central_, 0);
    number<uint32_t>(&central_, crc);
    number<uint32_t>(&central_, 0xffffffff);
    number<uint32_t>(&central_, 0xffffffff);
    number<uint16_t>(&central_, static_cast<uint16_t>(name.size()));
    number<uint16_t>(&central_, static_cast<uint16_t>(wide.size()));
    number<uint64_t>(&central_, 0);  // comment, disk, attributes inside, and half of those outside
    number<uint16_t>(&central_, 0);
    number<uint32_t>(&central_, 0xffffffff);
    central_ += name + wide;
    count_ += 1;
  }

  const int file_;
  uint64_t end_ = 0, count_ = 0;
  std::string central_;
};

}  // namespace aoti_test

#endif  // RUNTIME_PACKAGE_TESTING_ZIP_WRITER_H_
