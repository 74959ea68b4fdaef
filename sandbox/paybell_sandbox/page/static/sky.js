// The sky behind the phone: its colours, and where sun and moon stand, at an hour of the day.

// hour, top, middle, low
const DAY = [
  [0, [11, 16, 38], [20, 27, 58], [38, 46, 84]],
  [4.6, [14, 20, 46], [32, 38, 76], [70, 66, 108]],
  [6, [64, 80, 140], [190, 144, 164], [248, 196, 150]],
  [7.6, [140, 184, 226], [196, 217, 234], [250, 229, 204]],
  [10, [148, 195, 236], [190, 219, 242], [231, 240, 246]],
  [15, [146, 193, 234], [190, 218, 240], [234, 239, 242]],
  [17.2, [150, 182, 220], [222, 208, 206], [250, 214, 170]],
  [18.6, [78, 82, 142], [190, 122, 142], [246, 164, 120]],
  [20, [26, 32, 72], [62, 56, 104], [112, 82, 118]],
  [21.5, [12, 17, 42], [22, 29, 62], [42, 50, 88]],
  [24, [11, 16, 38], [20, 27, 58], [38, 46, 84]],
];
const DIMMED = 0.52; // for people who want it dark: the same sky with the blind half down
const NIGHT = [13, 16, 26];

const INK = [0, 0, 0]; // --words of the style sheet, where they are dark

const mix = (one, other, share) => one.map((value, index) => value + (other[index] - value) * share);

/** The three colours at an hour. */
export function colours(hour, dark) {
  const next = Math.max(1, DAY.findIndex(([at]) => at >= hour));
  const [from, ...before] = DAY[next - 1];
  const [to, ...after] = DAY[next];
  const share = (hour - from) / (to - from);
  return before.map((colour, index) => {
    const found = mix(colour, after[index], share);
    return dark ? mix(found, NIGHT, DIMMED) : found;
  });
}

const channel = (value) => {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
};

/** WCAG's relative luminance. */
export const luminance = ([red, green, blue]) =>
  0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);

export const isNight = (hour) => hour < 6.2 || hour >= 19.2;

/** Puts an hour's sky on the stage. */
export function paint(stage, hour, dark) {
  const found = colours(hour, dark);
  for (const [index, name] of ["--sky-top", "--sky-middle", "--sky-low"].entries()) {
    stage.style.setProperty(name, `rgb(${found[index].map(Math.round).join(" ")})`);
  }
  // the words stand where the sky has its upper colour: dark or light, whichever has more contrast there
  const behind = luminance(found[0]) + 0.05;
  const light = 1.05 / behind > behind / (luminance(INK) + 0.05);
  stage.dataset.words = light ? "light" : "dark";
  stage.dataset.light = isNight(hour) ? "night" : "day";
  const sun = (hour - 5.4) / (20.2 - 5.4);
  const moon = ((hour + 24 - 19.9) % 24) / 9.7;
  // up and down again beside the phone, never behind the words: the sun on the right, the moon on the left
  const noon = place(stage, "sun", sun, 86 + sun * 8, 13.5);
  place(stage, "moon", moon, 13 - moon * 7, 27);
  stage.style.setProperty("--warm", `${Math.round((1 - noon) * 100)}%`);
  stage.style.setProperty("--stars", String(Math.max(0, Math.min(1, hour < 12 ? (5.4 - hour) / 1.4 : (hour - 19.2) / 1.6))));
}

/** How high it stands, 0 to 1. */
function place(stage, what, way, across, top) {
  const up = way > -0.05 && way < 1.05;
  stage.style.setProperty(`--${what}-shown`, up ? "1" : "0");
  const high = Math.sin(Math.max(0, Math.min(1, way)) * Math.PI) ** 0.7;
  stage.style.setProperty(`--${what}-x`, `${across.toFixed(2)}%`);
  stage.style.setProperty(`--${what}-y`, `${(84 - high * (84 - top)).toFixed(2)}%`);
  return high;
}
