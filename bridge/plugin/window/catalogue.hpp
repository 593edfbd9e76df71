// The presets of this machine by family, as the browser lists them.
#pragma once

#include <string>
#include <vector>

namespace astfx::window {

struct Listed {
  int number;
  std::string name, title, family, description;
};

class Catalogue {
 public:
  // Reads the descriptions of the presets. What cannot be read is listed without a family.
  Catalogue();

  // Sorted by family, the user's first, then by title.
  const std::vector<Listed>& presets() const { return presets_; }
  // Null if this machine has no such preset.
  const Listed* at(int number) const;
  // Also of a preset that only the project has.
  std::string title_of(int number) const;
  // Places of the presets whose name, title, family or description has all words of a text. Those whose
  // name or title is the text, begins with it or has its words come first.
  std::vector<size_t> found(const std::string& text) const;

 private:
  std::vector<Listed> presets_;
};

}  // namespace astfx::window
