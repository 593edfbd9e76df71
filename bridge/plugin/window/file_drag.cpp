#include "file_drag.hpp"

#include <xcb/xcb.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace astfx::window {

namespace {

constexpr uint32_t kVersion = 5, kLeastVersion = 3;
// A program that does not answer is left alone after this time.
constexpr auto kPatience = std::chrono::seconds(10);

enum Name {
  kAware,
  kProxy,
  kEnter,
  kPosition,
  kStatus,
  kLeave,
  kDrop,
  kFinished,
  kSelection,
  kCopy,
  kUriList,
  kTargets,
  kNames
};
constexpr const char* kNameTexts[kNames] = {
    "XdndAware", "XdndProxy",    "XdndEnter",     "XdndPosition",   "XdndStatus",    "XdndLeave",
    "XdndDrop",  "XdndFinished", "XdndSelection", "XdndActionCopy", "text/uri-list", "TARGETS"};

// What a request is answered with; null if it has failed.
template <class T>
using Reply = std::unique_ptr<T, decltype(&std::free)>;
template <class T>
Reply<T> held(T* reply) {
  return Reply<T>(reply, &std::free);
}

std::string uri_of(const std::string& path) {
  std::string text = "file://";
  for (const unsigned char c : path) {
    char code[4];
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          std::strchr("/-_.~", c) != nullptr;
    std::snprintf(code, sizeof code, is_plain ? "%c" : "%%%02X", c);
    text += code;
  }
  return text + "\r\n";
}

}  // namespace

// One drag. Errors of the other program's windows, which may be gone, are ignored.
class FileDrag::Talk {
 public:
  explicit Talk(const std::string& path) : uris_(uri_of(path)) {
    int number = 0;
    x_ = xcb_connect(nullptr, &number);
    if (xcb_connection_has_error(x_) != 0) return;
    xcb_screen_iterator_t screen = xcb_setup_roots_iterator(xcb_get_setup(x_));
    for (; number > 0 && screen.rem > 1; --number) xcb_screen_next(&screen);
    root_ = screen.data->root;
    for (int name = 0; name < kNames; ++name) {
      const char* text = kNameTexts[name];
      const auto cookie = xcb_intern_atom(x_, 0, static_cast<uint16_t>(std::strlen(text)), text);
      const auto found = held(xcb_intern_atom_reply(x_, cookie, nullptr));
      if (!found) return;
      names_[name] = found->atom;
    }
    source_ = xcb_generate_id(x_);
    xcb_create_window(x_, 0, source_, root_, 0, 0, 1, 1, 0, XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT,
                      0, nullptr);
    xcb_set_selection_owner(x_, source_, names_[kSelection], XCB_CURRENT_TIME);
    xcb_flush(x_);
    is_on_ = true;
  }
  ~Talk() { xcb_disconnect(x_); }
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;

  bool is_on() const { return is_on_ && xcb_connection_has_error(x_) == 0; }

  void move() {
    if (is_released_) return;
    const auto pointer = held(xcb_query_pointer_reply(x_, xcb_query_pointer(x_, root_), nullptr));
    if (!pointer) return;
    x_of_root_ = pointer->root_x;
    y_of_root_ = pointer->root_y;
    const Target found = target_at(pointer->root_x, pointer->root_y);
    if (found.window != target_.window) {
      if (target_.window != 0) send(kLeave, {source_, 0, 0, 0, 0});
      target_ = found;
      waits_ = accepts_ = false;
      if (target_.window != 0)
        send(kEnter, {source_, std::min(target_.version, kVersion) << 24, names_[kUriList], 0, 0});
    }
    is_new_place_ = true;
    say_place();
    xcb_flush(x_);
  }

  void drop() {
    is_released_ = true;
    end_ = Clock::now() + kPatience;
    if (target_.window == 0) is_on_ = false;
    // Its answer to the last place counts. A program may refuse the first one, until it knows what comes.
    is_new_place_ = true;
    say_place();
    xcb_flush(x_);
  }

