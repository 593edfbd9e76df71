#include "browser.hpp"

namespace astfx::window {

namespace {

constexpr double kRow = 24.0, kTab = 46.0, kField = 30.0, kAbout = 52.0, kGap = 8.0;
constexpr double kRowsOfWheel = 3.0;
constexpr size_t kLongestSearch = 40;

}  // namespace

Browser::Browser(Values& values, const Catalogue& catalogue) : values_(values), catalogue_(catalogue) {
  search("");
}

Box Browser::tab(int slot) const {
  const double width = (box.width - kGap) / 2.0;
  return {box.x + slot * (width + kGap), box.y, width, kTab};
}

Box Browser::field() const { return {box.x, box.y + kTab + kGap, box.width, kField}; }

Box Browser::list() const {
  const double y = field().bottom() + kGap;
  return {box.x, y, box.width, box.bottom() - kAbout - y};
}

double Browser::height() const { return kRow * static_cast<double>(rows_.size()); }

Box Browser::bar() const {
  const Box at = list().inner(3.0);
  const double share = std::min(1.0, at.height / std::max(height(), 1.0));
  const double length = std::max(24.0, share * at.height);
  const double way = std::max(1e-9, height() - list().height);
  return {at.right() - 7.0, at.y + (at.height - length) * std::min(1.0, top_ / way), 7.0, length};
}

void Browser::search(const std::string& text) {
  text_ = text;
  rows_.clear();
  for (size_t place : catalogue_.found(text)) {
    const std::string& family = catalogue_.presets()[place].family;
    if (rows_.empty() || rows_.back().family != family) rows_.push_back({-1, family});
    rows_.push_back({static_cast<int>(place), family});
  }
  top_ = 0.0;
}

void Browser::scroll_to(double top) {
  top_ = std::clamp(top, 0.0, std::max(0.0, height() - list().height));
}

void Browser::show_present() {
  const int number = values_.number(kPresetParameters[slot_]);
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i].preset < 0 || catalogue_.presets()[rows_[i].preset].number != number) continue;
    const double y = kRow * static_cast<double>(i);
    if (y < top_ + kRow || y + 2.0 * kRow > top_ + list().height) scroll_to(y - list().height / 3.0);
  }
}

void Browser::use_slot(int slot) {
  slot_ = slot;
  show_present();
}

void Browser::draw(Canvas& canvas) {
  for (int slot = 0; slot < 2; ++slot) {
    const Box at = tab(slot);
    const bool is_used = slot == slot_;
    canvas.fill(at, is_used ? rgb(0x262a33) : kPanel, kRound);
    canvas.frame(at, is_used ? kSlotColours[slot] : kLine, kRound, is_used ? 1.5 : 1.0);
    canvas.text(at.x + 12.0, at.middle_y(), kSlotLetters[slot], kLarge, kSlotColours[slot], Align::kLeft, true);
    canvas.text(at.x + 36.0, at.y + 15.0, slot == 0 ? "Preset" : "Morph to", kSmall, kDim);
    canvas.text(at.x + 36.0, at.y + 31.0, catalogue_.title_of(values_.number(kPresetParameters[slot])),
                kNormal, kText, Align::kLeft, true, at.width - 44.0);
  }
  const Box at = field();
  canvas.fill(at, kSunken, kRound);
  canvas.frame(at, is_typing_ ? kSlotColours[slot_] : kLine, kRound);
  const double x = at.x + 17.0, y = at.middle_y();
  canvas.arc(x - 1.0, y - 1.0, 4.5, 0.0, 2.0 * M_PI, kDim, 1.6);
  canvas.line(x + 2.5, y + 2.5, x + 6.5, y + 6.5, kDim, 1.8);
  const bool is_empty = text_.empty();
  canvas.text(x + 14.0, y, is_empty && !is_typing_ ? "Search" : text_, kNormal, is_empty ? kDim : kText,
              Align::kLeft, false, at.width - 70.0);
  if (is_typing_) {
    const double caret = x + 15.0 + (is_empty ? 0.0 : canvas.text_width());
    canvas.line(caret, y - 8.0, caret, y + 8.0, kText, 1.2);
  }
  if (!is_empty) {
    const double cross = at.right() - 16.0;
    canvas.line(cross - 4.0, y - 4.0, cross + 4.0, y + 4.0, kDim, 1.6);
    canvas.line(cross - 4.0, y + 4.0, cross + 4.0, y - 4.0, kDim, 1.6);
  }
  draw_list(canvas);
  draw_description(canvas);
}

void Browser::draw_list(Canvas& canvas) const {
  const Box at = list();
  canvas.fill(at, kPanel, kRound);
  canvas.clip(at);
  for (size_t i = 0; i < rows_.size(); ++i) {
    const Box place{at.x, at.y + kRow * static_cast<double>(i) - top_, at.width - 14.0, kRow};
    if (place.bottom() > at.y && place.y < at.bottom()) draw_row(canvas, rows_[i], place);
  }
  if (rows_.empty()) {
    canvas.text(at.middle_x(), at.y + 40.0, "No preset has this in its name,", kSmall, kDim, Align::kMiddle);
    canvas.text(at.middle_x(), at.y + 56.0, "family or description.", kSmall, kDim, Align::kMiddle);
  }
  if (height() > at.height) canvas.fill(bar(), drags_bar_ ? kDim : kLine, 3.5);
  canvas.end_clip();
  canvas.frame(at, kLine, kRound);
}

