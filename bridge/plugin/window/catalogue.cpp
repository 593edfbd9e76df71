#include "catalogue.hpp"

#include <algorithm>
#include <sstream>
#include <tuple>

#include "library.hpp"
#include "preset.hpp"

namespace astfx::window {

Catalogue::Catalogue() {
  const Library library = Library::scan();
  for (const LibraryEntry& entry : library.entries()) {
    Listed listed{entry.index, entry.name, "", ""};
    try {
      const PresetTexts texts = preset_texts(entry.path);
      listed.family = texts.family;
      listed.description = texts.description;
    } catch (const PresetError& error) {
      listed.description = error.what();
    }
    if (!entry.is_factory()) listed.family = "your presets";
    presets_.push_back(std::move(listed));
  }
  const auto rank = [](const Listed& listed) {
    return std::make_tuple(listed.number < kFirstOfUser, listed.family, listed.name);
  };
  std::sort(presets_.begin(), presets_.end(),
            [&](const Listed& a, const Listed& b) { return rank(a) < rank(b); });
}

const Listed* Catalogue::at(int number) const {
  for (const Listed& listed : presets_)
    if (listed.number == number) return &listed;
  return nullptr;
}

std::string Catalogue::name_of(int number) const {
  const Listed* listed = at(number);
  return listed == nullptr ? "no. " + std::to_string(number) + " of the project" : listed->name;
}

std::vector<size_t> Catalogue::found(const std::string& text) const {
  std::vector<size_t> places;
  for (size_t i = 0; i < presets_.size(); ++i) {
    std::string all = presets_[i].name + " " + presets_[i].family + " " + presets_[i].description;
    std::transform(all.begin(), all.end(), all.begin(), [](unsigned char c) { return std::tolower(c); });
    std::istringstream words(text);
    std::string word;
    bool has_all = true;
    while (words >> word) has_all = has_all && all.find(word) != std::string::npos;
    if (has_all) places.push_back(i);
  }
  return places;
}

}  // namespace astfx::window
