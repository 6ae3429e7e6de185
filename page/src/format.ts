// Numbers, times and durations as people read them.

/** At most `digits` significant digits, without trailing zeros; an exponent where it is shorter. Whole numbers have all their digits. */
export function number(value: number, digits = 4): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isSafeInteger(value)) return signed(whole(value));
  if (size >= 1e6 || size < 1e-4) return signed(trimmed(value.toExponential(digits - 1)));
  return signed(trimmed(value.toPrecision(digits)));
}

/** From ten million on as a power of ten, if that is shorter and has all digits too. */
function whole(value: number): string {
  const [usual, raised] = [value.toString(), trimmed(value.toExponential())];
  return Math.abs(value) >= 1e7 && raised.length < usual.length ? raised : usual;
}

function trimmed(text: string): string {
  const [mantissa = "", exponent] = text.split("e");
  const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  return exponent === undefined ? short : `${short}e${exponent.replace("+", "")}`;
}

function signed(text: string): string {
  return text.replace(/-/g, "−");
}

export function scalar(value: unknown): string {
  if (typeof value === "number") return number(value);
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
}

/** A duration in seconds: 8 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 10) return `${trimmed(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(whole, 60, "min", 1, "s");
  if (whole < 86400) return pair(whole, 3600, "h", 60, "min");
  return pair(whole, 86400, "d", 3600, "h");
}

function pair(seconds: number, large: number, name: string, small: number, second: string): string {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${name}${rest ? ` ${rest} ${second}` : ""}`;
}

/** How long ago: "now", "5 min ago", "3 d ago". */
export function ago(then: number, now: number): string {
  const seconds = (now - then) / 1000;
  if (seconds < 10) return "now";
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} d ago`;
}

export function count(value: number, one: string, many = `${one}s`): string {
  return `${thousands(value)} ${value === 1 ? one : many}`;
}

export function thousands(value: number): string {
  return value.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

export function instant(text: string | null): number {
  return text === null ? NaN : Date.parse(text);
}

const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function when(milliseconds: number): string {
  return Number.isFinite(milliseconds) ? FULL.format(milliseconds) : "";
}
