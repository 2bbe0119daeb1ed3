/** How long each model computes: a median, since a single request says little on a busy machine. */

import { bars } from "./bars.js";
import { milliseconds, ratio } from "./numbers.js";

const RUNS = 5;

/** Slower comparisons are not repeated: that would keep others waiting. */
const QUICK_MS = 400;

/**
 * Draw the times of a comparison, then repeat it and draw what the medians have become.
 *
 * @param {HTMLElement} place Filled.
 * @param {object} response Of `POST /compare`.
 * @param {() => Promise<object>} again Asks the same once more.
 * @param {(name: string) => number} seriesOf
 */
export async function drawTimes(place, response, again, seriesOf) {
  const runs = [timesOf(response)];
  place.replaceChildren(timeBars(response, runs, seriesOf));
  const whole = response.results.reduce((sum, result) => sum + result.latency_ms, 0);
  while (whole < QUICK_MS && runs.length < RUNS) {
    runs.push(timesOf(await again()));
    place.replaceChildren(timeBars(response, runs, seriesOf));
  }
}

const timesOf = (response) => response.results.map((result) => result.response.timing_ms.compute);

function timeBars(response, runs, seriesOf) {
  const medians = response.results.map((_, index) => median(runs.map((times) => times[index])));
  return bars("Time to compute", response.results.map(({ model }, index) => ({
    name: model,
    series: seriesOf(model),
    value: medians[index],
    text: milliseconds(medians[index]),
    note: index ? ratio(medians[index], medians[0], "faster", "slower") : "",
  })), runs.length > 1 ? `median of ${runs.length} runs` : "a single run");
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
