// What the node's clock shows, so that a countdown is right on a machine whose clock is not.
//
// Each answer has the node's time in whole seconds, and was made between its request and its arrival. So each bounds
// the difference of the two clocks from both sides, and many of them leave little room.

const SECOND = 1000;

let low = -Infinity;
let high = Infinity;

/**
 * Learns from an answer.
 * @param {string | null} date its `Date`
 * @param {number} sent when its request was sent, by this machine's clock
 */
export function observe(date, sent) {
  const at = Date.parse(date ?? "");
  if (Number.isNaN(at)) return;
  const [least, most] = [at - Date.now(), at + SECOND - sent];
  low = Math.max(low, least);
  high = Math.min(high, most);
  // One of the clocks was set: what was learnt before is of another one.
  if (low > high) [low, high] = [least, most];
}

/**
 * A node's clock may go faster than the world's (`jettimer dev --time-scale`): then by this instant of it, and from there on.
 * @type {{ at: number, here: number, times: number } | undefined}
 */
let fast;

/**
 * Learns what the node says of its clock.
 * @param {{ at: string, time_scale?: number }} stats
 */
export function learn({ at, time_scale: times = 1 }) {
  fast = times === 1 ? undefined : { at: Date.parse(at), here: Date.now(), times };
}

/** Milliseconds since the epoch, by the node's clock. */
export function now() {
  const here = Date.now();
  if (fast) return fast.at + (here - fast.here) * fast.times;
  // The same clock, as far as anybody can tell.
  if (low <= 0 && high >= 0) return here;
  return here + (low + high) / 2;
}
