// The list of presets, by family, with a field for a search. It sets one of the two presets.
#pragma once

#include <string>
#include <vector>

#include "catalogue.hpp"
#include "control.hpp"
#include "values.hpp"

namespace astfx::window {

constexpr uint32_t kPresetParameters[] = {kPreset, kMorphTo};
constexpr Colour kSlotColours[] = {kFirst, kSecond};
constexpr const char* kSlotLetters[] = {"A", "B"};

class Browser : public Control {
 public:
  Browser(Values& values, const Catalogue& catalogue);

  void draw(Canvas& canvas) override;
  void press(const Pointer& pointer) override;
  void drag(const Pointer& pointer) override;
  void release() override { drags_bar_ = false; }
  void wheel(const Pointer& pointer, double lines) override;

  // Which preset the list sets: 0 for the first one, 1 for the one to morph to.
  int slot() const { return slot_; }
  void use_slot(int slot);
  // Make the present preset visible.
  void show_present();
  // The keyboard: whether the browser has used it.
  bool type(const std::string& text);
  bool erase();
  bool step(int rows);
  // Take the first preset that was found, unless the present one was found too.
  bool accept();
  bool leave();
  bool is_typing() const { return is_typing_; }

 private:
  struct Row {
    int preset;  // a place in the catalogue; -1 for the heading of a family
    std::string family;
  };

  Box tab(int slot) const;
  Box field() const;
  Box list() const;
  Box bar() const;
  void search(const std::string& text);
  void scroll_to(double top);
  double height() const;
  void draw_row(Canvas& canvas, const Row& row, const Box& place) const;
  void draw_list(Canvas& canvas) const;
  void draw_description(Canvas& canvas) const;

  Values& values_;
  const Catalogue& catalogue_;
  std::vector<Row> rows_;
  std::string text_;
  int slot_ = 0;
  double top_ = 0.0, bar_from_ = 0.0, top_from_ = 0.0;
  bool is_typing_ = false, drags_bar_ = false;
};

}  // namespace astfx::window