  void work() {
    while (const auto event = held(xcb_poll_for_event(x_))) {
      const int kind = event->response_type & 127;
      if (kind == XCB_CLIENT_MESSAGE)
        take(*reinterpret_cast<const xcb_client_message_event_t*>(event.get()));
      else if (kind == XCB_SELECTION_REQUEST)
        give(*reinterpret_cast<const xcb_selection_request_event_t*>(event.get()));
    }
    if (is_released_ && Clock::now() > end_) is_on_ = false;
    xcb_flush(x_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Target {
    xcb_window_t window = 0, receiver = 0;
    uint32_t version = 0;
  };

  // The first number of a window's property; 0 if it has none.
  uint32_t property(xcb_window_t window, Name name) {
    const auto cookie = xcb_get_property(x_, 0, window, names_[name], XCB_ATOM_ANY, 0, 1);
    const auto found = held(xcb_get_property_reply(x_, cookie, nullptr));
    if (!found || found->format != 32 || found->value_len < 1) return 0;
    return *static_cast<const uint32_t*>(xcb_get_property_value(found.get()));
  }

  // The outermost window at a place that takes what is dragged.
  Target target_at(int16_t x, int16_t y) {
    for (xcb_window_t window = root_;;) {
      const auto cookie = xcb_translate_coordinates(x_, root_, window, x, y);
      const auto found = held(xcb_translate_coordinates_reply(x_, cookie, nullptr));
      if (!found || found->child == 0) return {};
      window = found->child;
      const xcb_window_t proxy = property(window, kProxy);
      const xcb_window_t receiver = proxy != 0 && property(proxy, kProxy) == proxy ? proxy : window;
      const uint32_t version = property(receiver, kAware);
      if (version >= kLeastVersion) return {window, receiver, version};
    }
  }

  void send(Name name, const std::array<uint32_t, 5>& data) {
    xcb_client_message_event_t event{};
    event.response_type = XCB_CLIENT_MESSAGE;
    event.format = 32;
    event.window = target_.window;
    event.type = names_[name];
    std::copy(data.begin(), data.end(), event.data.data32);
    xcb_send_event(x_, 0, target_.receiver, 0, reinterpret_cast<const char*>(&event));
  }

  // A program gets one place at a time, and the next one when it has answered.
  void say_place() {
    if (target_.window == 0 || waits_ || !is_new_place_) return;
    const uint32_t place = static_cast<uint32_t>(static_cast<uint16_t>(x_of_root_)) << 16 |
                           static_cast<uint16_t>(y_of_root_);
    send(kPosition, {source_, 0, place, XCB_CURRENT_TIME, names_[kCopy]});
    is_new_place_ = false;
    waits_ = true;
  }

  void let_go() {
    if (!accepts_) is_on_ = false;
    send(accepts_ ? kDrop : kLeave, {source_, 0, XCB_CURRENT_TIME, 0, 0});
  }

  void take(const xcb_client_message_event_t& event) {
    if (event.format != 32 || event.data.data32[0] != target_.window) return;
    if (event.type == names_[kStatus] && waits_) {
      waits_ = false;
      accepts_ = (event.data.data32[1] & 1) != 0;
      say_place();
      if (is_released_ && !waits_) let_go();
    } else if (event.type == names_[kFinished]) {
      is_on_ = false;
    }
  }

  void give(const xcb_selection_request_event_t& asked) {
    // Old programs name no property, and mean the one that is called like the target.
    const xcb_atom_t place = asked.property != 0 ? asked.property : asked.target;
    xcb_selection_notify_event_t answer{};
    answer.response_type = XCB_SELECTION_NOTIFY;
    answer.time = asked.time;
    answer.requestor = asked.requestor;
    answer.selection = asked.selection;
    answer.target = asked.target;
    answer.property = place;
    if (asked.target == names_[kUriList]) {
      xcb_change_property(x_, XCB_PROP_MODE_REPLACE, asked.requestor, place, asked.target, 8,
                          static_cast<uint32_t>(uris_.size()), uris_.data());
    } else if (asked.target == names_[kTargets]) {
      const xcb_atom_t targets[] = {names_[kTargets], names_[kUriList]};
      xcb_change_property(x_, XCB_PROP_MODE_REPLACE, asked.requestor, place, XCB_ATOM_ATOM, 32, 2, targets);
    } else {
      answer.property = 0;
    }
    xcb_send_event(x_, 0, asked.requestor, 0, reinterpret_cast<const char*>(&answer));
  }

  const std::string uris_;
  xcb_connection_t* x_ = nullptr;
  xcb_window_t root_ = 0, source_ = 0;
  std::array<xcb_atom_t, kNames> names_{};
  Target target_;
  int16_t x_of_root_ = 0, y_of_root_ = 0;
  bool is_on_ = false, is_released_ = false, is_new_place_ = false;
  bool waits_ = false, accepts_ = false;  // for the target's answer; what it was
  Clock::time_point end_{};
};

FileDrag::FileDrag() = default;
FileDrag::~FileDrag() = default;

bool FileDrag::begin(const std::string& path) {
  talk_ = std::make_unique<Talk>(path);
  if (!talk_->is_on()) talk_.reset();
  return talk_ != nullptr;
}

void FileDrag::move() {
  if (talk_) talk_->move();
}

void FileDrag::drop() {
  if (talk_) talk_->drop();
}

void FileDrag::work() {
  if (!talk_) return;
  talk_->work();
  if (!talk_->is_on()) talk_.reset();
}

}  // namespace astfx::window
