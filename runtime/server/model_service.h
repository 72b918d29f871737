// The service over the models of the command line.
//
//   aoti::server::ModelService service;
//   if (!service.add({"minilm", "1", "minilm.pt2"}, options, &error)) ...
//   service.infer(...);
//   service.drain();      // not ready any more; requests that come are still answered
#ifndef RUNTIME_SERVER_MODEL_SERVICE_H_
#define RUNTIME_SERVER_MODEL_SERVICE_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/server/model.h"

namespace aoti::server {

// What --model says. The path may end in '#' and the name of a package's method.
struct ModelSource {
  std::string name;
  std::string version;  // a decimal number above 0, without leading zeros
  std::string path;
};

// Whether `version` is such a number.
bool is_version(const std::string &version);

class ModelService : public Service {
 public:
  // Loads the model and adds it. A package with several methods becomes several models, NAME.METHOD, unless
  // its path names one. False with a message. Not to be called once requests come.
  bool add(const ModelSource &source, const ModelOptions &options, std::string *error);
  // Names and versions of models whose state all their callers share.
  std::vector<ModelIndexEntry> models_with_state() const;

  void drain() { is_draining_ = true; }

  ServerMetadata server_metadata() const override;
  bool is_ready() const override { return !is_draining_; }
  Status model_metadata(const std::string &model, const std::string &version,
                        ModelMetadata *metadata) const override;
  Status model_ready(const std::string &model, const std::string &version, bool *ready) const override;
  std::vector<ModelIndexEntry> index() const override;
  std::string metrics() const override;
  void infer(std::unique_ptr<InferRequest> request, InferDone done) override;

 private:
  using Versions = std::map<uint64_t, std::unique_ptr<Model>>;

  bool add_one(std::shared_ptr<const LoadedModel> loaded, const std::string &name, const std::string &version,
               const ModelOptions &options, std::string *error);
  bool add_package(const ModelSource &source, const std::string &path, const std::string &method,
                   const ModelOptions &options, std::string *error);
  Status find(const std::string &model, const std::string &version, const Versions **versions,
              Model **found) const;

  std::map<std::string, Versions> models_;
  std::atomic<bool> is_draining_{false};
};

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_MODEL_SERVICE_H_
