#include "renders.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace astfx {

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The value of a line such as XDG_MUSIC_DIR="$HOME/Music"; empty if it is another line.
std::string music_of(const std::string& line, const std::string& home) {
  const std::string begin = "XDG_MUSIC_DIR=\"";
  const size_t end = line.rfind('"');
  if (line.compare(0, begin.size(), begin) != 0 || end < begin.size()) return "";
  std::string found;
  for (size_t i = begin.size(); i < end; ++i) {
    if (line[i] == '\\' && i + 1 < end) ++i;
    found += line[i];
  }
  const std::string of_home = "$HOME";
  if (found.compare(0, of_home.size(), of_home) == 0) return home + found.substr(of_home.size());
  return found[0] == '/' ? found : "";
}

std::string music_folder() {
  const std::string home = variable("HOME"), chosen = variable("XDG_CONFIG_HOME");
  std::ifstream file((chosen.empty() ? home + "/.config" : chosen) + "/user-dirs.dirs");
  std::string folder = home + "/Music";
  for (std::string line; std::getline(file, line);)
    if (const std::string found = music_of(line, home); !found.empty()) folder = found;
  return folder;
}

}  // namespace

std::string renders_folder() {
  const std::string chosen = variable(kRendersVariable);
  return chosen.empty() ? music_folder() + "/astfx" : chosen;
}

std::string render_path(uint64_t number) {
  char name[40];
  std::snprintf(name, sizeof name, "/render-%04llu.wav", static_cast<unsigned long long>(number));
  return renders_folder() + name;
}

}  // namespace astfx
