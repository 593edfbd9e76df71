// Preset files: one .astfx file, or TOML with safetensors beside it, as in astfx/presets/files.py.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "grid.hpp"

namespace astfx {

// A preset that cannot be used. The message names the value and the rule.
struct PresetError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Preset {
  std::string name, family, description, author;
  std::string sha256;  // of its tensors and their grid
  Grid grid;
  std::vector<uint8_t> frames;  // (frames, bins)
  std::vector<int> run_lengths;
  std::vector<float> run_weights;
};

// Whether a name is one that presets may have.
bool is_preset_name(const std::string& name);

// What a preset says of itself.
struct PresetTexts {
  std::string title, family, description;
};

// Read only the texts of a .toml or .astfx file.
PresetTexts preset_texts(const std::string& path);

// Read a .astfx file, or a .toml file and the .safetensors file beside it.
Preset load_preset(const std::string& path);

// Read the bytes of a .astfx file. `role` is what messages call it.
Preset unpack_preset(const std::string& bytes, const std::string& role);

// The bytes of a file, of at most `most` bytes.
std::string file_bytes(const std::string& path, long most);

// The bytes of a .astfx file with the same preset. Takes the path of either kind of file.
std::string packed_preset(const std::string& path);

}  // namespace astfx
