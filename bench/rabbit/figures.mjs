/** How numbers are written for people. */

export function rateText(rate) {
  if (rate >= 99_950) return `${Math.round(rate / 1000)}k`;
  return rate >= 1_000 ? `${(rate / 1000).toFixed(1)}k` : String(Math.round(rate));
}

export function ratioText(ratio) {
  return ratio >= 9.995 ? ratio.toFixed(1) : ratio.toFixed(2);
}

/** The median, and the least and the greatest behind it. */
export function spreadText({ median, least, greatest }, text) {
  return `${text(median)} (${text(least)}–${text(greatest)})`;
}
