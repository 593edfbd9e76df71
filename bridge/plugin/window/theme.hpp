// Colours and sizes of the window, in points of a window of kWidth x kHeight.
#pragma once

namespace astfx::window {

constexpr double kWidth = 880.0, kHeight = 540.0;

struct Colour {
  double red, green, blue, alpha = 1.0;
};

constexpr Colour rgb(unsigned code) {
  return {(code >> 16 & 255) / 255.0, (code >> 8 & 255) / 255.0, (code & 255) / 255.0};
}

constexpr Colour between(Colour a, Colour b, double share) {
  return {a.red + (b.red - a.red) * share, a.green + (b.green - a.green) * share,
          a.blue + (b.blue - a.blue) * share, a.alpha + (b.alpha - a.alpha) * share};
}

constexpr Colour faded(Colour colour, double alpha) {
  return {colour.red, colour.green, colour.blue, alpha};
}

constexpr Colour kBack = rgb(0x14161b), kPanel = rgb(0x1d2027), kSunken = rgb(0x111318),
                 kLine = rgb(0x313641), kText = rgb(0xe8eaef), kDim = rgb(0x98a1b0),
                 kFirst = rgb(0x56b6f7), kSecond = rgb(0xf7b056), kGood = rgb(0x58c98a),
                 kLoud = rgb(0xf2d15c), kBad = rgb(0xf26d6d);
constexpr double kRound = 6.0, kSmall = 11.0, kNormal = 13.0, kLarge = 20.0;

}  // namespace astfx::window