void Browser::draw_row(Canvas& canvas, const Row& row, const Box& place) const {
  if (row.preset < 0) {
    canvas.text(place.x + 12.0, place.y + 14.0, row.family, kSmall, kDim, Align::kLeft, true);
    return;
  }
  const Listed& listed = catalogue_.presets()[static_cast<size_t>(row.preset)];
  const bool is_present = listed.number == values_.number(kPresetParameters[slot_]);
  if (is_present)
    canvas.fill({place.x + 6.0, place.y + 1.0, place.width - 8.0, kRow - 2.0},
                faded(kSlotColours[slot_], 0.22), 4.0);
  canvas.text(place.x + 22.0, place.middle_y(), listed.title, kNormal, kText, Align::kLeft, is_present,
              place.width - 80.0);
  for (int slot = 0; slot < 2; ++slot) {
    if (listed.number != values_.number(kPresetParameters[slot])) continue;
    const double x = place.right() - 34.0 + 18.0 * slot;
    canvas.disc(x, place.middle_y(), 7.5, kSlotColours[slot]);
    canvas.text(x, place.middle_y(), kSlotLetters[slot], 10.0, kBack, Align::kMiddle, true);
  }
}

// The description of the present preset, on two lines.
void Browser::draw_description(Canvas& canvas) const {
  const Listed* listed = catalogue_.at(values_.number(kPresetParameters[slot_]));
  std::string text = listed != nullptr ? listed->description
                     : values_.number(kPresetProblem) == kPresetIsMissing ? "It is not on this machine."
                                                                          : "It came with the project.";
  double y = box.bottom() - kAbout + 19.0;
  for (int line = 0; line < 2 && !text.empty(); ++line, y += 16.0) {
    size_t end = text.size();
    if (line == 0)
      while (end > 0 && end != std::string::npos) {
        canvas.text(-1e4, 0.0, text.substr(0, end), kSmall, kDim);
        if (canvas.text_width() <= box.width - 8.0) break;
        end = text.rfind(' ', end - 1);
      }
    if (end == std::string::npos || end == 0) end = text.size();
    canvas.text(box.x + 4.0, y, text.substr(0, end), kSmall, kDim, Align::kLeft, false, box.width - 8.0);
    text = end < text.size() ? text.substr(end + 1) : "";
  }
}

void Browser::press(const Pointer& pointer) {
  is_typing_ = false;
  for (int slot = 0; slot < 2; ++slot)
    if (tab(slot).holds(pointer.x, pointer.y)) use_slot(slot);
  if (field().holds(pointer.x, pointer.y)) {
    is_typing_ = true;
    if (pointer.x > field().right() - 30.0) search("");
    return;
  }
  const Box at = list();
  if (!at.holds(pointer.x, pointer.y)) return;
  if (pointer.x > at.right() - 14.0) {
    const Box handle = bar();
    if (pointer.y < handle.y) return scroll_to(top_ - at.height);
    if (pointer.y > handle.bottom()) return scroll_to(top_ + at.height);
    drags_bar_ = true;
    bar_from_ = pointer.y;
    top_from_ = top_;
    return;
  }
  const size_t row = static_cast<size_t>((pointer.y - at.y + top_) / kRow);
  if (row >= rows_.size() || rows_[row].preset < 0) return;
  const Listed& listed = catalogue_.presets()[static_cast<size_t>(rows_[row].preset)];
  values_.set(kPresetParameters[slot_], static_cast<float>(listed.number));
}

void Browser::drag(const Pointer& pointer) {
  if (!drags_bar_) return;
  const double way = std::max(1.0, list().height - 6.0 - bar().height);
  scroll_to(top_from_ + (pointer.y - bar_from_) / way * (height() - list().height));
}

void Browser::wheel(const Pointer& pointer, double lines) {
  if (pointer.y >= list().y) scroll_to(top_ - lines * kRowsOfWheel * kRow);
}

bool Browser::type(const std::string& text) {
  // A space alone is left to the host, which often starts and stops with it.
  if (text_.empty() && text == " ") return is_typing_;
  if (text_.size() + text.size() <= kLongestSearch) {
    std::string small = text;
    for (char& c : small)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 'a' - 'A');
    search(text_ + small);
  }
  is_typing_ = true;
  return true;
}

bool Browser::erase() {
  if (text_.empty()) return is_typing_;
  std::string rest = text_;
  while (!rest.empty() && (rest.back() & 0xc0) == 0x80) rest.pop_back();
  if (!rest.empty()) rest.pop_back();
  search(rest);
  return true;
}

bool Browser::step(int rows) {
  std::vector<int> places;
  for (const Row& row : rows_)
    if (row.preset >= 0) places.push_back(row.preset);
  if (places.empty()) return false;
  const int number = values_.number(kPresetParameters[slot_]);
  int at = rows > 0 ? -1 : static_cast<int>(places.size());
  for (size_t i = 0; i < places.size(); ++i)
    if (catalogue_.presets()[static_cast<size_t>(places[i])].number == number) at = static_cast<int>(i);
  at = std::clamp(at + rows, 0, static_cast<int>(places.size()) - 1);
  const Listed& listed = catalogue_.presets()[static_cast<size_t>(places[static_cast<size_t>(at)])];
  values_.set(kPresetParameters[slot_], static_cast<float>(listed.number));
  show_present();
  return true;
}

bool Browser::accept() {
  const int number = values_.number(kPresetParameters[slot_]);
  const bool is_found = std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) {
    return row.preset >= 0 && catalogue_.presets()[static_cast<size_t>(row.preset)].number == number;
  });
  if (!is_found) step(1);
  return leave();
}

bool Browser::leave() {
  const bool had = is_typing_ || !text_.empty();
  is_typing_ = false;
  if (!text_.empty()) search("");
  show_present();
  return had;
}

}  // namespace astfx::window
