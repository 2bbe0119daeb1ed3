/**
 * How long each model computes: the fastest of several runs. What makes a run slower than that is
 * other work on the machine, and not the model.
 */

import { bars } from "./bars.js";
import { milliseconds, ratio } from "./numbers.js";

const RUNS = 7;

/** Slower comparisons are not repeated: that would keep others waiting. */
const QUICK_MS = 400;

/**
 * Draw the times of a comparison, then repeat it and draw the fastest runs.
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
  const fastest = response.results.map((_, index) => Math.min(...runs.map((times) => times[index])));
  return bars("Time to compute", response.results.map(({ model }, index) => ({
    name: model,
    series: seriesOf(model),
    value: fastest[index],
    text: milliseconds(fastest[index]),
    note: index ? ratio(fastest[index], fastest[0], "faster", "slower") : "",
  })), runs.length > 1 ? `fastest of ${runs.length} runs` : "a single run");
}
