#include "library.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "preset.hpp"

namespace astfx {

namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Only its address is used: it lies in the plugin's own file.
void here() {}

}  // namespace

std::string user_folder() {
  const std::string chosen = variable("ASTFX_PRESETS");
  if (!chosen.empty()) return chosen;
  const std::string data = variable("XDG_DATA_HOME"), home = variable("HOME");
  if (!data.empty()) return data + "/astfx/presets";
  return home.empty() ? "" : home + "/.local/share/astfx/presets";
}

std::string bundle_folder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&here), &info) == 0 || info.dli_fname == nullptr) return "";
  std::error_code error;
  const fs::path own = fs::weakly_canonical(info.dli_fname, error).parent_path();
  for (const fs::path& folder : {own, own.parent_path() / "Resources"})
    if (fs::is_directory(folder / "presets", error)) return folder.string();
  return "";
}

std::string factory_folder() {
  const std::string chosen = variable("ASTFX_FACTORY_PRESETS");
  if (!chosen.empty()) return chosen;
  const std::string bundle = bundle_folder();
  return bundle.empty() ? "" : bundle + "/presets";
}

void Library::add(const std::string& folder, int first, int last) {
  std::error_code error;
  std::map<std::string, std::string> found;
  if (folder.empty()) return;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const fs::path& path = at->path();
    if (path.extension() != ".astfx" && path.extension() != ".toml") continue;
    const std::string name = path.stem().string();
    if (!is_preset_name(name) || !fs::is_regular_file(path, error)) continue;
    // Of two files with a name, Python takes the .astfx file too.
    if (found.count(name) == 0 || path.extension() == ".astfx") found[name] = path.string();
  }
  for (const auto& [name, path] : found)
    if (first <= last) entries_.push_back({first++, name, path});
}

Library Library::scan() {
  Library library;
  library.add(factory_folder(), 0, kFirstOfUser - 1);
  library.add(user_folder(), kFirstOfUser, kHighestPreset);
  return library;
}

const LibraryEntry* Library::at(int index) const {
  for (const LibraryEntry& entry : entries_)
    if (entry.index == index) return &entry;
  return nullptr;
}

const LibraryEntry* Library::named(const std::string& name) const {
  const LibraryEntry* found = nullptr;
  for (const LibraryEntry& entry : entries_)
    if (entry.name == name) found = &entry;  // the user's hide the factory's
  return found;
}

}  // namespace astfx
