#include "runtime/package/package_index.h"

#include <algorithm>

#include "runtime/package/json.h"
#include "runtime/package/zip_file.h"

namespace aoti {
namespace {

constexpr char kModels[] = "data/aotinductor/";
constexpr char kWeights[] = "data/weights/aoti_weights.bin";
constexpr char kIndex[] = "extra/aoti_package.json";

bool starts_with(const std::string &text, const std::string &prefix) { return text.rfind(prefix, 0) == 0; }

bool ends_with(const std::string &text, const std::string &suffix) {
  return text.size() >= suffix.size() &&
         text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

// Reads one package; every function gives false after writing *error.
class IndexReader {
 public:
  IndexReader(const Bytes &package, PackageIndex *index, std::string *error)
      : package_(package), index_(index), error_(error) {}

  bool read() {
    if (!read_zip(package_, &entries_, error_) || !strip_root() || !find_weights()) return false;
    const ZipEntry *description = find(kIndex);
    index_->is_stock = description == nullptr;
    return description == nullptr ? read_stock() : read_own(*description);
  }

 private:
  bool fail(const std::string &why) {
    *error_ = why;
    return false;
  }

  Bytes bytes_of(const ZipEntry &entry) const { return package_.part(entry.offset, entry.size); }

  const ZipEntry *find(const std::string &name) const {
    for (const ZipEntry &entry : entries_) {
      if (entry.name == name) return &entry;
    }
    return nullptr;
  }

  // All entries are in one folder, whose name says nothing; takes it off.
  bool strip_root() {
    const std::string root =
        entries_.empty() ? std::string() : entries_[0].name.substr(0, entries_[0].name.find('/') + 1);
    for (ZipEntry &entry : entries_) {
      if (root.empty() || !starts_with(entry.name, root)) {
        return fail("no package: expected all files in one folder, as torch.export writes them; found '" +
                    entry.name + "'");
      }
      entry.name.erase(0, root.size());
    }
    const ZipEntry *format = find("archive_format");
    if (format == nullptr || bytes_of(*format).text() != "pt2") {
      return fail(
          "no package: expected a file archive_format that says pt2; compile the model with aoti_package or "
          "AOTInductor");
    }
    return true;
  }

  bool find_weights() {
    const ZipEntry *weights = find(kWeights);
    if (weights == nullptr) return true;
    index_->weights = bytes_of(*weights);
    index_->weights_crc = weights->crc;
    if (weights->offset % kWeightsAlignment == 0) return true;
    return fail(std::string(kWeights) + " begins at byte " + std::to_string(weights->offset) +
                "; expected a multiple of " + std::to_string(kWeightsAlignment) +
                ": the package was packed anew by a tool that does not know; make it again");
  }

  void set_library(const ZipEntry &entry, PackageMethod *method) {
    method->library_name = entry.name;
    method->library = bytes_of(entry);
    method->library_crc = entry.crc;
  }

  // The weights of one method, where they are not in its library: "binary_blob" of stock AOTInductor.
  bool find_stock_weights(PackageMethod *method) {
    const std::string folder = kModels + method->name + "/";
    for (const ZipEntry &entry : entries_) {
      if (!starts_with(entry.name, folder.c_str())) continue;
      if (ends_with(entry.name, "/weights_config.json")) {
        return fail("AOTInductor put the weights of model '" + method->name + "' into Python's pickles (" +
                    entry.name +
                    "), which only PyTorch reads; compile with package_constants_on_disk_format = "
                    "\"binary_blob\", or with the weights in the library");
      }
      if (!ends_with(entry.name, "_weights.blob")) continue;
      if (method->weights.data != nullptr)
        return fail("model '" + method->name + "' has two files of weights");
      method->weights = bytes_of(entry);
    }
    return true;
  }

  // A package of stock AOTInductor: one library in the folder of each model.
  bool read_stock() {
    for (const ZipEntry &entry : entries_) {
      if (!starts_with(entry.name, kModels) || !ends_with(entry.name, ".so")) continue;
      const size_t begin = sizeof kModels - 1, end = entry.name.find('/', begin);
      if (end == std::string::npos) continue;
      PackageMethod method;
      method.name = entry.name.substr(begin, end - begin);
      for (const PackageMethod &other : index_->methods) {
        if (other.name == method.name)
          return fail("model '" + method.name + "' has two libraries: " + other.library_name + " and " +
                      entry.name);
      }
      set_library(entry, &method);
      const ZipEntry *calls = find(entry.name.substr(0, entry.name.size() - 3) + ".json");
      if (calls != nullptr) method.op_calls = bytes_of(*calls);
      if (!find_stock_weights(&method)) return false;
      index_->methods.push_back(std::move(method));
    }
    return !index_->methods.empty() ||
           fail("no compiled model in it: it holds an exported program only; compile it");
  }

  bool read_own(const ZipEntry &description) {
    Json json;
    uint64_t format = 0;
    std::string why;
    if (!parse_json(bytes_of(description), &json, &why)) return fail(std::string(kIndex) + ": " + why);
    const Json *number = json.find("format");
    if (number == nullptr || !number->to_uint64(&format))
      return fail(std::string(kIndex) + ": 'format' is missing");
    if (format != kPackageFormat) {
      return fail("the package has format " + std::to_string(format) + "; this program reads format " +
                  std::to_string(kPackageFormat) + ". " +
                  (format < kPackageFormat ? "Pack it again with this program's release."
                                           : "Rebuild this program with the release that packed it."));
    }
    const Json *methods = json.find("methods");
    if (methods == nullptr || methods->kind != Json::kObject || methods->members.empty()) {
      return fail(std::string(kIndex) + ": 'methods' is missing or empty");
    }
    for (const auto &member : methods->members) {
      if (!read_method(member.first, member.second)) return false;
    }
    return read_shared_state(json.find("shared_state"));
  }

  bool read_method(const std::string &name, const Json &json) {
    PackageMethod method;
    method.name = name;
    const Json *library = json.find("library"), *constants = json.find("constants");
    const ZipEntry *entry =
        library != nullptr && library->kind == Json::kString ? find(library->text) : nullptr;
    if (entry == nullptr)
      return fail(std::string(kIndex) + ": the library of method '" + name + "' is not in the package");
    set_library(*entry, &method);
    if (constants != nullptr && constants->kind != Json::kNull) {
      if (constants->kind != Json::kArray)
        return fail(std::string(kIndex) + ": the constants of method '" + name + "' are no array");
      for (const Json &place : constants->items) {
        if (!read_place(name, place, &method.constants)) return false;
      }
    }
    index_->methods.push_back(std::move(method));
    return true;
  }

  bool read_place(const std::string &method, const Json &json, std::vector<AotiConstantPlace> *places) {
    uint64_t offset = 0, size = 0;
    const std::string label =
        std::string(kIndex) + ": constant " + std::to_string(places->size()) + " of method '" + method + "' ";
    if (json.kind != Json::kArray || json.items.size() != 2 || !json.items[0].to_uint64(&offset) ||
        !json.items[1].to_uint64(&size)) {
      return fail(label + "is no pair of offset and bytes");
    }
    if (!index_->weights.contains(offset, size)) {
      return fail(label + "lies outside the " + std::to_string(index_->weights.size) +
                  " bytes of the weights: the package is damaged");
    }
    if (offset % AOTI_ALIGNMENT != 0)
      return fail(label + "is not at a multiple of " + std::to_string(AOTI_ALIGNMENT));
    places->push_back(AotiConstantPlace{index_->weights.data + offset, size});
    return true;
  }

  bool read_shared_state(const Json *names) {
    if (names == nullptr || names->kind == Json::kNull) return true;
    if (names->kind != Json::kArray) return fail(std::string(kIndex) + ": 'shared_state' is no array");
    for (const Json &name : names->items) {
      if (name.kind != Json::kString)
        return fail(std::string(kIndex) + ": a name of 'shared_state' is no string");
      index_->shared_state.push_back(name.text);
    }
    return true;
  }

  const Bytes package_;
  PackageIndex *const index_;
  std::string *const error_;
  std::vector<ZipEntry> entries_;
};

}  // namespace

bool read_package_index(const Bytes &package, PackageIndex *index, std::string *error) {
  *index = PackageIndex();
  return IndexReader(package, index, error).read();
}

}  // namespace aoti
