/** Numbers as people read them. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const hundredths = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/** 12345 -> "12,345". */
export const integer = (value) => whole.format(value);

/** Three digits that count: 93.3134 -> "93.3", 12345 -> "12,345". */
export const number = (value) => (Math.abs(value) >= 1000 ? whole : short).format(value);

/** A measured quality, as tables print it: 93.3134 -> "93.31". */
export const metric = (value) => hundredths.format(value);

/** 4200000 -> "4.2M". */
export const large = (value) => compact.format(value);

/** Milliseconds: 0.612 -> "0.612 ms". */
export const milliseconds = (value) => (value >= 1000 ? `${number(value / 1000)} s` : `${number(value)} ms`);

/** 0.1234 -> "12%"; small ones keep a digit that counts. */
export function percent(value) {
  if (value > 0 && value < 0.0005) return "< 0.1%";
  return `${new Intl.NumberFormat("en", { maximumFractionDigits: value < 0.1 ? 1 : 0 }).format(100 * value)}%`;
}

/** Bytes in decimal units: 8412345 -> "8.41 MB". */
export function bytes(value) {
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return `${short.format(value / 1000 ** power)} ${units[power]}`;
}

/** A log-probability as odds: ln 0.01 -> "1 in 100". */
export function oneIn(logProb) {
  const times = Math.exp(-logProb);
  if (times < 9.95) return `1 in ${new Intl.NumberFormat("en", { maximumFractionDigits: 1 }).format(times)}`;
  return `1 in ${times < 1e6 ? integer(Number(times.toPrecision(2))) : large(times)}`;
}

/** Seconds: 3093 -> "52 min". */
export function duration(seconds) {
  if (seconds < 90) return `${number(seconds)} s`;
  if (seconds < 5400) return `${integer(seconds / 60)} min`;
  return `${short.format(seconds / 3600)} h`;
}

/** How a value relates to the first model's: "1.30× less", "the same". */
export function ratio(value, reference, less, more) {
  if (!(value > 0) || !(reference > 0)) return "";
  const times = value < reference ? reference / value : value / reference;
  if (times < 1.005) return "the same";
  return `${times < 10 ? times.toPrecision(3) : integer(times)}× ${value < reference ? less : more}`;
}
