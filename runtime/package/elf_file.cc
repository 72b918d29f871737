#include "runtime/package/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace aoti {
namespace {

#if defined(__x86_64__)
constexpr int kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr int kMachine = EM_AARCH64;
#endif

const char *machine_name(int machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "aarch64";
    default:
      return "another processor";
  }
}

// A file mapped read-only.
class Mapping {
 public:
  Mapping() = default;
  ~Mapping() {
    if (data_ != nullptr) munmap(const_cast<char *>(data_), size_);
  }
  Mapping(const Mapping &) = delete;
  Mapping &operator=(const Mapping &) = delete;

  bool open(const std::string &path, std::string *error) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(path, strerror(errno), error);
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0) {
      close(fd);
      return fail(path, "not a file with anything in it; expected a model library", error);
    }
    size_ = static_cast<size_t>(status.st_size);
    void *data = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    const int mmap_error = errno;
    close(fd);
    if (data == MAP_FAILED) return fail(path, strerror(mmap_error), error);
    data_ = static_cast<const char *>(data);
    return true;
  }

  // The `count` things of type T at `offset`; null when they do not lie inside the file.
  template <class T>
  const T *at(uint64_t offset, uint64_t count = 1) const {
    if (offset > size_ || offset % alignof(T) != 0 || count > (size_ - offset) / sizeof(T)) return nullptr;
    return reinterpret_cast<const T *>(data_ + offset);
  }

  size_t size() const { return size_; }

 private:
  static bool fail(const std::string &path, const char *why, std::string *error) {
    *error = path + ": " + why;
    return false;
  }

  const char *data_ = nullptr;
  size_t size_ = 0;
};

// The strings of one string table.
struct Strings {
  const char *data = nullptr;
  uint64_t size = 0;

  // The string at `offset`; false when it does not end inside the table.
  bool get(uint64_t offset, std::string *text) const {
    if (offset >= size) return false;
    const size_t length = strnlen(data + offset, size - offset);
    if (length == size - offset) return false;
    text->assign(data + offset, length);
    return true;
  }
};

bool check_header(const Elf64_Ehdr *header, std::string *why) {
  if (header == nullptr || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
    *why = "not an ELF file; expected a model library (lib<name>.so)";
  } else if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) {
    *why = "not a 64-bit little-endian library";
  } else if (header->e_machine != kMachine) {
    *why = std::string("built for ") + machine_name(header->e_machine) + "; this program runs on " +
           machine_name(kMachine) + ": build the model for this processor";
  } else if (header->e_type != ET_DYN) {
    *why = "not a shared library";
  } else {
    return true;
  }
  return false;
}

bool read_needed(const Mapping &map, const Elf64_Shdr &section, const Strings &strings, ElfFile *file) {
  const Elf64_Dyn *entries = map.at<Elf64_Dyn>(section.sh_offset, section.sh_size / sizeof(Elf64_Dyn));
  if (entries == nullptr) return false;
  for (uint64_t i = 0; i < section.sh_size / sizeof(Elf64_Dyn) && entries[i].d_tag != DT_NULL; ++i) {
    if (entries[i].d_tag != DT_NEEDED) continue;
    file->needed.emplace_back();
    if (!strings.get(entries[i].d_un.d_val, &file->needed.back())) return false;
  }
  return true;
}

bool read_symbols(const Mapping &map, const Elf64_Shdr &section, const Strings &strings, ElfFile *file) {
  const Elf64_Sym *symbols = map.at<Elf64_Sym>(section.sh_offset, section.sh_size / sizeof(Elf64_Sym));
  if (symbols == nullptr) return false;
  for (uint64_t i = 1; i < section.sh_size / sizeof(Elf64_Sym); ++i) {
    const Elf64_Sym &symbol = symbols[i];
    const int binding = ELF64_ST_BIND(symbol.st_info);
    const bool undefined = symbol.st_shndx == SHN_UNDEF;
    if (binding == STB_LOCAL || (undefined && binding == STB_WEAK)) continue;
    if (!undefined && ELF64_ST_VISIBILITY(symbol.st_other) == STV_HIDDEN) continue;
    std::string name;
    if (!strings.get(symbol.st_name, &name)) return false;
    (undefined ? file->imported : file->exported).push_back(name);
  }
  return true;
}

// False when anything does not add up.
bool read_sections(const Mapping &map, const Elf64_Ehdr &header, ElfFile *file) {
  const Elf64_Shdr *sections = map.at<Elf64_Shdr>(header.e_shoff, header.e_shnum);
  if (sections == nullptr || header.e_shnum == 0) return false;
  bool has_symbols = false;
  for (int i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr &section = sections[i];
    if (section.sh_type != SHT_DYNAMIC && section.sh_type != SHT_DYNSYM) continue;
    if (section.sh_link >= header.e_shnum) return false;
    const Elf64_Shdr &table = sections[section.sh_link];
    Strings strings{map.at<char>(table.sh_offset, table.sh_size), table.sh_size};
    if (strings.data == nullptr) return false;
    const bool is_symbols = section.sh_type == SHT_DYNSYM;
    has_symbols |= is_symbols;
    if (!(is_symbols ? read_symbols(map, section, strings, file)
                     : read_needed(map, section, strings, file))) {
      return false;
    }
  }
  return has_symbols;
}

// A file cut short would crash the program when it is loaded: its segments must lie inside.
bool segments_are_whole(const Mapping &map, const Elf64_Ehdr &header) {
  const Elf64_Phdr *segments = map.at<Elf64_Phdr>(header.e_phoff, header.e_phnum);
  if (segments == nullptr || header.e_phnum == 0) return false;
  for (int i = 0; i < header.e_phnum; ++i) {
    if (segments[i].p_type == PT_LOAD &&
        map.at<char>(segments[i].p_offset, segments[i].p_filesz) == nullptr) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool read_elf(const std::string &path, ElfFile *file, std::string *error) {
  Mapping map;
  std::string why;
  *file = ElfFile();
  if (!map.open(path, error)) return false;
  const Elf64_Ehdr *header = map.at<Elf64_Ehdr>(0);
  if (!check_header(header, &why)) {
    *error = path + ": " + why;
    return false;
  }
  if (!segments_are_whole(map, *header) || !read_sections(map, *header, file)) {
    *error =
        path + ": damaged or cut short (" + std::to_string(map.size()) + " bytes); build or copy it again";
    return false;
  }
  return true;
}

}  // namespace aoti
