// One clock for all that counts down, which stands still in a tab that nobody looks at.

/** Ten times a second, for tenths; once a second for those who want less motion. */
const [FAST, CALM] = [100, 1000];

const calm = matchMedia("(prefers-reduced-motion: reduce)");
/** @type {Set<() => void>} */
const hands = new Set();
let timer = 0;

/** How often it ticks, in ms. */
function pace() {
  return calm.matches ? CALM : FAST;
}

function tick() {
  for (const hand of hands) hand();
}

function wind() {
  clearInterval(timer);
  timer = 0;
  if (hands.size && !document.hidden) timer = setInterval(tick, pace());
}

document.addEventListener("visibilitychange", () => { wind(); if (!document.hidden) tick(); });
calm.addEventListener("change", wind);

/**
 * Calls with each tick, until the signal.
 * @param {() => void} hand
 * @param {AbortSignal} signal
 */
export function everyTick(hand, signal) {
  hands.add(hand);
  if (!timer) wind();
  signal.addEventListener("abort", () => { hands.delete(hand); wind(); });
}

/** Whether motion is wanted. */
export function moves() {
  return !calm.matches;
}
