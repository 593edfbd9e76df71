#include "preset.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "constants.hpp"
#include "sha256.hpp"

namespace astfx {

namespace {

constexpr char kMetadataKey[] = "astfx-preset";
constexpr char kHashKey[] = "astfx-preset-sha256";
constexpr long kMaxHeaderBytes = 1L << 20;

struct Tensor {
  std::string dtype;
  std::vector<int64_t> shape;
  const char* data;
  size_t n_bytes, n_values;
};

struct Container {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

struct Type {
  const char* name;
  const char* numpy;
  size_t size;
};
constexpr Type kTypes[] = {{"U8", "|u1", 1}, {"I8", "|i1", 1},  {"F16", "<f2", 2}, {"I16", "<i2", 2},
                           {"F32", "<f4", 4}, {"I32", "<i4", 4}, {"F64", "<f8", 8}, {"I64", "<i8", 8}};

const Type* type_of(const std::string& name) {
  for (const Type& type : kTypes)
    if (name == type.name) return &type;
  return nullptr;
}

// Read the tensors of a safetensors file. They point into `bytes`.
Container read_container(const std::string& bytes) {
  if (bytes.size() < 8) throw PresetError("it is too short");
  uint64_t header = 0;
  for (int i = 7; i >= 0; --i) header = header << 8 | static_cast<uint8_t>(bytes[i]);
  if (header > kMaxHeaderBytes || header > bytes.size() - 8)
    throw PresetError("its header is longer than the file or than 1 MB");
  const nlohmann::json json =
      nlohmann::json::parse(bytes.begin() + 8, bytes.begin() + 8 + static_cast<long>(header), nullptr, false);
  if (!json.is_object()) throw PresetError("its header is not a JSON object");
  const char* data = bytes.data() + 8 + header;
  const size_t n_data = bytes.size() - 8 - header;
  Container found;
  size_t n_used = 0;
  for (const auto& [name, row] : json.items()) {
    if (name == "__metadata__") {
      if (!row.is_object()) throw PresetError("its metadata are not a JSON object");
      for (const auto& [key, value] : row.items()) {
        if (!value.is_string()) throw PresetError("its metadata are not texts");
        found.metadata[key] = value.get<std::string>();
      }
      continue;
    }
    if (!row.is_object() || !row.contains("dtype") || !row["dtype"].is_string() ||
        !row.contains("shape") || !row["shape"].is_array() || row["shape"].size() > 8 ||
        !row.contains("data_offsets") || !row["data_offsets"].is_array() ||
        row["data_offsets"].size() != 2)
      throw PresetError("tensor '" + name + "' is not described as one");
    Tensor tensor{row["dtype"].get<std::string>(), {}, nullptr, 0, 1};
    const Type* type = type_of(tensor.dtype);
    if (type == nullptr) throw PresetError("tensor '" + name + "' has an unknown type");
    for (const auto& size : row["shape"]) {
      if (!size.is_number_unsigned() || size.get<uint64_t>() > static_cast<uint64_t>(kMaxFileBytes))
        throw PresetError("tensor '" + name + "' has a wrong shape");
      tensor.shape.push_back(size.get<int64_t>());
      tensor.n_values *= size.get<uint64_t>();
      if (tensor.n_values > static_cast<size_t>(kMaxFileBytes))
        throw PresetError("tensor '" + name + "' has a wrong shape");
    }
    for (const auto& offset : row["data_offsets"])
      if (!offset.is_number_unsigned()) throw PresetError("tensor '" + name + "' has wrong offsets");
    const uint64_t begin = row["data_offsets"][0].get<uint64_t>();
    const uint64_t end = row["data_offsets"][1].get<uint64_t>();
    if (begin > end || end > n_data || end - begin != tensor.n_values * type->size)
      throw PresetError("tensor '" + name + "' has wrong offsets");
    tensor.data = data + begin;
    tensor.n_bytes = end - begin;
    n_used += tensor.n_bytes;
    found.tensors[name] = std::move(tensor);
  }
  if (n_used != n_data) throw PresetError("its tensors do not fill the file");
  return found;
}

// SHA-256 of tensors (names, types, shapes, values) and of their grid, as in
// astfx/presets/tensors.py.
std::string digest(const std::map<std::string, Tensor>& tensors, const Grid& grid) {
  Sha256 found;
  found.update(std::to_string(grid.sample_rate) + "|" + std::to_string(grid.n_fft) + "|" +
               std::to_string(grid.hop_length) + "|");
  for (const auto& [name, tensor] : tensors) {
    std::string shape = "(";
    for (size_t i = 0; i < tensor.shape.size(); ++i)
      shape += (i ? ", " : "") + std::to_string(tensor.shape[i]);
    shape += tensor.shape.size() == 1 ? ",)" : ")";
    found.update(name + "|" + type_of(tensor.dtype)->numpy + "|" + shape + "|");
    found.update(tensor.data, tensor.n_bytes);
  }
  return found.hex();
}

const Tensor& tensor_of(const Container& container, const std::string& name, const char* dtype,
                        size_t dims) {
  const auto at = container.tensors.find(name);
  if (at == container.tensors.end()) throw PresetError("tensor '" + name + "' is missing");
  if (at->second.dtype != dtype || at->second.shape.size() != dims || at->second.n_values == 0)
    throw PresetError("tensor '" + name + "' has a wrong type or shape");
  return at->second;
}

std::string text_of(const toml::table& table, const char* key) {
  const std::optional<std::string> text = table[key].value<std::string>();
  if (!text || text->size() > 16000) throw PresetError(std::string(key) + " must be a text");
  return *text;
}

}  // namespace

bool is_preset_name(const std::string& name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 64 && plain(name.front()) && plain(name.back()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '-'; });
}

namespace {

Preset from_parts(const std::string& text, const Container& container) {
  if (text.size() > static_cast<size_t>(kMaxTextBytes))
    throw PresetError("its description is longer than " + std::to_string(kMaxTextBytes) + " bytes");
  const toml::table table = toml::parse(text);
  const std::optional<int64_t> version = table["format_version"].value_exact<int64_t>();
  if (!version || *version < 1)
    throw PresetError("format_version must be a whole number of at least 1");
  if (*version > kFormatVersion)
    throw PresetError("it has format_version=" + std::to_string(*version) +
                      ", newer than the version " + std::to_string(kFormatVersion) +
                      " that this plugin reads: update astfx");
  Preset preset;
  preset.name = text_of(table, "name");
  if (!is_preset_name(preset.name))
    throw PresetError("its name must be 1 to 64 lower-case letters and digits, with hyphens inside only");
  preset.family = text_of(table, "family");
  preset.description = text_of(table, "description");
  preset.author = text_of(table, "author");
  int64_t sizes[3];
  const char* keys[] = {"sample_rate", "n_fft", "hop_length"};
  for (int i = 0; i < 3; ++i) {
    const std::optional<int64_t> size = table["frames"][keys[i]].value_exact<int64_t>();
    if (!size || *size < 1 || *size > 1 << 20)
      throw PresetError(std::string("frames.") + keys[i] + " is out of range");
    sizes[i] = *size;
  }
  preset.grid = {static_cast<int>(sizes[0]), static_cast<int>(sizes[1]), static_cast<int>(sizes[2])};
  const Grid& grid = preset.grid;
  if (grid.sample_rate < 8000 || grid.sample_rate > 192000 || grid.n_fft > 2 * kMaxBins)
    throw PresetError("its frames are out of range");
  const double frame_ms = 1e3 * grid.n_fft / grid.sample_rate;
  if (std::abs(kWindowMs / frame_ms - 1.0) > 0.05)
    throw PresetError("its window must last " + std::to_string(kWindowMs) + " milliseconds");

  const Tensor& frames = tensor_of(container, "frames", "U8", 2);
  const Tensor& lengths = tensor_of(container, "run_lengths", "I64", 1);
  const Tensor& weights = tensor_of(container, "run_weights", "F32", 1);
  if (frames.shape[1] != grid.n_fft / 2 + 1 || frames.shape[0] > kMaxFrames)
    throw PresetError("tensor 'frames' has a wrong shape");
  if (lengths.n_values > static_cast<size_t>(frames.shape[0]) || weights.n_values != lengths.n_values)
    throw PresetError("tensors 'run_lengths' and 'run_weights' do not fit the frames");
  int64_t total = 0;
  for (size_t i = 0; i < lengths.n_values; ++i) {
    int64_t length;
    std::memcpy(&length, lengths.data + 8 * i, 8);
    if (length < 1 || length > frames.shape[0])
      throw PresetError("tensor 'run_lengths' does not add up to the frames");
    preset.run_lengths.push_back(static_cast<int>(length));
    total += length;
  }
  if (total != frames.shape[0])
    throw PresetError("tensor 'run_lengths' does not add up to the frames");
  double weight_sum = 0.0;
  for (size_t i = 0; i < weights.n_values; ++i) {
    float weight;
    std::memcpy(&weight, weights.data + 4 * i, 4);
    if (!(weight > 0.0f && weight <= 1.0f))
      throw PresetError("tensor 'run_weights' must have a weight from 0 to 1 for each run");
    preset.run_weights.push_back(weight);
    weight_sum += weight;
  }
  if (std::abs(weight_sum - 1.0) > 1e-3)
    throw PresetError("tensor 'run_weights' does not add up to 1");
  preset.sha256 = digest(container.tensors, grid);
  if (preset.sha256 != text_of(table, "tensors_sha256"))
    throw PresetError("its tensors are not those that were saved");
  preset.frames.assign(frames.data, frames.data + frames.n_bytes);
  return preset;
}

// Raise every error that a bad file can cause as a PresetError that names the file's role.
template <typename Read>
auto refusing(const std::string& role, Read read) -> decltype(read()) {
  try {
    return read();
  } catch (const PresetError& error) {
    throw PresetError(role + ": " + error.what());
  } catch (const std::exception& error) {
    throw PresetError(role + " is damaged or not a preset (" + error.what() + ")");
  }
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::string tensors_beside(const std::string& toml_path) {
  return toml_path.substr(0, toml_path.size() - 5) + ".safetensors";
}

}  // namespace

std::string file_bytes(const std::string& path, long most) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw PresetError("it does not exist or cannot be read");
  const long size = static_cast<long>(file.tellg());
  if (size < 0 || size > most)
    throw PresetError("it has more than the " + std::to_string(most) + " bytes that a preset may have");
  std::string bytes(static_cast<size_t>(size), '\0');
  file.seekg(0);
  if (!file.read(bytes.data(), size)) throw PresetError("it cannot be read");
  return bytes;
}

Preset unpack_preset(const std::string& bytes, const std::string& role) {
  return refusing(role, [&] {
    if (bytes.size() > static_cast<size_t>(kMaxFileBytes))
      throw PresetError("it has more than " + std::to_string(kMaxFileBytes) + " bytes");
    const Container container = read_container(bytes);
    const auto text = container.metadata.find(kMetadataKey);
    if (text == container.metadata.end()) throw PresetError("it has no preset description");
    const auto hash = container.metadata.find(kHashKey);
    Sha256 own;
    own.update(text->second);
    if (hash == container.metadata.end() || hash->second != own.hex())
      throw PresetError("its description is not the one that was saved");
    return from_parts(text->second, container);
  });
}

Preset load_preset(const std::string& path) {
  const std::string role = "preset file '" + path + "'";
  return refusing(role, [&] {
    if (!ends_with(path, ".toml")) return unpack_preset(file_bytes(path, kMaxFileBytes), role);
    const std::string text = file_bytes(path, kMaxTextBytes);
    const std::string tensors = file_bytes(tensors_beside(path), kMaxFileBytes);
    return from_parts(text, read_container(tensors));
  });
}

PresetTexts preset_texts(const std::string& path) {
  return refusing("preset file '" + path + "'", [&] {
    std::string text;
    if (ends_with(path, ".toml")) {
      text = file_bytes(path, kMaxTextBytes);
    } else {
      const std::string bytes = file_bytes(path, kMaxFileBytes);
      const Container container = read_container(bytes);
      const auto found = container.metadata.find(kMetadataKey);
      if (found == container.metadata.end()) throw PresetError("it has no preset description");
      text = found->second;
    }
    const toml::table table = toml::parse(text);
    return PresetTexts{text_of(table, "title"), text_of(table, "family"), text_of(table, "description")};
  });
}

static std::string packed(const std::string& path) {
  if (!ends_with(path, ".toml")) return file_bytes(path, kMaxFileBytes);
  const std::string text = file_bytes(path, kMaxTextBytes);
  const std::string tensors = file_bytes(tensors_beside(path), kMaxFileBytes);
  uint64_t size = 0;
  if (tensors.size() < 8) throw PresetError("it is too short");
  for (int i = 7; i >= 0; --i) size = size << 8 | static_cast<uint8_t>(tensors[i]);
  if (size > tensors.size() - 8) throw PresetError("its header is longer than the file");
  nlohmann::json header = nlohmann::json::parse(tensors.substr(8, size), nullptr, false);
  if (!header.is_object()) throw PresetError("its header is not a JSON object");
  Sha256 hash;
  hash.update(text);
  header["__metadata__"] = {{kMetadataKey, text}, {kHashKey, hash.hex()}};
  std::string json = header.dump();
  json.resize((json.size() + 7) / 8 * 8, ' ');
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(json.size() >> 8 * i);
  return bytes + json + tensors.substr(8 + size);
}

std::string packed_preset(const std::string& path) {
  return refusing("preset file '" + path + "'", [&] { return packed(path); });
}

}  // namespace astfx
