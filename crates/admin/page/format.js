// Numbers for people. What is not known is a dash.

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const DASH = "\u2013";

const known = (number) => number !== null && number !== undefined && Number.isFinite(number);

export function count(number) {
  return known(number) ? whole.format(number) : DASH;
}

/// A number in at most five characters, for where there is little room.
export function short(number) {
  if (!known(number)) return DASH;
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e4]]) {
    if (number >= size) {
      const scaled = number / (unit === "k" ? 1e3 : size);
      return `${scaled >= 100 ? scaled.toFixed(0) : +scaled.toFixed(1)}\u2009${unit}`;
    }
  }
  return number > 0 && number < 10 ? String(+number.toFixed(1)) : whole.format(number);
}

export function rate(number) {
  return known(number) ? `${number >= 1e7 ? short(number) : whole.format(number)}/s` : DASH;
}

export function bytes(number) {
  if (!known(number)) return DASH;
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
    if (number >= size) {
      const scaled = number / size;
      return `${scaled >= 100 ? scaled.toFixed(0) : +scaled.toFixed(1)} ${unit}`;
    }
  }
  return `${whole.format(number)} B`;
}

export function span(seconds) {
  if (!known(seconds)) return DASH;
  if (seconds === 0) return "0 s";
  if (seconds < 1e-6) return `${(seconds * 1e9).toFixed(0)} ns`;
  if (seconds < 1e-3) return `${digits(seconds * 1e6)} \u00b5s`;
  if (seconds < 1) return `${digits(seconds * 1e3)} ms`;
  if (seconds < 90) return `${digits(seconds)} s`;
  if (seconds < 5400) return `${(seconds / 60).toFixed(0)} min`;
  if (seconds < 129600) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86400).toFixed(1)} d`;
}

function digits(number) {
  return number >= 100 ? number.toFixed(0) : number >= 10 ? number.toFixed(1) : number.toFixed(2);
}

/// How long something has gone on, in whole units.
export function age(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [[Math.floor(whole / 86400), "d"], [Math.floor(whole / 3600) % 24, "h"], [Math.floor(whole / 60) % 60, "min"], [whole % 60, "s"]];
  const first = parts.findIndex(([number]) => number > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).map(([number, unit]) => `${number} ${unit}`).join(" ");
}

export function percent(share) {
  return known(share) ? `${(share * 100).toFixed(0)} %` : DASH;
}

export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}

export function plural(number, one, many) {
  return `${count(number)} ${number === 1 ? one : many}`;
}
