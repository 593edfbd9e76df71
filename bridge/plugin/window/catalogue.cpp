#include "catalogue.hpp"

#include <algorithm>
#include <sstream>
#include <tuple>

#include "library.hpp"
#include "preset.hpp"

namespace astfx::window {

namespace {

// ASCII only: in UTF-8 no byte of another letter looks like one.
std::string small(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return c < 128 ? std::tolower(c) : c; });
  return text;
}

bool has_words(const std::string& all, const std::string& text) {
  std::istringstream words(text);
  std::string word;
  while (words >> word)
    if (all.find(word) == std::string::npos) return false;
  return true;
}

// How well a name or a title fits a text; 0 is best, and 3 is not at all.
int misfit(const std::string& name, const std::string& text) {
  if (name == text) return 0;
  if (name.rfind(text, 0) == 0) return 1;
  return has_words(name, text) ? 2 : 3;
}

}  // namespace

Catalogue::Catalogue() {
  const Library library = Library::scan();
  for (const LibraryEntry& entry : library.entries()) {
    Listed listed{entry.index, entry.name, entry.name, "", ""};
    try {
      const PresetTexts texts = preset_texts(entry.path);
      if (!texts.title.empty()) listed.title = texts.title;
      listed.family = texts.family;
      listed.description = texts.description;
    } catch (const PresetError& error) {
      listed.description = error.what();
    }
    if (!entry.is_factory()) listed.family = "your presets";
    presets_.push_back(std::move(listed));
  }
  const auto rank = [](const Listed& listed) {
    return std::make_tuple(listed.number < kFirstOfUser, listed.family, small(listed.title));
  };
  std::sort(presets_.begin(), presets_.end(),
            [&](const Listed& a, const Listed& b) { return rank(a) < rank(b); });
}

const Listed* Catalogue::at(int number) const {
  for (const Listed& listed : presets_)
    if (listed.number == number) return &listed;
  return nullptr;
}

std::string Catalogue::title_of(int number) const {
  const Listed* listed = at(number);
  return listed == nullptr ? "preset " + std::to_string(number) : listed->title;
}

std::vector<size_t> Catalogue::found(const std::string& text) const {
  const std::string wanted = small(text);
  std::vector<std::pair<int, size_t>> places;
  for (size_t i = 0; i < presets_.size(); ++i) {
    const Listed& listed = presets_[i];
    const std::string name = small(listed.name), title = small(listed.title);
    if (has_words(name + " " + title + " " + small(listed.family + " " + listed.description), wanted))
      places.emplace_back(std::min(misfit(name, wanted), misfit(title, wanted)), i);
  }
  if (!wanted.empty()) std::sort(places.begin(), places.end());
  std::vector<size_t> found;
  for (const auto& [_, place] : places) found.push_back(place);
  return found;
}

}  // namespace astfx::window
