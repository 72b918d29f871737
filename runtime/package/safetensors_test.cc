// A model's constants replaced by those of a safetensors file: all, some, in place, what is refused.
#include "runtime/package/safetensors.h"

#include <stdlib.h>
#include <unistd.h>

#include <fstream>

#include "runtime/model/testing/toy_inputs.h"

namespace {

const AotiModelApi &api = *toy_api();

struct Row {
  std::string name, shape;
  const float *data;
  size_t count;
};

// `shift`: bytes that are added to the header, so that tensors are not aligned.
std::string write_file(const std::vector<Row> &rows, size_t shift) {
  const char *folder = getenv("TEST_TMPDIR");
  const std::string path =
      std::string(folder != nullptr ? folder : "/tmp") + "/toy." + std::to_string(getpid()) + ".safetensors";
  std::string header = "{", data;
  for (const Row &row : rows) {
    const size_t begin = data.size();
    data.append(reinterpret_cast<const char *>(row.data), row.count * sizeof(float));
    header += (header.size() > 1 ? "," : "") +
              ("\"" + row.name + "\":{\"dtype\":\"F32\",\"shape\":" + row.shape + ",\"data_offsets\":[" +
               std::to_string(begin) + "," + std::to_string(data.size()) + "]}");
  }
  header += "}";
  header += std::string((8 - header.size() % 8) % 8 + shift, ' ');
  const uint64_t length = header.size();
  std::ofstream(path, std::ios::binary)
      << std::string(reinterpret_cast<const char *>(&length), 8) << header << data;
  return path;
}

void update(const std::vector<Row> &rows, size_t shift, const aoti::UpdateFromFile &options, const char *said,
            const toy::Constants &expected) {
  AOTInductorModelContainerHandle model = nullptr;
  CHECK_EQ(api.create_with_device(&model, 1, "cpu", nullptr), 0);
  const std::string path = write_file(rows, shift);
  aoti::Safetensors file;
  std::string error;
  CHECK(file.open(path, &error));
  CHECK_STR_EQ(error.c_str(), "");
  unlink(path.c_str());
  const bool ok = aoti::update_constants(api, model, file, options, &error);
  CHECK_EQ(ok, said[0] == '\0');
  CHECK_CONTAINS(error.c_str(), said);
  if (options.inactive) CHECK_EQ(api.swap_constants(model), 0);
  toy::Inputs inputs(6);
  toy::run_and_check(model, &inputs, expected);
  CHECK_EQ(api.delete_container(model), 0);
}

}  // namespace

int main() {
  toy::Constants old, fresh;
  for (auto &row : fresh.weight) {
    for (float &value : row) value = value * 2 - 1;
  }
  for (float &value : fresh.bias) value += 3;
  float gain = 2;
  const toy::Constants same = fresh;
  const std::vector<Row> all = {{"m.net.weight", "[16,16]", &same.weight[0][0], 256},
                                {"m.net.bias", "[16]", same.bias, 16},
                                {"m.net.scale", "[16]", same.scale, 16},
                                {"m.net.gain", "[]", &gain, 1},
                                {"m.tied.bias", "[16]", same.bias, 16},
                                {"other.thing", "[1]", &gain, 1}};
  for (float &value : fresh.scale) value *= gain;
  aoti::UpdateFromFile options;
  options.prefix = "m.";
  for (size_t shift : {0, 1, 4}) update(all, shift, options, "", fresh);
  options.inactive = true;
  update(all, 0, options, "", fresh);
  options.inactive = false;
  std::vector<Row> some(all.begin(), all.begin() + 2);
  update(some, 0, options, "is missing", old);
  options.full = false;
  toy::Constants partly = old;
  memcpy(partly.weight, fresh.weight, sizeof partly.weight);
  memcpy(partly.bias, fresh.bias, sizeof partly.bias);
  update(some, 0, options, "", partly);
  options.in_place = true;
  update(some, 0, options, "", partly);
  update(some, 1, options, "tensor 'm.net.weight' is not aligned in the file", old);
  options.in_place = false;
  some[0].shape = "[256]";
  update(some, 0, options, "new value of constant 'net.weight': float32 [256]; expected float32 [16, 16]",
         old);
  options.prefix = "n.";
  update(all, 0, options, "no tensor's name begins with 'n.'", old);
  options.prefix = "";
  update(all, 0, options, "m.net.weight", old);
  return aoti_test::result();
}
