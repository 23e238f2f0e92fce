// Scales, ticks and numbers as text. Pure: nothing here knows the page.

const NUMBER = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const UNDEFINED = "–";

function logScale(low, high, from, to) {
  const l0 = Math.log(low), span = Math.log(high) - l0 || 1;
  const at = v => from + (to - from) * ((Math.log(v) - l0) / span);
  at.invert = p => Math.exp(l0 + (span * (p - from)) / (to - from));
  at.low = low;
  at.high = high;
  return at;
}

function linearScale(low, high, from, to) {
  const span = high - low || 1;
  const at = v => from + (to - from) * ((v - low) / span);
  at.invert = p => low + (span * (p - from)) / (to - from);
  at.low = low;
  at.high = high;
  return at;
}

// Powers of ten inside a log scale; where there are fewer than two, 1-2-5 steps as well.
function logTicks(low, high, most = 8) {
  const tens = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++) tens.push(p);
  const inside = v => v >= low * 0.9999 && v <= high * 1.0001;
  const plain = tens.map(p => 10 ** p).filter(inside);
  if (plain.length < 3) {
    const finer = tens.flatMap(p => [1, 2, 5].map(m => m * 10 ** p)).filter(inside);
    if (finer.length >= 2) return finer;
    return linearTicks(low, high, 3).filter(inside);
  }
  const step = Math.ceil(plain.length / most);
  return plain.filter((_, i) => i % step === 0);
}

// What stands between powers of ten: 2 to 9 of each, for ticks without a number.
function minorLogTicks(low, high) {
  const found = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high); p++)
    for (let m = 2; m < 10; m++) if (m * 10 ** p > low && m * 10 ** p < high) found.push(m * 10 ** p);
  return found.length > 120 ? [] : found;
}

function linearTicks(low, high, about) {
  const raw = (high - low) / about || 1;
  const ten = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * ten).find(s => s >= raw);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high * (1 + 1e-9); v += step) found.push(+v.toPrecision(10));
  return found;
}

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

// 1,000 and 0.01 as they are; 20k and 3M for more; what is smaller or larger as 10⁻⁵.
function tickText(v) {
  if (v === 0) return "0";
  const p = Math.log10(Math.abs(v));
  if (v >= 9999 && v < 1e9) return v < 999999 ? `${+(v / 1e3).toPrecision(3)}k` : `${+(v / 1e6).toPrecision(3)}M`;
  if (p >= 9 || p < -3.0001) {
    const e = Math.floor(p + 1e-9), m = +(v / 10 ** e).toPrecision(2);
    const raised = String(e).split("").map(c => SUPERSCRIPT[c]).join("");
    return (m === 1 ? "" : m + "·") + "10" + raised;
  }
  return v >= 1000 ? NUMBER.format(v) : String(+v.toPrecision(3));
}

function countText(v) {
  return Number.isFinite(v) ? NUMBER.format(v) : UNDEFINED;
}

// A number of any size with three digits that matter.
function numberText(v) {
  if (!Number.isFinite(v)) return UNDEFINED;
  const size = Math.abs(v);
  if (size >= 1000) return NUMBER.format(v);
  if (size !== 0 && size < 1e-4) return v.toExponential(2).replace("e-", "e−");
  return String(+v.toPrecision(3));
}

// A share as per cent; never 0 or 100 for what is not quite.
function percentText(share, digits = 1) {
  if (!Number.isFinite(share)) return UNDEFINED;
  const smallest = 10 ** -digits, value = share * 100;
  if (value > 0 && value < smallest / 2) return `< ${smallest.toFixed(digits)} %`;
  if (value < 100 && value > 100 - smallest / 2) return `> ${(100 - smallest).toFixed(digits)} %`;
  return `${value.toFixed(digits)} %`;
}

// A false-alarm rate: small ones keep two digits that matter.
function rateText(share) {
  if (!Number.isFinite(share)) return UNDEFINED;
  const value = share * 100;
  if (value === 0) return "0 %";
  return `${value >= 1 ? value.toFixed(2) : +value.toPrecision(2)} %`;
}

// A threshold with so many digits that its neighbours read differently; at most so many.
function thresholdText(v, below, above, most = 9) {
  for (let digits = 4; digits < most; digits++) {
    const text = plainDigits(v, digits);
    if (text !== plainDigits(below, digits) && text !== plainDigits(above, digits)) return text;
  }
  return plainDigits(v, most);
}

function plainDigits(v, digits) {
  const size = Math.abs(v);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return v.toExponential(digits - 1);
  return String(+v.toPrecision(digits));
}

// Quantile of the normal law (Acklam 2003, relative error below 1.2e-9).
const PROBIT_A = [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239];
const PROBIT_B = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572];
const PROBIT_C = [-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783];
const PROBIT_D = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416];

function probit(p) {
  if (!(p > 0 && p < 1)) return NaN;
  const poly = (c, x) => c.reduce((sum, a) => sum * x + a, 0);
  if (p > 0.97575) return -probit(1 - p);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return poly(PROBIT_C, q) / (poly(PROBIT_D, q) * q + 1);
  }
  const q = p - 0.5, r = q * q;
  return (poly(PROBIT_A, r) * q) / (poly(PROBIT_B, r) * r + 1);
}
