#include "runtime/package/elf_file.h"

#include <elf.h>
#include <string.h>

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

// The `count` things of type T at `offset`; null when they do not lie inside the file.
template <class T>
const T *at(const Bytes &file, uint64_t offset, uint64_t count = 1) {
  if (offset > file.size || offset % alignof(T) != 0 || count > (file.size - offset) / sizeof(T))
    return nullptr;
  return reinterpret_cast<const T *>(file.data + offset);
}

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

bool read_needed(const Bytes &library, const Elf64_Shdr &section, const Strings &strings, ElfFile *file) {
  const Elf64_Dyn *entries = at<Elf64_Dyn>(library, section.sh_offset, section.sh_size / sizeof(Elf64_Dyn));
  if (entries == nullptr) return false;
  for (uint64_t i = 0; i < section.sh_size / sizeof(Elf64_Dyn) && entries[i].d_tag != DT_NULL; ++i) {
    if (entries[i].d_tag != DT_NEEDED) continue;
    file->needed.emplace_back();
    if (!strings.get(entries[i].d_un.d_val, &file->needed.back())) return false;
  }
  return true;
}

bool read_symbols(const Bytes &library, const Elf64_Shdr &section, const Strings &strings, ElfFile *file) {
  const Elf64_Sym *symbols = at<Elf64_Sym>(library, section.sh_offset, section.sh_size / sizeof(Elf64_Sym));
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
bool read_sections(const Bytes &library, const Elf64_Ehdr &header, ElfFile *file) {
  const Elf64_Shdr *sections = at<Elf64_Shdr>(library, header.e_shoff, header.e_shnum);
  if (sections == nullptr || header.e_shnum == 0) return false;
  bool has_symbols = false;
  for (int i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr &section = sections[i];
    if (section.sh_type != SHT_DYNAMIC && section.sh_type != SHT_DYNSYM) continue;
    if (section.sh_link >= header.e_shnum) return false;
    const Elf64_Shdr &table = sections[section.sh_link];
    Strings strings{at<char>(library, table.sh_offset, table.sh_size), table.sh_size};
    if (strings.data == nullptr) return false;
    const bool is_symbols = section.sh_type == SHT_DYNSYM;
    has_symbols |= is_symbols;
    if (!(is_symbols ? read_symbols(library, section, strings, file)
                     : read_needed(library, section, strings, file))) {
      return false;
    }
  }
  return has_symbols;
}

// A file cut short would crash the program when it is loaded: its segments must lie inside.
bool segments_are_whole(const Bytes &library, const Elf64_Ehdr &header) {
  const Elf64_Phdr *segments = at<Elf64_Phdr>(library, header.e_phoff, header.e_phnum);
  if (segments == nullptr || header.e_phnum == 0) return false;
  for (int i = 0; i < header.e_phnum; ++i) {
    if (segments[i].p_type == PT_LOAD &&
        at<char>(library, segments[i].p_offset, segments[i].p_filesz) == nullptr) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool read_elf(const Bytes &library, const std::string &name, ElfFile *file, std::string *error) {
  std::string why;
  *file = ElfFile();
  const Elf64_Ehdr *header = at<Elf64_Ehdr>(library, 0);
  if (!check_header(header, &why)) {
    *error = name + ": " + why;
    return false;
  }
  if (!segments_are_whole(library, *header) || !read_sections(library, *header, file)) {
    *error =
        name + ": damaged or cut short (" + std::to_string(library.size) + " bytes); build or copy it again";
    return false;
  }
  return true;
}

}  // namespace aoti
