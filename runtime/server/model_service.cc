#include "runtime/server/model_service.h"

#include <stdio.h>
#include <string.h>

#include <charconv>
#include <utility>

namespace aoti::server {
namespace {

// A package is a zip archive, whatever its name.
bool is_package(const std::string &path) {
  char magic[4] = {};
  FILE *file = fopen(path.c_str(), "rb");
  if (file == nullptr) return false;
  const bool ok = fread(magic, 1, sizeof magic, file) == sizeof magic;
  fclose(file);
  return ok && memcmp(magic, "PK\x03\x04", sizeof magic) == 0;
}

bool version_number(const std::string &version, uint64_t *number) {
  const char *end = version.data() + version.size();
  const auto result = std::from_chars(version.data(), end, *number);
  return result.ec == std::errc() && result.ptr == end && *number > 0 && version[0] != '0';
}

// "minilm/1" where there are several versions of a name.
std::string metrics_name(const std::string &name, size_t num_versions, uint64_t version) {
  return num_versions > 1 ? name + "/" + std::to_string(version) : name;
}

}  // namespace

bool is_version(const std::string &version) {
  uint64_t number = 0;
  return version_number(version, &number);
}

bool ModelService::add(const ModelSource &source, const ModelOptions &options, std::string *error) {
  const size_t hash = source.path.rfind('#');
  const std::string path = source.path.substr(0, hash);
  const std::string method = hash == std::string::npos ? "" : source.path.substr(hash + 1);
  const std::string label = "model '" + source.name + "': ";
  error->clear();
  if (is_package(path)) {
    if (add_package(source, path, method, options, error)) return true;
    *error = label + *error;
    return false;
  }
  if (!method.empty()) {
    *error = label + path + " is no package, so it has no method '" + method + "'";
    return false;
  }
  const auto loaded = std::make_shared<LoadedModel>();
  LoadOptions load;
  load.check = options.check;
  loaded->library = load_library(path, load, error);
  if (loaded->library != nullptr) {
    loaded->api = &loaded->library->api();
    if (loaded->api->create_with_device(&loaded->container, static_cast<size_t>(options.num_instances),
                                        options.device.c_str(), nullptr) != AOTI_RUNTIME_SUCCESS) {
      *error = loaded->api->last_error();
    } else if (add_one(loaded, source.name, source.version, options, error)) {
      return true;
    }
  }
  *error = label + *error;
  return false;
}

bool ModelService::add_package(const ModelSource &source, const std::string &path, const std::string &method,
                               const ModelOptions &options, std::string *error) {
  PackageOptions package_options;
  package_options.verify_weights = options.verify_weights;
  package_options.library.check = options.check;
  const std::shared_ptr<Package> package = Package::open(path, package_options, error);
  if (package == nullptr) return false;
  std::vector<std::string> methods;
  for (const PackageMethod &in_package : package->index().methods) methods.push_back(in_package.name);
  const bool is_several = method.empty() && methods.size() > 1;
  if (!method.empty()) methods = {method};
  for (const std::string &each : methods) {
    PackagedMethod *packaged = package->method(each, error);
    if (packaged == nullptr) return false;
    const auto loaded = std::make_shared<LoadedModel>();
    loaded->package = package;
    loaded->api = &packaged->api();
    loaded->container = packaged->create(static_cast<size_t>(options.num_instances), options.device, error);
    if (loaded->container == nullptr) return false;
    const std::string name = is_several ? source.name + "." + each : source.name;
    if (!add_one(loaded, name, source.version, options, error)) return false;
  }
  return true;
}

bool ModelService::add_one(std::shared_ptr<const LoadedModel> loaded, const std::string &name,
                           const std::string &version, const ModelOptions &options, std::string *error) {
  std::unique_ptr<Model> model = Model::create(std::move(loaded), name, version, options, error);
  uint64_t number = 0;
  if (model == nullptr) return false;
  if (!version_number(version, &number)) {
    *error = "version '" + version + "'; expected a number, 1 or more";
    return false;
  }
  if (!models_[name].emplace(number, std::move(model)).second) {
    *error = "'" + name + "' version " + version + " is there twice";
    return false;
  }
  return true;
}

std::vector<ModelIndexEntry> ModelService::models_with_state() const {
  std::vector<ModelIndexEntry> found;
  for (const auto &[name, versions] : models_) {
    for (const auto &[number, model] : versions) {
      if (model->has_state()) found.push_back({name, model->version(), "READY"});
    }
  }
  return found;
}

ServerMetadata ModelService::server_metadata() const {
  return {"aoti_server", "0.1.0", {"binary_tensor_data", "model_repository", "metrics"}};
}

Status ModelService::find(const std::string &model, const std::string &version, const Versions **versions,
                          Model **found) const {
  const auto at = models_.find(model);
  if (at == models_.end()) {
    std::string names;
    for (const auto &[name, unused] : models_) names += (names.empty() ? "" : ", ") + name;
    return {StatusCode::kNotFound, "there is no model '" + model + "'; there is " + names};
  }
  if (versions != nullptr) *versions = &at->second;
  uint64_t number = 0;
  auto place = version.empty() ? std::prev(at->second.end()) : at->second.end();
  if (version_number(version, &number)) place = at->second.find(number);
  if (place == at->second.end()) {
    std::string numbers;
    for (const auto &[each, unused] : at->second)
      numbers += (numbers.empty() ? "" : ", ") + std::to_string(each);
    return {StatusCode::kNotFound,
            "model '" + model + "' has no version '" + version + "'; it has " + numbers};
  }
  *found = place->second.get();
  return {};
}

Status ModelService::model_metadata(const std::string &model, const std::string &version,
                                    ModelMetadata *metadata) const {
  const Versions *versions = nullptr;
  Model *found = nullptr;
  if (Status status = find(model, version, &versions, &found); !status.ok()) return status;
  *metadata = found->metadata();
  for (const auto &[number, unused] : *versions) metadata->versions.push_back(std::to_string(number));
  return {};
}

Status ModelService::model_ready(const std::string &model, const std::string &version, bool *ready) const {
  Model *found = nullptr;
  *ready = is_ready();
  return find(model, version, nullptr, &found);
}

std::vector<ModelIndexEntry> ModelService::index() const {
  std::vector<ModelIndexEntry> entries;
  for (const auto &[name, versions] : models_) {
    for (const auto &[number, model] : versions) entries.push_back({name, model->version(), "READY"});
  }
  return entries;
}

std::string ModelService::metrics() const {
  std::vector<ModelStats> stats;
  std::string batches, rows;
  for (const auto &[name, versions] : models_) {
    for (const auto &[number, model] : versions) {
      stats.push_back({metrics_name(name, versions.size(), number), model->stats()});
      if (!model->is_batching()) continue;
      const BatcherStats of = model->batch_stats();
      const std::string label = "{model=\"" + stats.back().model + "\"} ";
      batches += "aoti_batches_total" + label + std::to_string(of.batches) + "\n";
      rows += "aoti_batch_rows_total" + label + std::to_string(of.rows) + "\n";
    }
  }
  std::string text = metrics_text(stats);
  if (batches.empty()) return text;
  text += "# HELP aoti_batches_total Batches that ran.\n# TYPE aoti_batches_total counter\n" + batches;
  return text +
         "# HELP aoti_batch_rows_total Rows of those batches.\n# TYPE aoti_batch_rows_total counter\n" + rows;
}

void ModelService::infer(std::unique_ptr<InferRequest> request, InferDone done) {
  Model *found = nullptr;
  if (Status status = find(request->model, request->version, nullptr, &found); !status.ok()) {
    done(std::move(status), nullptr);
    return;
  }
  found->infer(std::move(request), std::move(done));
}

}  // namespace aoti::server
