// The presets on this machine, as in astfx/presets/folders.py.
#pragma once

#include <string>
#include <vector>

namespace astfx {

// Presets have numbers, because hosts automate numbers. The factory presets, sorted by name, have the
// numbers from 0, the user's the numbers from 64.
constexpr int kFirstOfUser = 64, kHighestPreset = 127;

struct LibraryEntry {
  int index;
  std::string name, path;
  bool is_factory() const { return index < kFirstOfUser; }
};

class Library {
 public:
  // Look for the presets in the folders of this machine.
  static Library scan();

  const std::vector<LibraryEntry>& entries() const { return entries_; }
  // Null if there is no such preset.
  const LibraryEntry* at(int index) const;
  const LibraryEntry* named(const std::string& name) const;

 private:
  void add(const std::string& folder, int first, int last);

  std::vector<LibraryEntry> entries_;
};

// The user's presets: ASTFX_PRESETS, or a folder among the user's data.
std::string user_folder();

// The folder of the plugin's bundle that has the presets' folder; empty if it is not known.
std::string bundle_folder();

// The factory presets: ASTFX_FACTORY_PRESETS, or a folder of the plugin's bundle.
std::string factory_folder();

}  // namespace astfx
